#!/bin/bash
# SPDX-License-Identifier: MIT
# gRPC's interoperability tests with libgrpc++, both ways. It needs libgrpc++-dev and protobuf-compiler-grpc: scripts/deps --long
# installs them; where they are not, the test fails and says so.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
interop=$PYRITE_SOURCE/tests/interop

peer_is_built() {
	command -v grpc_cpp_plugin >/dev/null || { echo "libgrpc++ is wanted: apt-get install libgrpc++-dev protobuf-compiler-grpc"; return 1; }
	protoc -I "$interop" --cpp_out="$run_dir" --grpc_out="$run_dir" --plugin=protoc-gen-grpc="$(command -v grpc_cpp_plugin)" testing.proto &&
		g++ -std=c++17 -O1 -Wall -Wextra -I "$run_dir" -o "$run_dir/testing-cc" "$interop/testing.cc" "$run_dir"/testing*.cc \
			-lgrpc++ -lgrpc -lgpr -lprotobuf -labsl_synchronization -pthread
}

check the_peer_is_built peer_is_built
[ "$tests_failed" -eq 0 ] || tests_end
coproc pyrite { exec "$PYRITE_BIN/testing-server"; }
pyrite_pid=$!
read -r -t 20 -u "${pyrite[0]}" address
check its_client_is_content_with_our_server timeout 100 "$run_dir/testing-cc" client "$address"
cat "$run_dir/said"
eval "exec ${pyrite[1]}>&-"
check our_server_ends_well wait "$pyrite_pid"
coproc peer { exec "$run_dir/testing-cc" server; }
peer_pid=$!
read -r -t 20 -u "${peer[0]}" address
for mode in auto plain; do
	check "our_client_is_content_with_its_server_$mode" "$PYRITE_BIN/testing-client" "$mode" "$address"
	cat "$run_dir/said"
done
eval "exec ${peer[1]}>&-"
check its_server_ends wait "$peer_pid"
tests_end
