#!/bin/bash
# SPDX-License-Identifier: MIT
# What a server prints when it is ready comes at once, also through a pipe and into a file, where the C library keeps it
# until it fills a block: whoever started the server waits for that line.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"

# by_pipe <pattern> <program> [argument...]
by_pipe() {
	# shellcheck disable=SC2053
	run_start 10 "$PYRITE_BIN/$2" "${@:3}" && [[ $run_line == $1 ]]
	ended $?
}

# by_file <pattern> <program> [argument...]
by_file() {
	: >"$run_dir/file" # else the line of the one before is read, and the signal comes before the program runs
	"$PYRITE_BIN/$2" "${@:3}" >"$run_dir/file" &
	run_pid=$!
	run_pids+=("$run_pid")
	run_names[$run_pid]=$2
	within 10000 has_line "$1"
	ended $?
}

# has_line <pattern>: the file's first line, which is complete.
has_line() {
	local line

	# shellcheck disable=SC2053
	read -r line <"$run_dir/file" && [[ $line == $1 ]]
}

# ended <status>: so it went; the server is stopped, and its name is free for the next one.
ended() {
	run_stop "$run_pid" && return "$1"
}

run_name_server "$PYRITE_BIN" || exit 1
for server in add-server timers-server batch-server streams-server errors-bank errors-shop; do
	check "${server//-/_}_is_ready_at_once_in_a_pipe" by_pipe Ready "sample-$server"
	check "${server//-/_}_is_ready_at_once_in_a_file" by_file Ready "sample-$server"
done
for server in "fib-worker fib.1" python-server; do
	read -ra words <<<"$server" # with its arguments
	name=${words[0]//-/_}
	check "${name}_tells_its_uri_at_once_in_a_pipe" by_pipe 'PYRO:*@127.0.0.1:*' "sample-${words[0]}" "${words[@]:1}"
	check "${name}_tells_its_uri_at_once_in_a_file" by_file 'PYRO:*@127.0.0.1:*' "sample-${words[0]}" "${words[@]:1}"
done
tests_end
