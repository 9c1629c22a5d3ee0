#!/bin/bash
# SPDX-License-Identifier: MIT
# pyrite-ns and pyrite-nsc: what they print, where, and their exit codes.
set -u
# shellcheck source=tests/ns/ns.bash
. "$PYRITE_SOURCE/tests/ns/ns.bash"

run_name_server "$PYRITE_BIN" || exit 1
ns_pid=$run_pid
at=127.0.0.1:$PYRITE_NS_PORT

fresh_list="--------START LIST
Pyrite.NameServer --> PYRO:Pyrite.NameServer@$at
    metadata: ['class:pyrite.NameServer']
--------END LIST"
full_list="--------START LIST - prefix 'my.'
my.other --> PYRO:other@./u:/run/other.sock
my.thing --> PYRO:thing@localhost:1234
--------END LIST - prefix 'my.'"
empty_list="--------START LIST - prefix 'zzz'
--------END LIST - prefix 'zzz'"

check ns_says_first_where_it_runs [ "$run_line" = "NS running on $at" ]
check ping_says_ok same "Name server ping ok." nsc ping
check a_fresh_name_server_knows_itself same "$fresh_list" nsc list
check lookup_prints_uri_and_metadata same "PYRO:Pyrite.NameServer@$at
metadata: ['class:pyrite.NameServer']" nsc lookup Pyrite.NameServer
check register_says_so same "Registered my.thing" nsc register my.thing pyro:thing@LOCALHOST:1234
check a_registered_name_is_found same "PYRO:thing@localhost:1234" nsc lookup my.thing
check a_name_may_lead_to_a_unix_socket same "Registered my.other" nsc register my.other PYRO:other@./u:/run/other.sock
check list_sorts_what_begins_with_the_prefix same "$full_list" nsc list my.
check list_of_nothing_is_empty same "$empty_list" nsc list zzz
check the_same_again_is_no_error same "Registered my.thing" nsc register my.thing PYRO:thing@localhost:1234
check another_uri_is_refused complains 2 "NamingError: name already registered: my.thing" \
	nsc register my.thing PYRO:thing@localhost:1235
check a_refusal_names_the_name_server complains 2 "(name server at $at)" nsc register my.thing PYRO:x@h:1
check remove_says_so same "Removed my.thing" nsc remove my.thing
check what_is_not_there_cannot_be_removed complains 2 "Nothing removed: NamingError: unknown name: my.thing" \
	nsc remove my.thing
check t1_an_unknown_name_is_an_error complains 2 "Error: NamingError: unknown name: my.thing" nsc lookup my.thing
check the_name_servers_own_name_stays complains 2 "Pyrite.NameServer" nsc remove Pyrite.NameServer
check a_bad_uri_is_wrong_usage complains 1 "Error: uri 'NOTAURI'" nsc register bad NOTAURI
check a_bad_name_is_wrong_usage complains 1 "NamingError: invalid name: 'a b'" nsc register 'a b' PYRO:x@h:1
check a_name_too_long_is_told complains 1 "1 to 255 bytes, not 300" \
	nsc register "$(printf '%0300d' 0)" PYRO:x@h:1
check names_may_be_any_utf8 same "Registered größe" nsc register größe PYRO:x@h:1
check options_may_follow_the_command same "Name server ping ok." nsc ping -n 127.0.0.1
check host_and_port_can_be_given env -u PYRITE_NS_HOST -u PYRITE_NS_PORT "$PYRITE_BIN/pyrite-nsc" \
	-n 127.0.0.1 -p "$PYRITE_NS_PORT" ping
check a_port_alone_is_on_this_host env -u PYRITE_NS_HOST -u PYRITE_NS_PORT "$PYRITE_BIN/pyrite-nsc" \
	-p "$PYRITE_NS_PORT" ping
check verbose_says_what_it_does same "Locating name server...
Name server found: $at
Name server ping ok.
Done." nsc -v ping

to_full_disk() {
	nsc "$@" >/dev/full
}
check what_could_not_be_written_is_told complains 2 "No space left on device" to_full_disk list

check no_command_is_wrong_usage complains 1 "no command given" nsc
check an_unknown_command_is_wrong_usage complains 1 "unknown command 'bogus'" nsc bogus
check lookup_needs_a_name complains 1 "lookup requires one argument: name" nsc lookup
check register_needs_two_arguments complains 1 "register requires two arguments: name uri" nsc register x
check too_many_arguments_are_wrong_usage complains 1 "ping requires no arguments" nsc ping x
check an_unknown_option_is_wrong_usage complains 1 "--bogus" nsc --bogus ping
check a_bad_address_is_wrong_usage complains 1 "the port is not a number" nsc -n h -p x ping
check help_is_no_error exits 0 nsc --help
check version_is_told same "pyrite-nsc $("$PYRITE_BIN/pyrite-idl" --version | awk '{print $NF}')" nsc --version

