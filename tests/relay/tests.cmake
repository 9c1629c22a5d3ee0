# SPDX-License-Identifier: MIT
# What stands between callers and daemons and does to connections what networks do: as a library, and as a program that
# scripts control.
add_library(test_relay STATIC relay/relay.c relay/way.c relay/sockets.c)
target_include_directories(test_relay PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/relay)
target_link_libraries(test_relay PUBLIC Threads::Threads)
pyrite_warnings(test_relay)
add_executable(fault-relay relay/main.c)
target_link_libraries(fault-relay PRIVATE test_relay)
pyrite_warnings(fault-relay)
