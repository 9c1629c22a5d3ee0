# SPDX-License-Identifier: MIT
# Several name servers over several members of etcd, and what goes wrong between them.
add_executable(ns-history cluster/ns-history.c)
target_link_libraries(ns-history PRIVATE pyrite_naming)
pyrite_warnings(ns-history)
pyrite_script_test(cluster_checker cluster/checker.py ONCE)
