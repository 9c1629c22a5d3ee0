#!/bin/bash
# SPDX-License-Identifier: MIT
# Programs between which no gRPC connection is made do not load gRPC core; those that make one do.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"

# server_has <n>: so many times it has mapped core.
server_has() {
	[ "$(grep -c 'libgrpc\.so' "/proc/$server/maps")" "$@" 0 ]
}

# client_loads <lane> <test>: runs it, and looks at how many lines of what it loads are core's.
client_loads() {
	same 3 env PYRITE_LANE="$1" LD_DEBUG=files LD_DEBUG_OUTPUT="$run_dir/files.$1" "$PYRITE_BIN/sample-add-client" &&
		[ "$(cat "$run_dir/files.$1".* | grep -c 'libgrpc\.so')" "$2" 0 ]
}

run_name_server "$PYRITE_BIN" || exit 1
run_start 10 "$PYRITE_BIN/sample-add-server" || exit 1
server=$run_pid
check a_client_on_the_socket_lane_loads_no_grpc client_loads socket -eq
check nor_does_its_server server_has -eq
check a_client_on_the_grpc_lane_loads_it client_loads grpc -gt
check and_so_does_its_server server_has -gt
tests_end
