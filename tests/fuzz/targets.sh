#!/bin/bash
# SPDX-License-Identifier: MIT
# libFuzzer's targets are built, with clang and sanitizers, and each runs for a minute from its corpus: scripts/fuzz.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"

fuzz() {
	PYRITE_FUZZ_BUILD=$PYRITE_BUILD/fuzz PYRITE_FUZZ_CORPUS=$PYRITE_BUILD/fuzz-corpus "$PYRITE_SOURCE/scripts/fuzz" "$@"
}

check the_targets_find_nothing fuzz --seconds 60
cat "$run_dir/said"
check an_option_that_is_none_is_refused exits 2 fuzz --nonsense
tests_end
