#!/bin/bash
# SPDX-License-Identifier: MIT
# samples/11-stockmarket: each market's quotes are those of the README, in its order; markets lose viewers that are killed,
# and do not wait for one that is stopped.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"
viewer=$PYRITE_BIN/sample-stock-viewer

views() {
	local market

	"$viewer" 4 >"$run_dir/viewer" || return 1
	for market in NASDAQ NYSE; do
		same "$(shown 11-stockmarket | grep "$market")" grep "$market" "$run_dir/viewer" || return 1
	done
}

closes() {
	printed NYSE "$(shown 11-stockmarket 2)"
}

# watch: sets watcher, one that watches until it is killed, and has seen both markets.
watch() {
	"$viewer" >"$run_dir/watcher" &
	watcher=$!
	within 10000 grep -q NYSE "$run_dir/watcher" && within 10000 grep -q NASDAQ "$run_dir/watcher"
}

# closed <market> <times>
closed() {
	[ "$(grep -c closes "$run_dir/$1")" -eq "$2" ]
}

a_stopped_viewer_holds_nobody_up() {
	watch && kill -STOP "$watcher" && same 8 grep -c : <("$viewer" 4) && closed NYSE 1
}

a_killed_viewer_is_dropped() {
	kill -9 "$watcher"
	within 10000 closed NYSE 2 && within 10000 closed NASDAQ 2
}

# It does not wait for those who watch; they are told.
a_market_ends_at_once() {
	local begin

	watch && begin=$(now) && run_stop "$nasdaq" || return 1
	[ $(($(now) - begin)) -lt 2500 ] && closed NASDAQ 4 && ! wait "$watcher"
}

run_name_server "$PYRITE_BIN" || exit 1
check a_market_starts start NASDAQ "$PYRITE_BIN/sample-stock-market" NASDAQ AAPL CSCO MSFT
nasdaq=$run_pid
check and_another start NYSE "$PYRITE_BIN/sample-stock-market" NYSE IBM KO
check a_viewer_sees_the_quotes_of_both views
check they_close_when_it_has_left closes
check a_stopped_viewer_holds_nobody_up a_stopped_viewer_holds_nobody_up
check a_killed_viewer_is_dropped a_killed_viewer_is_dropped
check the_next_day_is_as_the_first views
check a_market_ends_at_once a_market_ends_at_once
tests_end
