# SPDX-License-Identifier: MIT
# Several name servers over several members of etcd, and what goes wrong between them.
foreach(program history client)
	add_executable(ns-${program} cluster/ns-${program}.c)
	target_link_libraries(ns-${program} PRIVATE pyrite_naming)
	pyrite_warnings(ns-${program})
endforeach()
pyrite_script_test(cluster_checker cluster/checker.py ONCE)
pyrite_script_test(cluster_relay cluster/relays.py ONCE)
# Nothing runs beside them: they measure, and the machine's time is etcd's, too.
pyrite_script_test(cluster_history cluster/histories.py ONCE 500 4)
pyrite_script_test(cluster_figures cluster/figures.py ONCE --short leader_dies server_dies)
pyrite_script_test(cluster_history_long cluster/histories.py ONCE 10000 50)
pyrite_script_test(cluster_relays_long cluster/histories.py ONCE --relays 5000 60)
pyrite_script_test(cluster_leases_long cluster/histories.py ONCE --leases 2500 3000 15)
pyrite_script_test(cluster_figures_long cluster/figures.py ONCE)
if(NOT PYRITE_SANITIZE)
	set_tests_properties(cluster_history cluster_figures cluster_history_long cluster_relays_long cluster_leases_long cluster_figures_long PROPERTIES
		RUN_SERIAL TRUE)
	set_tests_properties(cluster_history_long cluster_relays_long cluster_leases_long cluster_figures_long PROPERTIES LABELS long TIMEOUT 1200)
endif()
