#!/bin/bash
# SPDX-License-Identifier: MIT
# pyrite call, describe, list and ping, against the servers of samples: what is printed, said on stderr, and exit codes.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"

call() {
	"$PYRITE_BIN/pyrite" call "$@" </dev/null
}

# A value of what a command prints as one line of JSON: told <python expression of v> <command> [argument...]
told() {
	"${@:2}" >"$run_dir/json" && /usr/bin/python3 -c '
import json, sys
v = json.load(open(sys.argv[1]))
sys.exit(0 if eval(sys.argv[2]) else "not so: %s" % v)' "$run_dir/json" "$1"
}

# fails_as_json <python expression of v> <command> [argument...]: the error on stderr.
fails_as_json() {
	"${@:2}" 2>"$run_dir/error" && return 1
	told "$1" cat "$run_dir/error"
}

typed_lines() {
	printf 'one\ntwo "words"\n' | "$PYRITE_BIN/pyrite" call example.shelf put 'a text'
}

shouted_lines() {
	printf '"one"\n"two"\n' | "$PYRITE_BIN/pyrite" call --json example.shelf shout
}

# What is printed is an interface that stubs can be made of, with the fingerprint of the server's.
described() {
	mkdir -p "$run_dir/again" "$run_dir/first"
	"$PYRITE_BIN/pyrite" describe example.server >"$run_dir/again/example.idl" || return 1
	"$PYRITE_BIN/pyrite-idl" --c "$run_dir/again" "$run_dir/again/example.idl" &&
		"$PYRITE_BIN/pyrite-idl" --c "$run_dir/first" "$PYRITE_SOURCE/samples/01-add/example.idl" &&
		diff <(grep -o 'fingerprint = .*' "$run_dir/first/example.c") \
			<(grep -o 'fingerprint = .*' "$run_dir/again/example.c")
}

pinged() {
	local lines

	lines=$("$PYRITE_BIN/pyrite" ping -n 3 example.server) || return 1
	[[ $lines =~ ^127\.0\.0\.1:[0-9]+:\ Pyrite\ [0-9.]+,\ [0-9]+\ threads?\;\ IPv4,\ .*3\ pings:\ .*at\ most$ ]] ||
		{ echo "$lines"; return 1; }
}

run_name_server "$PYRITE_BIN" || exit 1
check the_servers_start start add "$PYRITE_BIN/sample-add-server"
check the_bank_starts start bank "$PYRITE_BIN/sample-errors-bank"
check the_shelf_starts start shelf "$PYRITE_BIN/sample-streams-server"

check values_in_order_are_the_parameters same 3 call PYRONAME:example.server add 1 2
check a_name_alone_is_a_uri same -1 call example.server add 1 -2
check parameters_may_be_named same 3 call example.server add y=1 x=2
check parameters_may_be_an_object same 7 call example.server add '{"x": 3, "y": 4}'
check a_call_is_repeated same $'3\n3\n3' call --repeat 3 example.server add 1 2
check a_missing_parameter_is_wrong_usage complains 1 "parameter 'y': is missing" call example.server add 1
check a_value_that_does_not_fit_is_wrong_usage complains 1 "y': expected an integer, got two" \
	call example.server add '{"x": 1, "y": "two"}'
check an_unknown_operation_is_refused complains 2 "has no operation 'sub'" call example.server sub 1 2
check an_unknown_name_is_refused complains 2 "nobody" call nobody add 1 2
check a_server_that_is_not_there_is_not_reachable complains 3 "" call PYRO:x@127.0.0.1:1 add 1 2
check no_operation_is_wrong_usage exits 1 call example.server
check a_malformed_uri_is_wrong_usage exits 1 call 'PYRO:@' add

check a_64_bit_integer_is_a_string same '"6"' call example.account withdraw 4
check an_exception_is_told_on_stderr complains 2 '{"@type": "shop.NoFunds", "missing": "' \
	call example.account withdraw amount=100000
check an_exception_is_told_as_json fails_as_json "v['exception']['@type'] == 'shop.NoFunds' and v['status'] == 'ABORTED'" \
	call --json example.account withdraw 100000

check items_are_read_from_lines same 2 typed_lines
check items_are_printed_line_by_line same $'"1 one"\n"2 two \\"words\\""' call example.shelf get 'a text'
check items_go_both_ways same $'"ONE"\n"TWO"' shouted_lines

check an_interface_is_described_with_its_fingerprint described
check a_description_is_told_as_json told "'interface Server' in v['idl']" "$PYRITE_BIN/pyrite" describe --json example.server
check names_are_listed told "'example.server' in [n['name'] for n in v['names']]" "$PYRITE_BIN/pyrite" list --json
check the_objects_of_a_daemon_are_listed told "v['objects'][0]['names'] == ['example.server']" \
	"$PYRITE_BIN/pyrite" list --json example.server
check a_daemon_answers_pings pinged
check pings_are_told_as_json told "v['pings'] == 5 and v['least_ms'] <= v['most_ms']" "$PYRITE_BIN/pyrite" ping --json example.server
check a_daemon_that_is_not_there_is_not_reachable complains 3 "" "$PYRITE_BIN/pyrite" ping 127.0.0.1:1
tests_end
