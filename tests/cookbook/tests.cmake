# SPDX-License-Identifier: MIT
# Every recipe of docs/cookbook, built and run in an empty folder with Pyrite installed; and the programs of
# docs/coming-from-grpc.md, of which some need what scripts/deps --long installs.
pyrite_script_test(cookbook cookbook/cookbook.py ONCE)
if(NOT PYRITE_SANITIZE)
	pyrite_script_test(cookbook_grpc cookbook/cookbook.py --grpc)
	set_tests_properties(cookbook_grpc PROPERTIES LABELS long)
endif()
