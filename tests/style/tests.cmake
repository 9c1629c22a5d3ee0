# SPDX-License-Identifier: MIT
pyrite_script_test(style style/style.py ONCE ${PROJECT_SOURCE_DIR})
