# SPDX-License-Identifier: MIT
# Every recipe of docs/cookbook, built and run in an empty folder with Pyrite installed.
pyrite_script_test(cookbook cookbook/cookbook.py ONCE)
