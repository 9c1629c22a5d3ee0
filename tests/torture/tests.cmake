# SPDX-License-Identifier: MIT
# The n-th allocation or system call fails, for every n; damaged files; signals at any time. README.md has more.
add_executable(torture-signals torture/signals.c torture/place.c)
pyrite_generate(TARGET torture-signals IDL torture/things.idl)
target_include_directories(torture-signals PRIVATE torture)
target_link_libraries(torture-signals PRIVATE pyrite)
pyrite_warnings(torture-signals)
add_test(NAME torture_signals COMMAND torture-signals 200)
add_test(NAME torture_signals_long COMMAND torture-signals 1000)
pyrite_test_properties(torture_signals)
pyrite_test_properties(torture_signals_long)
set_tests_properties(torture_signals_long PROPERTIES LABELS long)
if(PYRITE_SANITIZE MATCHES thread)
	return() # it forbids faults in what its own functions call
endif()

add_library(torture_preload SHARED torture/interpose.c torture/live.c torture/memory.c torture/syscalls.c)
set_target_properties(torture_preload PROPERTIES OUTPUT_NAME torture C_VISIBILITY_PRESET hidden
	LIBRARY_OUTPUT_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
target_compile_definitions(torture_preload PRIVATE _GNU_SOURCE)
target_link_libraries(torture_preload PRIVATE ${CMAKE_DL_LIBS})
pyrite_warnings(torture_preload)
# Behind what the presets ask for: it stands before the sanitizers, too, and runs before they do.
target_compile_options(torture_preload PRIVATE -fno-builtin -fno-sanitize=all)
target_link_options(torture_preload PRIVATE -fno-sanitize=all)
target_compile_options(torture_preload PRIVATE -Wno-pedantic) # statements in expressions, functions from dlsym()

add_executable(torture torture/run.c torture/place.c torture/calls.c torture/streams.c torture/references.c
	torture/secure.c torture/names.c torture/faces.c torture/texts.c torture/many.c torture/program.c
	torture/hidden.c torture/asked.c torture/found.c torture/given.c)
# health.idl is made for imported-client: ../interop/tests.cmake.
pyrite_generate(TARGET torture IDL torture/things.idl ${CMAKE_CURRENT_BINARY_DIR}/imported/health.idl)
target_include_directories(torture PRIVATE torture)
pyrite_warnings(torture)
target_link_libraries(torture PRIVATE torture_preload pyrite test_relay)
add_executable(torture-older torture/older.c)
pyrite_generate(TARGET torture-older IDL torture/older/things.idl)
pyrite_warnings(torture-older)
target_link_libraries(torture-older PRIVATE pyrite)
add_dependencies(torture pyrite-ns pyrite-tool torture-older imported-client)

if(PYRITE_SANITIZE)
	pyrite_script_test(torture_sanitized torture/torture.py --stride 4)
	set_tests_properties(torture_sanitized PROPERTIES LABELS long TIMEOUT 3600)
	return()
endif()
pyrite_script_test(torture torture/torture.py)
pyrite_script_test(torture_first torture/torture.py --first --kind memory --stride 3
	call rules-in-the-environment reference-made)
pyrite_script_test(torture_core torture/core.py 10)
pyrite_script_test(torture_files torture/mutations.py 12)
pyrite_script_test(torture_tools torture/tools.py 17)
pyrite_script_test(torture_tools_long torture/tools.py)
pyrite_script_test(torture_all torture/torture.py --every)
pyrite_script_test(torture_first_all torture/torture.py --first --every --variant 0)
pyrite_script_test(torture_core_long torture/core.py 100)
pyrite_script_test(torture_files_long torture/mutations.py 1000)
set_tests_properties(torture_all torture_first_all torture_core_long torture_files_long torture_tools_long PROPERTIES LABELS long TIMEOUT 3600)
