# SPDX-License-Identifier: MIT
pyrite_script_test(style style/style.py ONCE ${PROJECT_SOURCE_DIR})
pyrite_script_test(pyro_rows style/pyro_rows.py ONCE ${PROJECT_SOURCE_DIR})
pyrite_script_test(arrows style/arrows.py ONCE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
