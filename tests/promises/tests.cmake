# SPDX-License-Identifier: MIT
# What releases promise, kept by this version: docs/promises.md.
pyrite_script_test(promises_release promises/release.sh ONCE)
pyrite_script_test(promises_wire promises/wire.py ONCE)
pyrite_script_test(promises_facts promises/facts.py ONCE)
foreach(part server client)
	add_executable(promises-${part} promises/talk_${part}.c)
	pyrite_generate(TARGET promises-${part} IDL promises/talk.idl)
	target_link_libraries(promises-${part} PRIVATE pyrite::pyrite)
	pyrite_warnings(promises-${part})
endforeach()
target_sources(promises-client PRIVATE promises/talk_names.c)
pyrite_script_test(promises_replay promises/replay.py)
pyrite_script_test(promises_changed promises/changed.py ONCE)

# The previous release is built once.
pyrite_script_test(promises_older promises/older.sh ONCE)
if(TEST promises_older)
	set_tests_properties(promises_older PROPERTIES LABELS long TIMEOUT 1800)
endif()
