#!/bin/bash
# SPDX-License-Identifier: MIT
# samples/07-python: each client with each server.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"
expected=$'100\nNoFunds: 20 missing\n40'
python=$run_dir/python

generates() {
	cp -r "$PYRITE_SOURCE/samples/07-python" "$python" && cd "$python" &&
		"$PYRITE_BIN/pyrite-idl" --proto . bank.idl && protoc --python_out=. bank.proto status.proto
}

# serve <program>: a server with an empty account.
serve() {
	run_start 10 "$1" && [[ $run_line == PYRO:account@127.0.0.1:* ]]
}

check the_messages_are_generated generates
check a_server_in_python_starts serve "$python/server.py"
check a_client_in_c_calls_it same "$expected" "$PYRITE_BIN/sample-python-client" "$run_line"
check another_server_in_python_starts serve "$python/server.py"
check a_client_in_python_calls_it_the_same_way same "$expected" "$python/client.py" "$run_line"
check a_server_in_c_starts serve "$PYRITE_BIN/sample-python-server"
check a_client_in_python_calls_it same "$expected" "$python/client.py" "$run_line"
check another_server_in_c_starts serve "$PYRITE_BIN/sample-python-server"
check a_client_in_c_calls_it_over_a_link same "$expected" "$PYRITE_BIN/sample-python-client" "$run_line"
tests_end
