#!/bin/bash
# SPDX-License-Identifier: MIT
# What pyrite-ns keeps over a restart, where, and when it refuses to start.
set -u
# shellcheck source=tests/ns/ns.bash
. "$PYRITE_SOURCE/tests/ns/ns.bash"
ns=$PYRITE_BIN/pyrite-ns
export XDG_STATE_HOME=$run_dir/state
db=$XDG_STATE_HOME/pyrite/ns.db

# start_ns [argument...]: a name server on the port of this script, in the default storage.
keep_port || exit 1
export PYRITE_NS_HOST=127.0.0.1 PYRITE_NS_PORT=$kept_port
start_ns() {
	run_start 10 "$ns" --port "$kept_port" "$@" || return 1
	ns_pid=$run_pid
}

# mode <file>
mode() {
	stat -c %a "$1"
}

# leads_to <name> <uri>: the first line of a look-up.
leads_to() {
	same "$2" sed -n 1p <(nsc lookup "$1")
}

whole() {
	/usr/bin/python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("PRAGMA integrity_check").fetchone()[0])' "$1"
}

start_ns || exit 1
check the_folder_is_the_users_alone same 700 mode "$XDG_STATE_HOME/pyrite"
check and_so_is_the_database same 600 mode "$db"
check a_name_is_registered same "Registered my.thing" nsc register my.thing PYRO:thing@localhost:1234
check and_has_metadata same "Metadata updated" nsc setmeta my.thing printer colour
check another_too same "Registered my.other" nsc register my.other PYRO:other@localhost:1234
check and_is_removed same "Removed my.other" nsc remove my.other
check a_second_name_server_on_the_database_is_refused complains 1 \
	"pyrite-ns: database $db is another name server's, process $ns_pid" "$ns" --port 0
check the_first_one_goes_on leads_to my.thing PYRO:thing@localhost:1234
check another_program_may_read_the_database same ok whole "$db"
check an_idle_name_server_is_small [ "$(awk '/VmRSS/ { print $2 }' "/proc/$ns_pid/status")" -le "${PYRITE_RSS_KIB:-30720}" ]
check it_ends_well run_stop "$ns_pid"
check and_leaves_one_file_behind same ns.db ls -A "$XDG_STATE_HOME/pyrite"

start_ns || exit 1
check a_name_is_there_after_a_restart same "PYRO:thing@localhost:1234
metadata: ['colour', 'printer']" nsc lookup my.thing
check what_was_removed_is_not is_gone my.other
check it_is_nobodys same "Removed my.thing" nsc remove my.thing
check there_again same "Registered my.thing" nsc register my.thing PYRO:thing@localhost:1234
crash "$ns_pid"
start_ns || exit 1
check a_name_is_there_after_a_crash leads_to my.thing PYRO:thing@localhost:1234
check it_ends_well_after_that run_stop "$ns_pid"

# How many there were, told at the start.
mkfifo "$run_dir/lines"
"$ns" --port 0 >"$run_dir/lines" &
run_pids+=($!)
exec {lines}<"$run_dir/lines"
read -r -t 10 -u "$lines" first && read -r -t 10 -u "$lines" _ && read -r -t 10 -u "$lines" third
check ns_says_how_many_names_there_were [ "$third" = "Persistent store contains 1 existing registration." ]
check it_is_reached nsc -p "${first##*:}" ping
check it_stops_well run_stop $!

# Leased names: there all along, renewed by themselves, gone with their owner.
export PYRITE_LEASE_TTL_MS=3000
start_ns || exit 1
run_start 10 "$PYRITE_BIN/test-owner" --stuck leased || exit 1
owner_pid=$run_pid
leased_uri=$(nsc lookup leased)
crash "$ns_pid"
start_ns || exit 1
check a_leased_name_is_there_at_once_after_a_restart leads_to leased "$leased_uri"
lives_on() {
	local end=$((SECONDS + 5))

	while [ "$SECONDS" -lt "$end" ]; do
		leads_to leased "$leased_uri" || return 1
	done
}
check and_is_renewed_by_itself lives_on
check and_is_its_owners_again complains 2 "only its owner at ${leased_uri#*@} may remove it" nsc remove leased
crash "$owner_pid"
killed_at=$(date +%s%N)
# Milliseconds after that when the last look-up began that found it.
last_seen() {
	local now_ms seen_ms=0

	while now_ms=$((($(date +%s%N) - killed_at) / 1000000)) && ! is_gone leased >/dev/null 2>&1; do
		seen_ms=$now_ms
		[ "$now_ms" -le 20000 ] || break
	done
	echo "$seen_ms"
}
check the_name_of_a_killed_server_is_gone_within_its_lease_and_a_second [ "$(last_seen)" -le 4000 ]

