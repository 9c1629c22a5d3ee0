# SPDX-License-Identifier: MIT
# Every rule of a link that can be seen from outside, by raw peers: as a client of e2e-server, and as a server for
# rules-client. (tests/e2e makes the programs' servant.)
pyrite_script_test(server_rules rules/server_rules.py)
pyrite_script_test(server_calls rules/server_calls.py)
add_executable(rules-client rules/client.c)
target_link_libraries(rules-client PRIVATE e2e_servant)
pyrite_warnings(rules-client)
pyrite_script_test(stream_rules rules/stream_rules.py)
pyrite_script_test(resume_rules rules/resume_rules.py)
pyrite_script_test(batch_rules rules/batch_rules.py)
pyrite_script_test(handshake_rules rules/handshake_rules.py)
pyrite_script_test(client_rules rules/client_rules.py)
pyrite_script_test(client_calls rules/client_calls.py)
