#!/bin/bash
# SPDX-License-Identifier: MIT
# samples/10-warehouse: Janet, Henry and the warehouse print what the README shows.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"
client=$PYRITE_BIN/sample-warehouse-client

what_is_taken_is_mine() {
	type_to janet "$client" Janet
	printf 'couch\ncouch\n' >&"${to[janet]}"
	prints janet 'The couch is mine already'
}

# The warehouse shows what is there to everybody who comes: so Henry looks while nothing is taken.
it_is_put_back_for_another() {
	printf 'couch\nladder\n' >&"${to[henry]}"
	printed henry "$(shown 10-warehouse 2)" && printed janet "$(shown 10-warehouse 1)"
}

what_a_killed_one_had_is_back() {
	kill -9 "${pids[henry]}"
	printed warehouse "$(shown 10-warehouse 3)"
}

another_can_take_it() {
	same $'There is a bike\nThere is a couch\nThere is a flashlight\nThe couch is mine' "$client" Emma <<<couch
}

type_to_henry() {
	type_to henry "$client" Henry
	prints henry 'There is a flashlight'
}

run_name_server "$PYRITE_BIN" || exit 1
check the_warehouse_starts start warehouse "$PYRITE_BIN/sample-warehouse-server"
check henry_looks_around type_to_henry
check what_is_taken_is_mine what_is_taken_is_mine
check it_is_put_back_for_another it_is_put_back_for_another
check what_a_killed_one_had_is_back what_a_killed_one_had_is_back
check another_can_take_it another_can_take_it
check janet_leaves hang_up janet
tests_end
