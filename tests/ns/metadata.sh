#!/bin/bash
# SPDX-License-Identifier: MIT
# Metadata, regular expressions, removals, --force and --json: what pyrite-nsc prints, and its exit codes.
set -u
# shellcheck source=tests/ns/ns.bash
. "$PYRITE_SOURCE/tests/ns/ns.bash"

run_name_server "$PYRITE_BIN" || exit 1
ns_pid=$run_pid
at=127.0.0.1:$PYRITE_NS_PORT
for name in rm.1 rm.2 my.thing other; do
	nsc register "$name" PYRO:o@h:1 >/dev/null || exit 1
done

# answers <y or n> <command> [argument...]
answers() {
	local answer=$1

	shift
	"$@" <<<"$answer"
}

check setmeta_says_so same "Metadata updated" nsc setmeta my.thing printer colour printer
check lookup_shows_metadata same "PYRO:o@h:1
metadata: ['colour', 'printer']" nsc lookup my.thing
check list_shows_metadata same "--------START LIST - prefix 'my'
my.thing --> PYRO:o@h:1
    metadata: ['colour', 'printer']
--------END LIST - prefix 'my'" nsc list my
nsc setmeta other printer >/dev/null
check listmeta_all_needs_all_tags same "--------START LIST - searched by metadata
my.thing --> PYRO:o@h:1
    metadata: ['colour', 'printer']
--------END LIST - searched by metadata" nsc listmeta_all printer colour
check listmeta_any_needs_one same "--------START LIST - searched by metadata
my.thing --> PYRO:o@h:1
    metadata: ['colour', 'printer']
other --> PYRO:o@h:1
    metadata: ['printer']
--------END LIST - searched by metadata" nsc listmeta_any printer none
check tags_are_case_sensitive same "--------START LIST - searched by metadata
--------END LIST - searched by metadata" nsc listmeta_any PRINTER
check setmeta_without_tags_clears same "Metadata cleared" nsc setmeta other
check cleared_metadata_is_gone same "PYRO:o@h:1" nsc lookup other
check setmeta_of_an_unknown_name_is_told complains 2 "Error: NamingError: unknown name: nope" nsc setmeta nope x
check a_bad_tag_is_wrong_usage complains 1 "NamingError: invalid tag: 'a b'" nsc setmeta other 'a b'
check too_many_tags_are_refused complains 2 "at most 64 tags, not 65" nsc setmeta other $(seq 65)
check the_name_servers_own_metadata_stay complains 2 "stays as it is" nsc -f setmeta Pyrite.NameServer x

check listmatching_matches_from_the_beginning same "--------START LIST - regex 'm.*g\$'
my.thing --> PYRO:o@h:1
    metadata: ['colour', 'printer']
--------END LIST - regex 'm.*g\$'" nsc listmatching 'm.*g$'
check not_in_the_middle same "--------START LIST - regex 'thing'
--------END LIST - regex 'thing'" nsc listmatching thing
check a_bad_regex_is_told_with_its_place complains 1 \
	"Error: NamingError: invalid regex: missing closing parenthesis at position 10 (name server at $at)" \
	nsc listmatching '((((broken'
check a_long_regex_is_told complains 1 "at most 256 bytes, not 257" nsc listmatching "$(printf 'a%.0s' $(seq 257))"

# What strangers' expressions may cost: far below a second each, and no memory that stays.
long=$(printf 'a%.0s' $(seq 255))
nsc register "$long" PYRO:o@h:1 >/dev/null
rss_before=$(awk '/VmRSS/ { print $2 }' "/proc/$ns_pid/status")
check a_regex_bomb_is_refused complains 1 "regular expression is too large" \
	timeout 5 "$PYRITE_BIN/pyrite-nsc" listmatching '(((a{1,100}){1,100}){1,100})'
check catastrophic_backtracking_is_bounded complains 2 "the regex takes too long to match name aaa" \
	timeout 5 "$PYRITE_BIN/pyrite-nsc" listmatching '(a+)+[bc]'
check also_in_a_removal complains 2 "the regex takes too long to match name aaa" \
	timeout 5 "$PYRITE_BIN/pyrite-nsc" -f removematching '(a+)+[bc]'
bombs() {
	local i

	for i in $(seq 20); do
		nsc listmatching '(((a{1,100}){1,100}){1,100})' 2>/dev/null
		nsc listmatching '(?R)' 2>/dev/null
	done
	grow=$(($(awk '/VmRSS/ { print $2 }' "/proc/$ns_pid/status") - rss_before))
	echo "$grow KiB"
	[ "$grow" -le "${PYRITE_BOMB_KIB:-8192}" ]
}
check forty_bombs_leave_no_memory_behind bombs
check others_are_served_as_before same "Name server ping ok." nsc ping

check removematching_asks_and_says_how_many same \
	"Potentially removing lots of items from the Name server. Are you sure (y/n)?2 items removed." \
	answers y nsc removematching 'rm\..*'
