#!/bin/bash
# SPDX-License-Identifier: MIT
# Each sample builds alone against an installed Pyrite that was moved, and does there what it does here.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"
prefix=$run_dir/prefix

installs() {
	cmake --install "$PYRITE_BUILD" --prefix "$run_dir/first" && mv "$run_dir/first" "$prefix"
}

builds() {
	cmake -S "$PYRITE_SOURCE/samples/$1" -B "$run_dir/$1" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release \
		-DCMAKE_C_FLAGS="-Wall -Wextra -Wno-unused-parameter -Werror" && cmake --build "$run_dir/$1"
}

check pyrite_is_installed installs
for sample in "$PYRITE_SOURCE"/samples/[0-9]*/; do
	sample=$(basename "$sample")
	check "sample_${sample//-/_}_builds_alone" builds "$sample"
done

run_name_server "$prefix/bin" || exit 1
run_start 10 "$run_dir/01-add/sample-add-server" || exit 1
check sample_add_adds same 3 "$run_dir/01-add/sample-add-client"
check sample_fib_maps same '[832040, 9227465, 102334155, 1134903170]' "$run_dir/02-fib/sample-fib-client"
run_start 10 "$run_dir/04-batch/sample-batch-server" || exit 1
check sample_batch_batches grep -c "call 3 of 5 in the batch" <("$run_dir/04-batch/sample-batch-client")
run_start 10 "$run_dir/03-timers/sample-timers-server" || exit 1
check sample_timers_sleeps same $'Task 1 running\nTask 2 running\nTask 2 finished\nTask 1 finished' \
	"$run_dir/03-timers/sample-timers-client"
check sample_timers_sleeps_in_tasks same $'Task 1 running\nTask 2 running\nTask 2 finished\nTask 1 finished' \
	"$run_dir/03-timers/sample-timers-tasks"
tests_end
