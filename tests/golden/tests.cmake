# SPDX-License-Identifier: MIT
# Output of pyrite-idl, file by file; PYRITE_UPDATE_GOLDEN=1 takes what comes out now as right. Then the command itself.
pyrite_script_test(golden golden/golden.sh ONCE)
pyrite_script_test(generator golden/generator.sh)
pyrite_script_test(generator_budgets golden/budgets.sh ONCE)

# What it is made of, and what generated tables say.
pyrite_unit_test(codegen pyrite_codegen)
pyrite_unit_test(codegen_tables pyrite_internal)
foreach(case arrays exceptions includes inheritance_diamond maps oneof oneway optional_default recursive scalars streams
		structs unions)
	file(GLOB generated CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/${case}/*.c)
	target_sources(test_codegen_tables PRIVATE ${generated})
	target_include_directories(test_codegen_tables PRIVATE ${CMAKE_CURRENT_LIST_DIR}/${case})
endforeach()
