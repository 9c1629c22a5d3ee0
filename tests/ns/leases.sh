#!/bin/bash
# SPDX-License-Identifier: MIT
# What becomes of a server's names: while it lives, when it stops, when it crashes, when the name server does.
set -u
# shellcheck source=tests/ns/ns.bash
. "$PYRITE_SOURCE/tests/ns/ns.bash"

# leads_elsewhere <name> <uri>: the name is known, and leads to another uri.
leads_elsewhere() {
	local uri

	uri=$(nsc lookup "$1") && [ "$uri" != "$2" ]
}

# has_names <n> <prefix>: that many names begin with the prefix.
has_names() {
	same "$1" grep -c -e ' --> ' <(nsc list "$2")
}

export PYRITE_LEASE_TTL_MS=4000
owner=$PYRITE_BIN/test-owner
keep_port || exit 1
export PYRITE_NS_HOST=127.0.0.1 PYRITE_NS_PORT=$kept_port
start_ns() {
	run_start 10 "$PYRITE_BIN/pyrite-ns" --storage memory --port "$kept_port"
}
start_ns || exit 1
ns_pid=$run_pid

# More names than go into one renewal.
run_start 20 "$owner" --stuck first.a first.b $(seq -f first.%g 300) || exit 1
first_pid=$run_pid
run_start 10 "$owner" second || exit 1
second_pid=$run_pid
second_uri=$(nsc lookup second)
check two_names_of_a_daemon_lead_to_one_object same "$(nsc lookup first.a)" nsc lookup first.b
check another_may_not_take_the_name_of_a_living_server complains 2 \
	"NamingError: name already registered: second, by its owner at ${second_uri#*@}" \
	nsc register second PYRO:x@h:1
check nor_remove_it complains 2 "only its owner at ${second_uri#*@} may remove it" nsc remove second
check nor_can_another_server_have_it complains 1 "second: NamingError: name already registered" "$owner" second

# As long as a lease can be: what follows has nothing to do with its end.
PYRITE_LEASE_TTL_MS=3600000 run_start 10 "$owner" --stuck third || exit 1
third_uri=$(nsc lookup third)
crash "$run_pid"
check the_name_of_a_crashed_server_is_free_at_once within 15 env PYRITE_LEASE_TTL_MS=3600000 "$owner" --leave third
check and_leads_to_the_newcomer leads_elsewhere third "$third_uri"

# Names that lead to no TCP port, whose servers nobody can probe.
nsc register t2.socket PYRO:o@./u:/run/none.sock >/dev/null && nsc register t2.name PYRONAME:second >/dev/null &&
	nsc register t2.tags PYROMETA:none >/dev/null || exit 1
crash "$second_pid"
check the_name_of_a_crashed_server_lapses within 18 is_gone second
check t2_beside_names_of_unix_sockets_and_of_names_which_stay has_names 3 t2.
check the_names_of_a_living_one_do_not has_names 302 first.
run_start 10 "$owner" second || exit 1
second_pid=$run_pid
check after_that_a_newcomer_has_the_name leads_elsewhere second "$second_uri"
check a_server_that_stops_ends_well run_stop "$second_pid"
check and_takes_its_name_with_it is_gone second

run_start 10 "$owner" fourth || exit 1
fourth_pid=$run_pid
run_start 10 "$owner" fifth || exit 1
fifth_pid=$run_pid
kill -STOP "$ns_pid"
check a_name_server_that_hangs_does_not_keep_a_server_from_stopping run_stop "$fourth_pid"
kill -CONT "$ns_pid"
run_stop "$ns_pid" >/dev/null
check nor_does_one_that_is_gone run_stop "$fifth_pid"
start_ns || exit 1
check a_name_server_that_forgot_everything_is_told_again within 20 nsc lookup first.a
check of_every_name within 20 has_names 302 first.

crash "$first_pid"
tests_end_crashed
