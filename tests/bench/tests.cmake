# SPDX-License-Identifier: MIT
# The measurements (docs/performance.md): server and client of Pyrite, and of gRPC core itself as the yardstick.
# scripts/bench runs them; bench_smoke only sees that they work.
add_library(bench_measure STATIC bench/measure.c)
add_library(bench_core STATIC bench/core.c)
target_link_libraries(bench_core PUBLIC bench_measure ${GRPC_LIBRARY} ${GPR_LIBRARY})
foreach(end server client)
	add_executable(bench-${end} bench/${end}.c golden/add/example.c)
	target_include_directories(bench-${end} PRIVATE golden/add)
	target_link_libraries(bench-${end} PRIVATE pyrite bench_measure Threads::Threads)
	add_executable(bench-core-${end} bench/core_${end}.c)
	target_link_libraries(bench-core-${end} PRIVATE bench_core Threads::Threads)
	pyrite_warnings(bench-${end} bench-core-${end})
endforeach()
pyrite_warnings(bench_measure bench_core)
pyrite_script_test(bench_smoke bench/bench.py --smoke)
set_property(TEST bench_smoke APPEND PROPERTY ENVIRONMENT PYRITE_SANITIZE=${PYRITE_SANITIZE})
