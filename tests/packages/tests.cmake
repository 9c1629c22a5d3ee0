# SPDX-License-Identifier: MIT
# What can be told of the packages without making them; root.sh makes them, twice, and lives with them in an empty system.
pyrite_script_test(packages packages/packages.sh ONCE)
pyrite_script_test(packages_root packages/root.sh ONCE)
if(TEST packages) # both install from the one build
	set_tests_properties(packages install PROPERTIES RESOURCE_LOCK installation)
endif()
if(TEST packages_root)
	set_tests_properties(packages_root PROPERTIES LABELS long TIMEOUT 2400)
endif()
