# SPDX-License-Identifier: MIT
# Every rule of a link that can be seen from outside, by raw peers: as a client of e2e-server, and as a server for
# rules-client. (tests/e2e makes the programs' servant.)
add_executable(rules-client rules/client.c)
target_link_libraries(rules-client PRIVATE e2e_servant)
pyrite_warnings(rules-client)
pyrite_script_test(frames_rules rules/frames_rules.py)
pyrite_script_test(hijack rules/hijack.py)
pyrite_script_test(hijack_names rules/hijack_names.py ONCE)
# Each on every lane that a raw end can speak.
foreach(rules server_rules server_calls stream_rules resume_rules resume_hook_rules batch_rules handshake_rules drain_rules key_rules
		client_rules client_calls)
	pyrite_script_test(${rules} rules/${rules}.py)
	pyrite_script_test(${rules}_socket rules/${rules}.py)
	set_property(TEST ${rules}_socket APPEND PROPERTY ENVIRONMENT RULES_LANE=socket)
endforeach()