# One whose owner died while the name server was away gets one more lease.
run_start 10 "$PYRITE_BIN/test-owner" --stuck orphan || exit 1
owner_pid=$run_pid
orphan_uri=$(nsc lookup orphan)
crash "$ns_pid"
crash "$owner_pid"
start_ns || exit 1
check a_leased_name_gets_one_fresh_lease leads_to orphan "$orphan_uri"
check and_no_more within 6 is_gone orphan
check that_name_server_ends_well run_stop "$ns_pid"

# Where it cannot be.
cp "$db" "$run_dir/good.db"
check a_folder_that_is_not_there_is_told complains 1 \
	"cannot open database $run_dir/none/ns.db: No such file or directory" "$ns" -p 0 -s "sqlite:$run_dir/none/ns.db"
check a_file_system_that_takes_none_is_told complains 1 "cannot open database /proc/ns.db: " "$ns" -p 0 -s sqlite:/proc/ns.db
check a_folder_that_cannot_be_made_is_told complains 1 "cannot make folder /proc/none: " \
	env XDG_STATE_HOME=/proc/none "$ns" -p 0
check no_home_is_told complains 1 "neither XDG_STATE_HOME nor HOME says where names are kept" \
	env -u XDG_STATE_HOME -u HOME "$ns" -p 0
check an_unknown_storage_is_wrong_usage complains 1 "'dbm:x' is not a storage" "$ns" -p 0 -s dbm:x
check a_file_that_is_no_database_is_refused complains 1 \
	"database $run_dir/said is damaged: file is not a database: move it away" \
	sh -c 'yes text | head -n 2000 >"$1" && exec "$2" -p 0 -s "sqlite:$1"' - "$run_dir/said" "$ns"

# A folder nobody may write to: root may write everywhere, so root tries as somebody else.
mkdir "$run_dir/closed"
chmod 755 "$run_dir"
chmod 555 "$run_dir/closed"
as_nobody=()
[ "$(id -u)" -ne 0 ] || as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
if "${as_nobody[@]}" "$ns" --version >/dev/null 2>&1; then
	check a_closed_folder_is_told complains 1 "cannot open database $run_dir/closed/ns.db: Permission denied" \
		"${as_nobody[@]}" "$ns" -p 0 -s "sqlite:$run_dir/closed/ns.db"
	install -m 444 "$run_dir/good.db" "$run_dir/readonly.db"
	check a_database_that_cannot_be_written_is_told complains 1 \
		"cannot open database $run_dir/readonly.db: Permission denied" \
		"${as_nobody[@]}" "$ns" -p 0 -s "sqlite:$run_dir/readonly.db"
fi

# A page in the middle of the file.
for i in $(seq 400); do echo "INSERT INTO names (name, uri, tags, secret, ttl_ms, generation, registered) VALUES ('name.$i', 'PYRO:o@h:1', '', zeroblob(16), 0, $i, 0);"; done |
	/usr/bin/python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.executescript(sys.stdin.read()); c.commit()' "$run_dir/good.db"
dd if=/dev/urandom of="$run_dir/good.db" bs=4096 seek=4 count=1 conv=notrunc 2>/dev/null
check a_damaged_database_is_refused complains 1 "database $run_dir/good.db is damaged: " "$ns" -p 0 -s "sqlite:$run_dir/good.db"

# A name that is not as it was written.
cp "$db" "$run_dir/changed.db"
/usr/bin/python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute("UPDATE names SET name = ? WHERE name = ?", ("bad\x1bname", "my.thing")); c.commit()' "$run_dir/changed.db"
run_start 10 sh -c 'exec "$1" -p 0 -s "sqlite:$2" 2>"$3"' - "$ns" "$run_dir/changed.db" "$run_dir/aside" || exit 1
check a_name_that_is_damaged_is_set_aside grep -qF "pyrite-ns: name bad\u001Bname is set aside: it is not as it was written: \
its checksum is wrong: see table set_aside of database $run_dir/changed.db" "$run_dir/aside"
check and_the_name_server_runs run_stop "$run_pid"

# A disk that is full: here, files that may not grow.
start_ns -s "sqlite:$run_dir/small.db" || exit 1
check a_name_fits same "Registered first" nsc register first PYRO:o@h:1
prlimit --pid "$ns_pid" --fsize=4096:unlimited
check on_a_full_disk_a_name_is_refused complains 2 "no space left for database $run_dir/small.db" nsc register second PYRO:o@h:1
check it_is_not_there is_gone second
check a_removal_is_refused_too complains 2 "no space left for database" nsc remove first
check look_ups_go_on leads_to first PYRO:o@h:1
prlimit --pid "$ns_pid" --fsize=unlimited:unlimited
check with_space_again_it_is_taken same "Registered second" nsc register second PYRO:o@h:1
check it_ends_well_after_all run_stop "$ns_pid"
check the_database_is_whole same ok whole "$run_dir/small.db"

tests_end_crashed
