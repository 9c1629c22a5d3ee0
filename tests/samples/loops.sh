#!/bin/bash
# SPDX-License-Identifier: MIT
# samples/08-event-loops: each prints what its README says, has one thread of its own, and does nothing while nothing
# happens: no thread of it wakes up in a second.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"

prints() {
	same "$(shown 08-event-loops)" "$PYRITE_BIN/sample-loop-$1"
}

# How often its threads have gone to sleep.
switches() {
	awk '/^voluntary_ctxt_switches/ { n += $2 } END { print n }' "/proc/$run_pid/task/"*/status
}

# The names of its threads are the runtime's but for one. One that starts has its program's name at first.
threads() {
	local names i

	for i in {1..50}; do
		names=$(cat "/proc/$run_pid/task/"*/comm 2>/dev/null)
		[ "$(grep -vc '^pyrite-' <<<"$names")" -ne 1 ] || return 0
		sleep 0.1
	done
	echo "after $i looks: $names"
	return 1
}

# It may still be busy with its start: a later second is quiet.
quiet() {
	local before i

	for i in 1 2 3 4 5; do
		before=$(switches)
		sleep 1
		echo "second $i: $(($(switches) - before)) wake-ups"
		[ "$(switches)" -ne "$before" ] || return 0
	done
	return 1
}

for loop in poll libuv glib; do
	[ -x "$PYRITE_BIN/sample-loop-$loop" ] || continue
	check "${loop}_prints_what_its_readme_says" prints "$loop"
	run_start 10 "$PYRITE_BIN/sample-loop-$loop" 0 || exit 1
	check "${loop}_has_one_thread_of_its_own" threads
	check "${loop}_has_no_wake_up_in_a_second" quiet
	check "${loop}_ends_when_it_is_told_to" run_stop "$run_pid"
done
[ ! -x "$PYRITE_BIN/sample-loop-coro" ] ||
	check coroutines_wait_for_calls_and_times same $'first 1\nfirst 2\nsecond 3\nsecond 4' "$PYRITE_BIN/sample-loop-coro"
tests_end
