#!/bin/bash
# SPDX-License-Identifier: MIT
# A daemon and its client under valgrind, over each lane, with the suppressions that are installed: no error, no block
# that is definitely or possibly lost. What is not suppressed is seen: a block that the program itself loses.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
if ! command -v valgrind >/dev/null; then
	echo "skipped: valgrind is not installed"
	exit 77
fi

# Everything takes fifty times as long.
export PYRITE_CONNECT_TIMEOUT_MS=120000

# under <program> [argument...]: its status, or 99 if valgrind has found something.
under() {
	valgrind --quiet --leak-check=full --show-leak-kinds=definite,possible --errors-for-leak-kinds=definite,possible \
		--error-exitcode=99 --suppressions="$PYRITE_SOURCE/runtime/pyrite.supp" "$@"
}

# clean <lane>
clean() {
	PYRITE_LANE=$1 same 191 under "$PYRITE_BIN/valgrind-pair"
}

# finds <lane> <what> <words>: the program makes that fault, and valgrind tells it.
finds() {
	local status=0

	PYRITE_LANE=$1 under "$PYRITE_BIN/valgrind-pair" "$2" >"$run_dir/found" 2>&1 || status=$?
	cat "$run_dir/found"
	[ "$status" -eq 99 ] && grep -q "$3" "$run_dir/found"
}

for lane in socket grpc; do
	check "a_daemon_and_its_client_are_clean_over_$lane" clean "$lane"
	check "a_block_that_a_method_loses_is_seen_over_$lane" finds "$lane" leak "definitely lost"
done
tests_end
