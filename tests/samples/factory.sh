#!/bin/bash
# SPDX-License-Identifier: MIT
# samples/12-factory: what a client was given is back when it was killed; clients and server print what the README shows.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"
client=$PYRITE_BIN/sample-factory-client

works() {
	type_to ann "$client" hammer saw
	printed ann "$(shown 12-factory 1)"
}

another_works() {
	type_to bob "$client" hammer rake
	printed bob "$(shown 12-factory 2 | sort)" sort
}

no_bench_for_a_third() {
	same 'bench: all benches are taken' bash -c "! '$client' </dev/null 2>&1"
}

a_killed_one_leaves_all_behind() {
	kill -9 "${pids[ann]}"
	prints server 'Bench 1 is cleared' && hang_up bob && printed server "$(shown 12-factory 3 | sort)" sort
}

its_bench_and_tools_can_be_had_again() {
	same $'I work at bench 1\nThe vise is here\nThe hammer was used 2 times\nThe saw was used 2 times' \
		"$client" hammer saw </dev/null
}

run_name_server "$PYRITE_BIN" || exit 1
check the_workshop_opens start server "$PYRITE_BIN/sample-factory-server"
check a_client_has_a_bench_tools_and_the_vise works
check another_has_a_bench_of_its_own another_works
check and_a_third_none no_bench_for_a_third
check a_killed_client_leaves_all_behind a_killed_one_leaves_all_behind
check its_bench_and_tools_can_be_had_again its_bench_and_tools_can_be_had_again
tests_end
