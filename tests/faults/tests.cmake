# SPDX-License-Identifier: MIT
# Failure, load and hostile bytes: a daemon and its callers in processes of their own, driven by scripts.
add_library(faults_calls STATIC)
pyrite_generate(TARGET faults_calls IDL faults/faults.idl)
target_include_directories(faults_calls PUBLIC ${CMAKE_CURRENT_BINARY_DIR}/faults_calls.pyrite)
target_link_libraries(faults_calls PUBLIC pyrite_internal Threads::Threads)

# Streams: much data each way in constant memory. stream-bulk alone moves 1 GiB each way.
add_executable(stream-bulk faults/bulk.c)
pyrite_generate(TARGET stream-bulk IDL faults/bulk.idl)
target_link_libraries(stream-bulk PRIVATE pyrite_internal)
pyrite_warnings(stream-bulk)
if(NOT PYRITE_SANITIZE) # which keep what was freed
	add_test(NAME stream_bulk COMMAND stream-bulk 64)
	pyrite_test_properties(stream_bulk)
endif()

foreach(program server client crowd)
	add_executable(faults-${program} faults/${program}.c)
	target_link_libraries(faults-${program} PRIVATE faults_calls)
	pyrite_warnings(faults-${program})
endforeach()
add_executable(faults-tasks faults/tasks.c)
target_link_libraries(faults-tasks PRIVATE faults_calls)
pyrite_warnings(faults-tasks)
pyrite_script_test(faults_tasks faults/tasks.py)
pyrite_script_test(faults_crashes faults/crashes.py)
pyrite_script_test(faults_restarts faults/restarts.py)
pyrite_script_test(faults_hostile faults/hostile.py)
pyrite_script_test(faults_hold faults/hold.py)
pyrite_script_test(faults_load faults/load.py)
pyrite_script_test(faults_methods faults/long.py methods)
pyrite_script_test(faults_silence faults/long.py silence)
# They measure, and wait for times to pass: not all at once.
set_tests_properties(faults_load faults_methods faults_tasks PROPERTIES RUN_SERIAL TRUE)

add_executable(faults-far faults/far.c)
target_link_libraries(faults-far PRIVATE e2e_hops)
pyrite_warnings(faults-far)
add_test(NAME faults_far COMMAND faults-far)
pyrite_test_properties(faults_far)
set_tests_properties(faults_far PROPERTIES RUN_SERIAL TRUE)
