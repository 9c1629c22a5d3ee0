# SPDX-License-Identifier: MIT
pyrite_script_test(count scripts/count.py ONCE ${PROJECT_SOURCE_DIR})
