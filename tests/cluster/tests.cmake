# SPDX-License-Identifier: MIT
# Several name servers over several members of etcd, and what goes wrong between them.
add_executable(ns-history cluster/ns-history.c)
target_link_libraries(ns-history PRIVATE pyrite_naming)
pyrite_warnings(ns-history)
pyrite_script_test(cluster_checker cluster/checker.py ONCE)
pyrite_script_test(cluster_embedded cluster/histories.py --sqlite 1000 6)
set_property(TEST cluster_embedded PROPERTY RUN_SERIAL TRUE)
