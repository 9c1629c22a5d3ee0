#!/bin/bash
# SPDX-License-Identifier: MIT
# The samples build against an installed Pyrite that was moved, and do there what they do here. They share a configuration
# that does nothing for them, since looking for a compiler takes longer than to build one. install/install.sh has one alone.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"
prefix=$run_dir/prefix
alone=$run_dir/samples

installs() {
	cmake --install "$PYRITE_BUILD" --prefix "$run_dir/first" && mv "$run_dir/first" "$prefix"
}

together() {
	mkdir "$alone" && cat >"$alone/CMakeLists.txt" <<-'end'
		cmake_minimum_required(VERSION 3.25)
		project(samples LANGUAGES C)
		file(GLOB samples ${SAMPLES}/[0-9]*)
		foreach(sample ${samples})
			cmake_path(GET sample FILENAME name)
			add_subdirectory(${sample} ${name})
		endforeach()
	end
	cmake -G Ninja -S "$alone" -B "$alone" -DSAMPLES="$PYRITE_SOURCE/samples" -DCMAKE_PREFIX_PATH="$prefix" \
		-DCMAKE_C_FLAGS="-Wall -Wextra -Wno-unused-parameter -Werror"
}

check pyrite_is_installed installs
check the_samples_find_it together
check they_build cmake --build "$alone"

run_name_server "$prefix/bin" || exit 1
run_start 10 "$alone/01-add/sample-add-server" || exit 1
check sample_add_adds same 3 "$alone/01-add/sample-add-client"
run_start 10 "$alone/04-batch/sample-batch-server" || exit 1
check sample_batch_batches grep -c "call 3 of 5 in the batch" <("$alone/04-batch/sample-batch-client")
check sample_primes_finds_its_workers same '4 primes below 10' tail -n 1 <("$alone/13-primes/sample-primes-client" 10)
tests_end
