#!/bin/bash
# SPDX-License-Identifier: MIT
# samples/09-chat: what its README says Ann sees, though Bob leaves without a word; and that a stopped listener holds nobody up.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"
chat=$PYRITE_BIN/sample-chat-client

# join <name>: in the background, reading from the descriptor of its name, writing to a file of its name. Sets its pid.
join() {
	mkfifo "$run_dir/$1.in"
	"$chat" "$1" <"$run_dir/$1.in" >"$run_dir/$1" 2>&1 &
	declare -g "pid_$1=$!"
}

hears() {
	within 10000 grep -qx "$2" "$run_dir/$1"
}

a_client_that_is_killed_leaves() {
	join ann && exec 3>"$run_dir/ann.in" && hears ann 'ann: (comes)' || return 1
	join bob && exec 4>"$run_dir/bob.in" && hears ann 'bob: (comes)' || return 1
	echo 'hello, Ann' >&4
	hears ann 'bob: hello, Ann' || return 1
	kill -9 "$pid_bob"
	hears ann 'bob: (leaves)' || return 1
	echo 'Bob?' >&3
	hears ann 'ann: Bob?' && same "$(shown 09-chat)" cat "$run_dir/ann"
}

a_name_is_taken_once() {
	same 'There is a ann already' bash -c "'$chat' ann </dev/null 2>&1; true"
}

a_stopped_listener_holds_nobody_up() {
	local i

	join cat && exec 5>"$run_dir/cat.in" && hears ann 'cat: (comes)' || return 1
	kill -STOP "$pid_cat"
	for i in {1..200}; do
		echo "number $i" >&3
	done
	hears ann 'ann: number 200' || return 1
	kill -CONT "$pid_cat"
	hears cat 'ann: number 200'
}

who_ends_leaves() {
	exec 5>&-
	hears ann 'cat: (leaves)' && wait "$pid_cat" || return 1
	exec 3>&-
	wait "$pid_ann"
}

run_name_server "$PYRITE_BIN" || exit 1
run_start 10 "$PYRITE_BIN/sample-chat-server" || exit 1
check a_client_that_is_killed_leaves a_client_that_is_killed_leaves
check a_name_is_taken_once a_name_is_taken_once
check a_stopped_listener_holds_nobody_up a_stopped_listener_holds_nobody_up
check who_ends_leaves who_ends_leaves
exec 3>&- 4>&- 5>&-
tests_end
