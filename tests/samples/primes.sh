#!/bin/bash
# SPDX-License-Identifier: MIT
# samples/13-primes: all primes are counted, though workers are killed, and the progress is shown as the README says.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"
client=$PYRITE_BIN/sample-primes-client

quarters() {
	shown 13-primes 2 | grep -v killed
}

# What is left of each line on a terminal in the end.
on_a_terminal() {
	script -qec "$client --kill" /dev/null | tr -d '\r' | sed 's/.* %\[/[/'
}

check each_quarter_is_a_line same "$(quarters)" "$client"
check killed_workers_cost_nothing same "$(shown 13-primes 2)" "$client" --kill
check on_a_terminal_there_is_a_bar same "$(shown 13-primes 1)" on_a_terminal
check it_counts_to_any_number same '4 primes below 10' bash -c "'$client' 10 | tail -n 1"
tests_end
