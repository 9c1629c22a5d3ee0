# SPDX-License-Identifier: MIT
# The programs and figures of docs/comparison.md. The other systems are installed by scripts/deps --long alone.
pyrite_script_test(comparison compare/compare.py ONCE --check pyrite)
if(NOT PYRITE_SANITIZE)
	pyrite_script_test(comparison_all compare/compare.py --check)
	set_tests_properties(comparison_all PROPERTIES LABELS long)
endif()
