#!/bin/bash
# SPDX-License-Identifier: MIT
# samples/04-batch: what its client prints.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"
expected='100 50 33 25 20 and no error
-50 -100 call 3 of 5 in the batch: 100 divided by zero
250 500 750 1000 from a thousand futures
100 50 33 25 20 called back'

runs() {
	run_alone "$PYRITE_BIN/sample-batch-client" && same "$expected" cat "$run_dir/alone" && same "" cat "$run_dir/alone.err"
}

# The README shows what the client prints.
readme() {
	same "$expected" sed -n '/^```text/,/^```/{/^```/d;p}' "$PYRITE_SOURCE/samples/04-batch/README.md"
}

no_server() {
	! run_alone "$PYRITE_BIN/sample-batch-client" && grep "NamingError: .*example.calculator" "$run_dir/alone" "$run_dir/alone.err"
}

run_name_server "$PYRITE_BIN" || exit 1
check without_a_server_it_says_so no_server
run_start 10 "$PYRITE_BIN/sample-batch-server" || exit 1
check the_client_prints_results_and_the_error runs
check and_again runs
check its_readme_says_so readme
tests_end
