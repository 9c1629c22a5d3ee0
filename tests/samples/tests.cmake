# SPDX-License-Identifier: MIT
# The samples as their READMEs say, and what their own clients never ask of their servers. They measure time and take all
# cores, so nothing runs beside them.
add_executable(test-fib-caller samples/fib_caller.c)
pyrite_generate(TARGET test-fib-caller IDL ${PROJECT_SOURCE_DIR}/samples/02-fib/fib.idl)
add_executable(test-sleeper samples/sleeper.c)
pyrite_generate(TARGET test-sleeper IDL ${PROJECT_SOURCE_DIR}/samples/03-timers/timers.idl)
foreach(program test-fib-caller test-sleeper)
	target_link_libraries(${program} PRIVATE pyrite)
	pyrite_warnings(${program})
endforeach()

pyrite_script_test(sample_fib samples/fib.sh)
pyrite_script_test(sample_batch samples/batch.sh)
pyrite_script_test(sample_timers samples/timers.sh)
pyrite_script_test(sample_streams samples/streams.sh)
pyrite_script_test(sample_errors samples/errors.sh)
pyrite_script_test(sample_chat samples/chat.sh)
pyrite_script_test(sample_python samples/python.sh)
pyrite_script_test(sample_loops samples/loops.sh)
pyrite_script_test(sample_ready samples/ready.sh)
pyrite_script_test(sample_unloaded samples/unloaded.sh)
pyrite_script_test(samples_alone samples/alone.sh ONCE)
set_tests_properties(sample_fib sample_timers PROPERTIES RUN_SERIAL TRUE)
