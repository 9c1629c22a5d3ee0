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
pyrite_unit_test(idl_values pyrite_idl_front)

# pyrite-idl in a process whose memory is out.
add_executable(test_idl_memory unit/test_idl_memory.c)
target_include_directories(test_idl_memory PRIVATE unit)
target_link_libraries(test_idl_memory PRIVATE PkgConfig::CUNIT pyrite_codegen pyrite_idl_front)
pyrite_warnings(test_idl_memory)
add_test(NAME idl_memory COMMAND test_idl_memory ${CMAKE_CURRENT_SOURCE_DIR}/interop/testing.proto)
pyrite_test_properties(idl_memory)
target_link_options(test_idl_memory PRIVATE
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup,--wrap=strndup,--wrap=realpath,--wrap=free)

# The formatter: what it makes of each construct and of every file here, and the command.
add_executable(test_format unit/test_format.c fuzz/format_mix.c)
target_include_directories(test_format PRIVATE unit)
target_link_libraries(test_format PRIVATE PkgConfig::CUNIT pyrite_codegen pyrite_idl_front)
pyrite_warnings(test_format)
add_test(NAME format COMMAND test_format ${PROJECT_SOURCE_DIR})
pyrite_test_properties(format)
pyrite_script_test(format_command idl/format.sh ONCE)
pyrite_script_test(docs_command idl/docs.sh ONCE)
pyrite_script_test(idl_imports idl/imports.py ONCE)
pyrite_script_test(idl_growth idl/growth.py ONCE)
