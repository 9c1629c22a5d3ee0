#!/bin/bash
# SPDX-License-Identifier: MIT
# libFuzzer's targets are built, with clang and sanitizers, and each runs for a minute from its corpus.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
build=$PYRITE_BUILD/fuzz # kept: only what has changed is built again

built() {
	cmake -S "$PYRITE_SOURCE" -B "$build" -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=RelWithDebInfo -DPYRITE_FUZZ=ON \
		-DPYRITE_SANITIZE=address,undefined -DPYRITE_SAMPLES=OFF &&
		cmake --build "$build" -j 2 --target fuzz_codec fuzz_idl fuzz_idl_made fuzz_rules fuzz_door fuzz_tls fuzz_records fuzz_key \
			fuzz_serpent fuzz_json fuzz_marshal fuzz_msgpack
}

# runs <target> <seeds...>: new inputs go into a folder of the test's own.
runs() {
	local target=$1

	shift
	mkdir -p "$run_dir/$target"
	(cd "$run_dir" && "$build/bin/$target" -max_total_time=60 -timeout=20 "$run_dir/$target" "$@")
}

check the_targets_are_built built
check fuzz_codec_finds_nothing runs fuzz_codec "$PYRITE_SOURCE/tests/fuzz/codec"
check fuzz_idl_finds_nothing runs fuzz_idl "$PYRITE_SOURCE/tests/corpus" "$PYRITE_SOURCE/tests/bad"
check fuzz_idl_made_finds_nothing runs fuzz_idl_made
check fuzz_rules_finds_nothing runs fuzz_rules
check fuzz_door_finds_nothing runs fuzz_door
check fuzz_tls_finds_nothing runs fuzz_tls
check fuzz_key_finds_nothing runs fuzz_key
check fuzz_records_finds_nothing runs fuzz_records
check fuzz_serpent_finds_nothing runs fuzz_serpent
check fuzz_json_finds_nothing runs fuzz_json
check fuzz_marshal_finds_nothing runs fuzz_marshal
check fuzz_msgpack_finds_nothing runs fuzz_msgpack
tests_end
