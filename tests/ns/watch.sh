#!/bin/bash
# SPDX-License-Identifier: MIT
# Watched names, from the outside: a full disk, a name server that is killed and started again, a watcher that is stopped.
set -u
# shellcheck source=tests/ns/ns.bash
. "$PYRITE_SOURCE/tests/ns/ns.bash"
keep_port || exit 1
export PYRITE_NS_HOST=127.0.0.1 PYRITE_NS_PORT=$kept_port

start_ns() {
	run_start 10 "$PYRITE_BIN/pyrite-ns" --port "$kept_port" --discovery 0 --storage "sqlite:$run_dir/ns.db" || exit 1
	ns_pid=$run_pid
}

# start_watch <file>
start_watch() {
	"$PYRITE_BIN/pyrite" watch --json w. >"$1" 2>"$1.err" &
	watch_pid=$!
	run_pids+=("$watch_pid")
	run_names[$watch_pid]="pyrite watch"
}

# told <file> <change> <name> [times]
told() {
	[ "$(grep -c "\"change\": \"$2\", \"name\": \"w.$3\"" "$1")" -eq "${4:-1}" ]
}

# as_often <file> <name>: what came that is not there has gone.
as_often() {
	[ "$(grep -c "\"added\", \"name\": \"w.$2\"" "$1")" -eq "$(grep -c "\"removed\", \"name\": \"w.$2\"" "$1")" ]
}

add() {
	nsc register "w.$1" PYRO:x@localhost:1
}

start_ns
check one_name_is_there add first
start_watch "$run_dir/one"
check it_is_told_first within 10 told "$run_dir/one" present first
check another_one_comes add a
check and_is_told within 10 told "$run_dir/one" added a

# What the disk refuses is taken back, also from those who were told.
prlimit --pid "$ns_pid" --fsize=1024:unlimited
check a_full_disk_refuses_a_name complains 2 "no space left for database" add refused
prlimit --pid "$ns_pid" --fsize=unlimited:unlimited
check it_takes_one_when_there_is_room add b
check which_is_told within 10 told "$run_dir/one" added b
check the_refused_one_is_not_there as_often "$run_dir/one" refused
check the_others_are_told_once told "$run_dir/one" added a

# A watcher that is stopped holds up nobody, and gets the rest later.
start_watch "$run_dir/two"
stopped_pid=$watch_pid
check a_second_watcher_knows_all within 10 told "$run_dir/two" present b
kill -STOP "$stopped_pid"
check a_name_comes_while_it_is_stopped add c
check the_first_is_told within 10 told "$run_dir/one" added c
kill -CONT "$stopped_pid"
check the_stopped_one_later within 10 told "$run_dir/two" added c

# The name server is killed, names change before the watchers are back.
crash "$ns_pid"
check they_notice within 20 grep -q . "$run_dir/one.err"
start_ns
check a_name_comes_after_a_crash add d
check both_are_told within 20 told "$run_dir/one" added d
check and_it_is_told_once within 20 told "$run_dir/two" added d
check nothing_else_is_told_again told "$run_dir/one" added c
tests_end_crashed
