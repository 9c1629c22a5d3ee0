# SPDX-License-Identifier: MIT
# The library under valgrind, with the suppressions that are installed. Sanitizers and valgrind do not go together.
if(NOT PYRITE_SANITIZE)
	add_executable(valgrind-pair valgrind/pair.c)
	pyrite_generate(TARGET valgrind-pair IDL ${PROJECT_SOURCE_DIR}/samples/01-add/example.idl)
	target_link_libraries(valgrind-pair PRIVATE pyrite Threads::Threads)
	pyrite_warnings(valgrind-pair)
	pyrite_script_test(valgrind valgrind/valgrind.sh)
	set_tests_properties(valgrind PROPERTIES SKIP_RETURN_CODE 77)
endif()
