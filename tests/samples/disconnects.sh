#!/bin/bash
# SPDX-License-Identifier: MIT
# samples/16-disconnects: server and client are killed in turn, and print what the README shows.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"
server=$PYRITE_BIN/sample-disconnects-server

# serve <name> [ms]: in the background with its output in the file of that name. Sets serving.
serve() {
	"$server" "${@:2}" >"$run_dir/$1" 2>&1 &
	serving=$!
	prints "$1" Ready
}

# Without a shell's line about it.
kill_server() {
	kill -9 "$serving"
	wait "$serving"
	[ $? -eq 137 ]
}

# types <line> <answer>: the client is told and answers.
types() {
	echo "$1" >&"${to[client]}"
	prints client "$2"
}

a_lost_call_may_have_run() {
	type_to client "$PYRITE_BIN/sample-disconnects-client"
	echo draw >&"${to[client]}"
	prints slow 'Printing ticket 1' && kill_server && prints client 'The machine is gone, and may have printed a ticket'
}

the_client_goes_on() {
	serve quick && prints client 'The machine is back' && types draw 'Ticket 1'
}

# The client's connections, by their inodes.
sockets() {
	find "/proc/${pids[client]}/fd" -lname 'socket:*' -printf '%l\n' | sort
}

has_lost_one_of() {
	[ -n "$(comm -23 <(echo "$1") <(sockets))" ]
}

# Until the client has read the end of the connection, a call may still be written to it.
a_call_that_did_not_leave_has_not_run() {
	local before

	before=$(sockets)
	kill_server && within 10000 has_lost_one_of "$before" && types draw 'The machine is gone, and has printed nothing'
}

an_idempotent_call_is_made_again() {
	serve slower 60000 && within 10000 same 2 grep -c 'is back' "$run_dir/client" || return 1
	echo last >&"${to[client]}"
	prints slower 'Looking for the last ticket' && kill_server && serve server || return 1
	printed client "$(shown 16-disconnects)"
}

the_server_hears_of_a_client_that_is_killed() {
	kill -9 "${pids[client]}"
	printed server "$(shown 16-disconnects 2)"
}

and_serves_the_next() {
	same 'Ticket 1' "$PYRITE_BIN/sample-disconnects-client" <<<draw
}

run_name_server "$PYRITE_BIN" || exit 1
check a_slow_server_starts serve slow 60000
check a_call_that_is_lost_on_the_way_may_have_run a_lost_call_may_have_run
check the_client_goes_on_when_the_server_is_back the_client_goes_on
check a_call_that_did_not_leave_has_not_run a_call_that_did_not_leave_has_not_run
check one_that_may_be_asked_again_is an_idempotent_call_is_made_again
check the_server_hears_of_a_client_that_is_killed the_server_hears_of_a_client_that_is_killed
check and_serves_the_next and_serves_the_next
kill "$serving" && wait "$serving"
tests_end
