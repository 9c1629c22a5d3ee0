#!/bin/bash
# SPDX-License-Identifier: MIT
# A generic client of Node lists and calls the services of a daemon. It needs node and npm, and the network for its modules;
# where these are not, the test fails and says so: it is one of those that scripts/test --long runs.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"

modules_are_there() {
	command -v node npm >/dev/null || { echo "node and npm are wanted: apt-get install nodejs npm"; return 1; }
	cp "$PYRITE_SOURCE/tests/interop/node/package.json" "$run_dir/" &&
		timeout 120 npm --prefix "$run_dir" install --no-audit --no-fund --ignore-scripts --loglevel=error
}

check the_modules_of_node_are_there modules_are_there
[ "$tests_failed" -eq 0 ] || tests_end
coproc server { exec "$PYRITE_BIN/services-server"; }
server_pid=$!
read -r -t 20 -u "${server[0]}" address
echo "add a" >&"${server[1]}"
read -r -t 20 -u "${server[0]}" _
check the_clients_are_content env NODE_PATH="$run_dir/node_modules" timeout 60 \
	node "$PYRITE_SOURCE/tests/interop/node/client.js" "$address"
cat "$run_dir/said"
eval "exec ${server[1]}>&-"
check the_server_ends_well wait "$server_pid"

# gRPC's interoperability tests, both ways.
proto=$PYRITE_SOURCE/tests/interop/testing.proto
node_testing() {
	env NODE_PATH="$run_dir/node_modules" timeout 100 node "$PYRITE_SOURCE/tests/interop/node/testing.js" "$@"
}
coproc pyrite { exec "$PYRITE_BIN/testing-server"; }
pyrite_pid=$!
read -r -t 20 -u "${pyrite[0]}" address
check its_client_is_content_with_our_server node_testing client "$proto" "$address"
cat "$run_dir/said"
eval "exec ${pyrite[1]}>&-"
check our_server_ends_well wait "$pyrite_pid"
coproc node_server { node_testing server "$proto"; }
node_pid=$!
read -r -t 20 -u "${node_server[0]}" address
for mode in auto plain; do
	check "our_client_is_content_with_its_server_$mode" "$PYRITE_BIN/testing-client" "$mode" "$address"
	cat "$run_dir/said"
done
eval "exec ${node_server[1]}>&-"
check its_server_ends wait "$node_pid"
tests_end
