# SPDX-License-Identifier: MIT
# pyrite-ns and pyrite-nsc from the outside, with a server whose names are leased.
add_executable(test-owner ns/owner.c)
pyrite_generate(TARGET test-owner IDL ns/thing.idl)
target_link_libraries(test-owner PRIVATE pyrite)
pyrite_warnings(test-owner)
# This one measures; it is no test.
add_executable(bench-lost ns/lost.c)
target_link_libraries(bench-lost PRIVATE pyrite_naming)
pyrite_warnings(bench-lost)
pyrite_measures(bench-lost)
pyrite_script_test(ns_rules ns/rules.sh)
pyrite_script_test(ns_owners ns/owners.sh)
pyrite_script_test(ns_tools ns/tools.sh)
pyrite_script_test(ns_watch ns/watch.sh)
pyrite_script_test(ns_check ns/check.sh)
pyrite_script_test(ns_backup ns/backup.sh)
pyrite_script_test(ns_leases ns/leases.sh)
pyrite_script_test(ns_metadata ns/metadata.sh)
pyrite_script_test(ns_storage ns/storage.sh)
if(PYRITE_SANITIZE) # whose memory is larger
	set_property(TEST ns_storage ns_metadata APPEND PROPERTY ENVIRONMENT PYRITE_RSS_KIB=400000 PYRITE_BOMB_KIB=100000)
endif()
pyrite_script_test(ns_activation ns/activation.py)
if(PYRITE_SANITIZE) # whose processes take long to start
	pyrite_script_test(ns_kills ns/kills.py 15)
else()
	pyrite_script_test(ns_kills ns/kills.py 120)
endif()
