#!/bin/bash
# SPDX-License-Identifier: MIT
# samples/03-timers: two sleeps of one thread in a server of one thread.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"
client=$PYRITE_BIN/sample-timers-client
expected='Task 1 running
Task 2 running
Task 2 finished
Task 1 finished'

# takes <from> <to> <command> [argument...]: the command succeeds, not before so many ms and before so many.
takes() {
	local from=$1 to=$2 start took

	shift 2
	start=$(now)
	"$@" || return 1
	took=$(($(now) - start))
	echo "$took ms"
	[ "$took" -ge "$from" ] && [ "$took" -lt "$to" ]
}

# sleeps [program]: both sleeps, and both at once.
sleeps() {
	takes 2000 2500 same "$expected" "${1:-$client}"
}

three_clients() {
	local pids=() pid i

	for i in 1 2 3; do
		"$client" >"$run_dir/client.$i" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || return 1
	done
	for i in 1 2 3; do
		same "$expected" cat "$run_dir/client.$i" || return 1
	done
}

# Three clients at once sleep no longer than one.
sleep_together() {
	takes 2000 3000 three_clients
}

# says <text>: the sleeper's last line.
says() {
	[ "$(tail -n 1 "$run_dir/alone")" = "$1" ]
}

# start_server: as by hand. Sets server_pid.
start_server() {
	run_start 10 env --default-signal=INT "$PYRITE_BIN/sample-timers-server" && [ "$run_line" = Ready ] || return 1
	server_pid=$run_pid
}

# Ctrl-C ends the server although a sleep of a minute was begun: it does not even take a part of a drain's 5 s.
stops_at_once() {
	local start

	start=$(now)
	kill -INT "$server_pid"
	within 10000 is_gone "$server_pid"
	echo "$(($(now) - start)) ms"
	[ $(($(now) - start)) -lt 2500 ]
}

killed_client() {
	alone_start "$PYRITE_BIN/test-sleeper" 60000
	within 10000 says Sleeping || return 1
	kill -9 "$alone_pid"
	wait "$alone_pid"
	stops_at_once
}

impatient_client() {
	alone_start "$PYRITE_BIN/test-sleeper" 60000 300
	within 10000 says DEADLINE_EXCEEDED && stops_at_once
	local result=$?

	kill -9 "$alone_pid"
	wait "$alone_pid"
	return "$result"
}

is_gone() {
	! kill -0 "$1"
}

name_is_gone() {
	local code=0

	"$PYRITE_BIN/pyrite-nsc" lookup example.clock || code=$?
	[ "$code" -eq 2 ]
}

run_name_server "$PYRITE_BIN" || exit 1
check the_server_starts start_server
check two_sleeps_end_in_their_own_order_within_2500_ms sleeps
check tasks_print_the_same_within_2500_ms sleeps "$PYRITE_BIN/sample-timers-tasks"
check the_sleeps_of_several_clients_go_side_by_side sleep_together
check a_killed_client_does_not_keep_the_server_from_stopping killed_client
check its_name_is_gone name_is_gone
check the_server_starts_again start_server
check nor_does_a_client_that_stopped_waiting impatient_client
tests_end
