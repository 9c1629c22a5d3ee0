#!/bin/bash
# SPDX-License-Identifier: MIT
# samples/02-fib: its results, and what becomes of its processes.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"
client=$PYRITE_BIN/sample-fib-client
worker=$PYRITE_BIN/sample-fib-worker
expected='[832040, 9227465, 102334155, 1134903170]'

maps() {
	run_alone "$client" "$@" && same "$expected" cat "$run_dir/alone" && same "" cat "$run_dir/alone.err"
}

has_a_worker() {
	[ "$(left | wc -l)" -ge 2 ]
}

# Processor time of a process in hundredths of a second.
ticks() {
	local stat

	stat=$(cat "/proc/$1/stat" 2>/dev/null) || { echo 0; return; }
	# shellcheck disable=SC2086
	set -- ${stat##*) }
	echo $((${12} + ${13}))
}

# One of the workers has computed for 0.3 s: it has the largest number. Sets busy_pid.
computes() {
	local pid

	for pid in $(pgrep --parent "$alone_pid"); do
		if [ "$(ticks "$pid")" -ge 30 ]; then
			busy_pid=$pid
			return 0
		fi
	done
	return 1
}

computes_or_is_over() {
	computes || [ -s "$run_dir/alone" ]
}

# strike <command> [argument...]: runs the command while a worker computes. The client must fail, say nothing on stdout
# and leave nothing, well before the largest number would be ready in a slow build, and before the 5 s of a drain are
# over. Where all is ready before the command comes: once more.
strike() {
	local try

	for try in 1 2 3 4 5; do
		alone_start "$client"
		within 60000 computes_or_is_over && "$@"
		wait "$alone_pid" || break
		echo "try $try came too late"
	done
	ends 4000 && same "" cat "$run_dir/alone"
}

signal_client() {
	kill "-$1" "$alone_pid"
}

# Ctrl-C goes to all processes of a terminal's foreground group.
ctrl_c() {
	kill -INT -- "-$alone_pid"
}

lose_worker() {
	kill -9 "$busy_pid"
}

worker_lost() {
	alone_start "$client"
	within 60000 computes_or_is_over && lose_worker
	wait "$alone_pid" && same "$expected" cat "$run_dir/alone" && same "" cat "$run_dir/alone.err" && nothing_left
}

killed_early() {
	alone_start "$client"
	within 20000 has_a_worker || return 1
	kill -9 "$alone_pid"
	wait "$alone_pid"
	ends 4000
}

no_program() {
	mkdir "$run_dir/bin" && cp "$client" "$run_dir/bin" || return 1
	! run_alone "$run_dir/bin/sample-fib-client" && same "fib: sample-fib-worker: No such file or directory" \
		cat "$run_dir/alone.err" && ends 1000
}

# start_worker <name>: as by hand.
start_worker() {
	run_start 10 env --default-signal=INT "$worker" "$1" && [[ $run_line == PYRO:*@127.0.0.1:* ]]
}

interrupted() {
	kill -INT "$1" && within 4000 is_gone "$1"
}

is_gone() {
	! kill -0 "$1"
}

names_are_gone() {
	! "$PYRITE_BIN/pyrite-nsc" lookup fib.1 && ! "$PYRITE_BIN/pyrite-nsc" lookup fib.2
}

check the_client_maps_with_workers_of_its_own maps
check and_leaves_none_of_them nothing_left
check an_interrupted_client_leaves_none strike signal_client INT
check a_terminated_one_leaves_none strike signal_client TERM
check a_killed_one_leaves_none strike signal_client KILL
check nor_does_one_that_was_killed_while_they_start killed_early
check nor_does_ctrl_c strike ctrl_c
check a_lost_worker_is_replaced worker_lost
check a_missing_worker_program_is_told no_program

run_name_server "$PYRITE_BIN" || exit 1
check a_worker_can_have_a_name start_worker fib.1
first=$run_pid
check so_can_another start_worker fib.2
second=$run_pid
check the_client_maps_with_workers_it_is_given maps PYROMETA:fib
check a_worker_refuses_what_it_cannot_compute same "$(printf '%s\n' OUT_OF_RANGE 1 1 55 OUT_OF_RANGE)" \
	"$PYRITE_BIN/test-fib-caller" PYRONAME:fib.1 0 1 2 10 94
check and_stops_computing_what_nobody_waits_for same "$(printf '%s\n' late 55)" \
	"$PYRITE_BIN/test-fib-caller" PYRONAME:fib.1 93 10
check they_go_on same "$(printf '%s\n' "$first" "$second")" ps --no-headers -o pid:1 -p "$first,$second"
check until_one_is_interrupted interrupted "$first"
check and_the_other interrupted "$second"
check their_names_go_with_them names_are_gone
tests_end