check a_taken_port_is_told_at_once complains 1 "$at" "$PYRITE_BIN/pyrite-ns" -s memory --port "$PYRITE_NS_PORT"
check a_wide_bind_is_refused complains 1 "0.0.0.0" "$PYRITE_BIN/pyrite-ns" -s memory --host 0.0.0.0 --port 0
check a_bad_port_is_wrong_usage complains 1 "'x' is not a port number from 0 to 65535" "$PYRITE_BIN/pyrite-ns" --port x
check ns_takes_no_arguments complains 1 "unexpected argument 'x'" "$PYRITE_BIN/pyrite-ns" x

run_start 10 "$PYRITE_BIN/pyrite-ns" --storage memory --unix-socket "$run_dir/ns.sock" || exit 1
check a_name_server_on_a_unix_socket_says_so [ "$run_line" = "NS running on ./u:$run_dir/ns.sock" ]
check it_is_reached_through_it same "PYRO:Pyrite.NameServer@./u:$run_dir/ns.sock
metadata: ['class:pyrite.NameServer']" \
	nsc -u "$run_dir/ns.sock" lookup Pyrite.NameServer
check two_name_servers_know_different_names complains 2 "unknown name: my.other" \
	nsc -u "$run_dir/ns.sock" lookup my.other
check it_ends_well_on_sigterm run_stop "$run_pid"
check t10_its_socket_goes_with_it [ ! -e "$run_dir/ns.sock" ]
check what_is_gone_is_unreachable complains 3 "$run_dir/ns.sock" nsc -u "$run_dir/ns.sock" ping
another_starts() {
	run_start 10 "$PYRITE_BIN/pyrite-ns" --storage memory --unix-socket "$run_dir/ns.sock"
}
check t10_another_starts_in_its_place another_starts
check and_ends_as_well run_stop "$run_pid"
# From its first line on it takes signals.
start_and_stop() {
	local i

	for i in $(seq 20); do
		another_starts && run_stop "$run_pid" || return 1
	done
}
check it_ends_well_however_early_the_signal start_and_stop

check the_name_server_ends_well_on_sigterm run_stop "$ns_pid"
check t1_without_a_name_server_every_command_is_unreachable complains 3 \
	"Error: NamingError: failed to locate the name server at $at" nsc list

# All its lines; a shell starts what runs beside it with SIGINT ignored.
mkfifo "$run_dir/lines"
env --default-signal=INT "$PYRITE_BIN/pyrite-ns" -s memory -p 0 >"$run_dir/lines" &
run_pids+=($!)
exec {lines}<"$run_dir/lines"
read -r -t 10 -u "$lines" first && read -r -t 10 -u "$lines" second
check ns_says_its_uri [ "$second" = "URI = PYRO:Pyrite.NameServer@${first#NS running on }" ]
check it_is_reached_at_that_address nsc -n "${first#NS running on }" ping
kill -INT $!
read -r -t 10 -u "$lines" third
check it_says_that_it_ends [ "$third" = "NS shut down." ]
# It has nothing to be told any more: another signal may meet it without a handler.
ended() {
	timeout 20 tail --pid="$1" -s 0.02 -f /dev/null
	wait "$1"
}
check it_ends_well_on_sigint ended $!

run_start 10 "$PYRITE_BIN/pyrite-ns" --port 0 --storage memory --advertise NS.example.org || exit 1
check a_name_server_says_where_others_reach_it grep -q "^NS running on ns.example.org:[0-9]*$" <<<"$run_line"
check an_address_that_leads_nobody_there_is_refused complains 1 "advertise '0.0.0.0': no address that others can use" \
	"$PYRITE_BIN/pyrite-ns" --port 0 --storage memory --advertise 0.0.0.0
check a_number_of_days_is_one complains 1 "'0' is not a number of days from 1 to 36500" "$PYRITE_BIN/pyrite-ns" --keep 0
mkdir -m 770 "$run_dir/open"
check a_folder_that_others_can_write_is_told complains 1 "its folder $run_dir/open is writable by others" \
	"$PYRITE_BIN/pyrite-ns" --storage memory --unix-socket "$run_dir/open/ns"
tests_end
