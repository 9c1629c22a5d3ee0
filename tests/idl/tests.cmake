# SPDX-License-Identifier: MIT
# Tests of the front end that read folders of files: tests/bad, and tests/idl/corpus, which is accepted.
function(pyrite_idl_test name folder)
	add_executable(test_${name} unit/test_${name}.c)
	target_include_directories(test_${name} PRIVATE unit)
	target_link_libraries(test_${name} PRIVATE PkgConfig::CUNIT pyrite_idl_front)
	pyrite_warnings(test_${name})
	add_test(NAME ${name} COMMAND test_${name} ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
endfunction()

pyrite_idl_test(idl_bad bad)
pyrite_idl_test(idl_mutate corpus)
pyrite_unit_test(idl pyrite_idl_front)
if(NOT PYRITE_SANITIZE) # where fuzz_targets and idl_random feed the same front end
	pyrite_unit_test(idl_limits pyrite_idl_front)
endif()
pyrite_unit_test(idl_unsupported pyrite_idl_front)
