#!/bin/bash
# SPDX-License-Identifier: MIT
# samples/15-circular: the client prints what the README shows, but for ports and lines; and so with three stations.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"
client=$PYRITE_BIN/sample-circular-client
server=$PYRITE_BIN/sample-circular-server

plain() {
	sed -E 's/127\.0\.0\.1:[0-9]+/<address>/g; s/\.c:[0-9]+/.c:<line>/g'
}

goes_round() {
	"$client" >"$run_dir/client" && diff <(shown 15-circular | plain) <(plain <"$run_dir/client")
}

goes_through_three() {
	[ "$("$client" PYRONAME:example.station.C | head -n 1)" = 'C -> D -> E -> C' ]
}

run_name_server "$PYRITE_BIN" || exit 1
check a_station_starts start a "$server" A B
check and_the_other start b "$server" B A
check a_call_goes_in_a_circle_to_any_depth goes_round
start c "$server" C D && start d "$server" D E && start e "$server" E C || exit 1
check three_stations_are_a_circle_too goes_through_three
tests_end
