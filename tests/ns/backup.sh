#!/bin/bash
# SPDX-License-Identifier: MIT
# pyrite-nsc export and import: nothing is lost on the way from one name server to another.
set -u
# shellcheck source=tests/ns/ns.bash
. "$PYRITE_SOURCE/tests/ns/ns.bash"
uid=$(id -u)
lines=$run_dir/names.jsonl

# start_at <socket> <rules> [argument...]: a name server at that socket.
start_at() {
	printf '%s\n' "$2" >"$run_dir/$1.rules"
	run_start 10 env PYRITE_RULES="$run_dir/$1.rules" "$PYRITE_BIN/pyrite-ns" --unix-socket "$run_dir/$1" "${@:3}" || exit 1
}

# at <socket> [argument...]: pyrite-nsc there.
at() {
	nsc --unix-socket "$run_dir/$1" "${@:2}"
}

# exported_is <socket> <file>
exported_is() {
	at "$1" export | diff "$2" -
}

# imports <socket> <file> <line of JSON>
imports() {
	same "$3" at "$1" --json import "$2"
}

# complains_of_line <text> <line>: an import of the line fails and says so.
complains_of_line() {
	printf '%s\n' "$2" >"$run_dir/bad.jsonl"
	exits 2 at free import "$run_dir/bad.jsonl" >/dev/null 2>"$run_dir/err"
	grep -qF -- "$1" "$run_dir/err" || {
		cat "$run_dir/err"
		return 1
	}
}

all="allow * call *
allow * register *
allow * replace *
allow * metadata *
allow * share *"
start_at old "$all
allow uid:$uid override *" --storage "sqlite:$run_dir/old.db"
start_at new "$all
allow uid:$uid override *" --storage memory
start_at free "$all" --storage memory
check a_name_with_tags_is_registered at old register fib PYRO:fib@localhost:1
check and_gets_them at old setmeta fib b 'üml"' a
check a_shared_one_too at old --shared register many PYRO:one@localhost:1
check and_once_more at old --shared register many PYRO:two@localhost:1
at old export >"$lines"
sed -i "s/\"uid:$uid\"/\"uid:4242\"/" "$lines"
check each_registration_is_a_line [ "$(wc -l <"$lines")" -eq 3 ]
check with_all_that_is_known_of_it grep -qxF \
	'{"name": "fib", "uri": "PYRO:fib@localhost:1", "metadata": ["a", "b", "üml\""], "owner": "uid:4242"}' "$lines"
check it_is_imported imports new "$lines" '{"imported": 3, "unchanged": 0, "leased": 0, "refused": 0, "owners_lost": 0}'
check with_owners_and_all exported_is new "$lines"
check and_belongs_to_them complains 2 "name fib belongs to uid:4242" at new setmeta fib x
check once_more_it_changes_nothing imports new "$lines" \
	'{"imported": 2, "unchanged": 1, "leased": 0, "refused": 0, "owners_lost": 0}'
check so_that_it_is_as_before exported_is new "$lines"
check only_part_of_it_is_exported [ "$(at new export ma | wc -l)" -eq 2 ]

# What is there already stays.
check another_one_is_there at free register fib PYRO:other@localhost:1
check it_is_not_replaced exits 2 at free import "$lines"
check but_named grep -qF 'line 1: ' <(at free import "$lines" 2>&1)
check and_stays same "PYRO:other@localhost:1" at free lookup fib
check the_others_were_imported [ "$(at free export many | wc -l)" -eq 2 ]
check an_owner_is_not_restored_without_the_right grep -qF 'names have not got their owners back' \
	<(at free --force import "$lines" 2>&1)
check but_the_name_is_replaced_by_force grep -qx PYRO:fib@localhost:1 <(at free lookup fib)

# Leased names are their programs' to register.
PYRITE_NS_HOST=./u:$run_dir/old run_start 10 "$PYRITE_BIN/test-owner" --stuck leased || exit 1
owner_pid=$run_pid
at old export leased >"$run_dir/leased.jsonl"
check a_lease_is_exported_as_one grep -q '"ttl_ms": ' "$run_dir/leased.jsonl"
check and_not_imported imports new "$run_dir/leased.jsonl" \
	'{"imported": 0, "unchanged": 0, "leased": 1, "refused": 0, "owners_lost": 0}'
check so_the_name_is_free complains 2 "unknown name: leased" at new lookup leased
crash "$owner_pid"

# What is no line.
check no_json_is_told complains_of_line "line 1: " '{"name": '
check a_wrong_type_is_told complains_of_line "line 1: Expected string, got integer" '{"name": "x", "uri": 1}'
check a_wrong_member_is_told complains_of_line "line 1: " '{"name": "x", "uri": "PYRO:x@h:1", "nam": 1}'
check a_wrong_tag_is_told complains_of_line "line 1: metadata: expected a list of strings" \
	'{"name": "x", "uri": "PYRO:x@h:1", "metadata": [1]}'
check a_bad_uri_is_told complains_of_line "line 1: invalid uri" '{"name": "x", "uri": "x"}'
check an_owner_that_is_none_is_told complains_of_line "owners back" '{"name": "x", "uri": "PYRO:x@h:1", "owner": "me"}'
check a_long_line_is_told complains_of_line "line 1: longer than" "$(head -c 70000 /dev/zero | tr '\0' x)"
check a_file_that_is_not_there_is_told complains 2 "cannot open $run_dir/none" at free import "$run_dir/none"
tests_end_crashed
