# SPDX-License-Identifier: MIT
# Whole calls: tests/unit/test_call.c and its like in one process, and between two with e2e-server.
add_library(e2e_servant STATIC e2e/servant.c)
pyrite_generate(TARGET e2e_servant IDL e2e/e2e.idl)
target_include_directories(e2e_servant PUBLIC e2e ${CMAKE_CURRENT_BINARY_DIR}/e2e_servant.pyrite)
target_link_libraries(e2e_servant PUBLIC pyrite_internal)
pyrite_warnings(e2e_servant)

add_executable(e2e-server e2e/server.c)
target_link_libraries(e2e-server PRIVATE e2e_servant)
pyrite_warnings(e2e-server)

pyrite_unit_test(call e2e_servant)
pyrite_unit_test(chains e2e_servant)
pyrite_unit_test(deferred e2e_servant)
pyrite_unit_test(future e2e_servant)
pyrite_unit_test(future_many e2e_servant)
pyrite_unit_test(batch e2e_servant)
pyrite_unit_test(proxy e2e_servant)
pyrite_unit_test(daemon e2e_servant)
add_library(e2e_counter STATIC e2e/counter.c)
pyrite_generate(TARGET e2e_counter IDL e2e/proxies.idl)
target_include_directories(e2e_counter PUBLIC e2e ${CMAKE_CURRENT_BINARY_DIR}/e2e_counter.pyrite)
target_link_libraries(e2e_counter PUBLIC pyrite_internal)
pyrite_warnings(e2e_counter)
pyrite_unit_test(proxy_life e2e_counter)
pyrite_unit_test(proxy_patience e2e_counter)
pyrite_unit_test(task_calls e2e_servant)
pyrite_unit_test(task_proxies e2e_servant)
pyrite_unit_test(types e2e_servant)
pyrite_generate(TARGET test_types IDL e2e/types.idl)
pyrite_script_test(two_processes e2e/two_processes.py)

# Streams.
add_library(flow_servant STATIC e2e/flow_servant.c)
pyrite_generate(TARGET flow_servant IDL e2e/flow.idl)
target_include_directories(flow_servant PUBLIC e2e ${CMAKE_CURRENT_BINARY_DIR}/flow_servant.pyrite)
target_link_libraries(flow_servant PUBLIC pyrite_internal)
pyrite_warnings(flow_servant)
pyrite_unit_test(stream flow_servant)
pyrite_unit_test(stream_life flow_servant)
pyrite_unit_test(task_streams flow_servant)

# Calls inside calls, of several daemons.
add_library(e2e_hops STATIC e2e/hop.c)
pyrite_generate(TARGET e2e_hops IDL e2e/hops.idl)
target_include_directories(e2e_hops PUBLIC e2e ${CMAKE_CURRENT_BINARY_DIR}/e2e_hops.pyrite)
target_link_libraries(e2e_hops PUBLIC pyrite_internal)
pyrite_warnings(e2e_hops)
pyrite_unit_test(errors e2e_hops)
pyrite_unit_test(context e2e_hops)

# Rows of docs/pyro.md that are nobody else's.
pyrite_unit_test(rows e2e_servant e2e_hops)
pyrite_generate(TARGET test_rows IDL e2e/rows.idl)
add_executable(flow-server e2e/flow_server.c)
target_link_libraries(flow-server PRIVATE flow_servant)
pyrite_warnings(flow-server)
pyrite_script_test(start_order e2e/start_order.py)

# What the ways of calling cost; by hand, on a machine that does nothing else.
add_executable(bench_calls bench/bench_calls.c)
target_link_libraries(bench_calls PRIVATE e2e_servant)
pyrite_warnings(bench_calls)
