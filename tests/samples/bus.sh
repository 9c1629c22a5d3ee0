#!/bin/bash
# SPDX-License-Identifier: MIT
# samples/14-bus: subscribers hear what the README shows; one that is stopped misses the oldest and holds nobody up, one that
# is killed is forgotten.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"

# publish <topic> <first> <last>
publish() {
	seq "$2" "$3" | "$PYRITE_BIN/sample-bus-publish" "$1"
}

it_hears_what_is_published() {
	type_to ann "$PYRITE_BIN/sample-bus-subscribe" weather news
	prints ann 'Subscribed to news' || return 1
	echo sunny | same '1 published, to 1 subscribers' "$PYRITE_BIN/sample-bus-publish" weather || return 1
	same '3 published, to 1 subscribers' publish news 1 3 || return 1
	printed ann "$(shown 14-bus)" && hang_up ann
}

nobody_hears_then() {
	within 10000 same '1 published, to 0 subscribers' publish news 1 1
}

subscribes() {
	type_to "$1" "$PYRITE_BIN/sample-bus-subscribe" news
	prints "$1" 'Subscribed to news'
}

# No more at a time than waits for the one that reads.
a_stopped_one_holds_nobody_up() {
	local last

	subscribes fast && subscribes slow && kill -STOP "${pids[slow]}" || return 1
	for last in 50 100 150 200; do
		same '50 published, to 2 subscribers' publish news "$((last - 49))" "$last" &&
			prints fast "news: $last" || return 1
	done
	printed fast "$(echo 'Subscribed to news' && seq -f 'news: %g' 1 200)"
}

it_misses_the_oldest() {
	kill -CONT "${pids[slow]}"
	printed slow "$(shown 14-bus 2 && seq -f 'news: %g' 138 200)"
}

a_killed_one_is_forgotten() {
	kill -9 "${pids[slow]}"
	within 10000 same '1 published, to 1 subscribers' publish news 201 201 && prints fast 'news: 201'
}

run_name_server "$PYRITE_BIN" || exit 1
check the_bus_starts start bus "$PYRITE_BIN/sample-bus-server"
check a_subscriber_hears_what_is_published it_hears_what_is_published
check nobody_hears_when_it_has_left nobody_hears_then
check a_stopped_subscriber_holds_nobody_up a_stopped_one_holds_nobody_up
check it_misses_the_oldest it_misses_the_oldest
check a_killed_one_is_forgotten a_killed_one_is_forgotten
check the_other_leaves hang_up fast
tests_end
