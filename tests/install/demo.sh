#!/bin/bash
# SPDX-License-Identifier: MIT
# The demo prints what it should, its servers end well when told to, and it leaves nothing behind.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"

# In a session of its own, so that whatever it leaves can be told.
demo() {
	mkdir "$run_dir/tmp"
	TMPDIR=$run_dir/tmp setsid "$PYRITE_SOURCE/scripts/demo" --bin "$PYRITE_BIN" >"$run_dir/demo" &
	demo_pid=$!
	wait "$demo_pid" && same $'Ready\n3' cat "$run_dir/demo"
}

nothing_left() {
	! pgrep --session "$demo_pid" && same "" ls -A "$run_dir/tmp"
}

fails() {
	! "$PYRITE_SOURCE/scripts/demo" --bin "$run_dir"
}

check the_demo_prints_ready_and_3 demo
check the_demo_leaves_nothing_behind nothing_left
check the_demo_fails_where_there_are_no_programs fails
tests_end