check no_means_no exits 2 answers n nsc removematching 'my.*'
check nor_does_silence exits 2 answers "" nsc removematching 'my.*'
check what_was_not_removed_is_there exits 0 nsc lookup my.thing
check force_does_not_ask same "0 items removed." nsc --force removematching 'rm\..*'
check a_bad_regex_removes_nothing complains 1 "invalid regex" nsc --force removematching '('
check the_name_server_stays_in_its_own_list same "1 item removed." nsc -f removematching '(Pyrite|aaa)'
check and_is_found exits 0 nsc lookup Pyrite.NameServer

# Shared names.
nsc -s register all PYRO:o@h:2 >/dev/null
check a_shared_name_is_registered_beside_others same "Registered all" nsc --shared register all PYRO:o@h:1
check it_is_listed_uri_by_uri same "--------START LIST - prefix 'all'
all --> PYRO:o@h:1
all --> PYRO:o@h:2
--------END LIST - prefix 'all'" nsc list all
check it_is_not_anybodys_alone complains 2 "NamingError: name already registered: all, as shared, by others and for an object at h:1" \
	nsc register all PYRO:o@h:3
check nor_is_another_shared complains 2 "NamingError: name already registered: other, for an object at h:1 alone: it is not shared" \
	nsc --shared register other PYRO:o@h:3
check its_persistent_registrations_are_removed same "Removed all" nsc remove all
check all_of_them complains 2 "unknown name: all" nsc lookup all

# Others' names.
run_start 10 "$PYRITE_BIN/test-owner" --stuck owned.a owned.b || exit 1
owner_pid=$run_pid
where=$(nsc lookup owned.a)
where=${where#*@}
check metadata_of_anothers_name_are_refused complains 2 \
	"NamingError: owned.a belongs to another program: only its owner at $where may set its metadata" nsc setmeta owned.a x
check with_force_they_are_not same "Metadata updated" nsc --force setmeta owned.a x
kept() {
	exits 2 nsc removematching 'owned\.' <<<y >"$run_dir/kept" 2>&1
	grep -qF "0 items removed." "$run_dir/kept" && grep -qF "2 items have other owners and were kept" "$run_dir/kept"
}
check names_of_others_are_kept kept
check a_name_of_another_is_registered_with_force same "Registered owned.b" nsc -f register owned.b PYRO:new@h:2
check and_stays_so same "PYRO:new@h:2" nsc lookup owned.b
check what_another_owns_is_removed_with_force same "Removed owned.a" nsc -f remove owned.a
check force_is_told_when_asked_for same "Locating name server...
Name server found: $at
Also changing names of other owners.
Removed owned.b
Done." nsc -v -f remove owned.b
crash "$owner_pid"

# For programs.
check json_list same '{"names": [{"name": "my.thing", "uri": "PYRO:o@h:1", "metadata": ["colour", "printer"]}]}' nsc -j list my
generation_of() { nsc --verbose "$@" 2>/dev/null | grep -o 'generation"*: [0-9]*'; }
check verbose_tells_the_generation test -n "$(generation_of lookup other)"
check and_so_does_json same "$(generation_of lookup other | tr -dc 0-9)" eval "generation_of --json lookup other | tr -dc 0-9"
check json_list_of_nothing same '{"names": []}' nsc --json listmatching zzz
check json_listmeta same '{"names": [{"name": "my.thing", "uri": "PYRO:o@h:1", "metadata": ["colour", "printer"]}]}' \
	nsc -j listmeta_any colour
check json_lookup same '{"name": "other", "uri": "PYRO:o@h:1", "metadata": []}' nsc -j lookup other
check json_register same '{"registered": "größe\"\\"}' nsc -j register 'größe"\' PYRO:o@h:1
check json_setmeta same '{"name": "other", "metadata": ["a\"b"]}' nsc -j setmeta other 'a"b'
check json_remove same '{"removed": "other"}' nsc -j remove other
check json_removematching same '{"removed": 1, "kept": 0}' answers y nsc -j removematching gr 2>/dev/null
check json_ping same "{\"pinged\": \"$at\"}" nsc -j ping
check json_of_an_error_is_none complains 2 "Error: NamingError: unknown name: other" nsc -j lookup other
quietly() {
	"$@" 2>/dev/null
}
check json_alone_is_on_stdout same "{\"pinged\": \"$at\"}" quietly nsc -j -v ping
check setmeta_needs_a_name complains 1 "setmeta requires at least one argument: name" nsc setmeta
check listmatching_needs_a_pattern complains 1 "listmatching requires one argument: pattern" nsc listmatching
check listmeta_all_needs_a_tag complains 1 "listmeta_all requires at least one argument: tag" nsc listmeta_all
check json_to_a_full_disk_is_told complains 2 "No space left on device" sh -c '"$0" -j list >/dev/full' "$PYRITE_BIN/pyrite-nsc"
check the_name_server_ends_well run_stop "$ns_pid"
tests_end_crashed
