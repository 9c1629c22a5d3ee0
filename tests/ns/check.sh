#!/bin/bash
# SPDX-License-Identifier: MIT
# pyrite-ns --check-config, and what systemd is told and given.
set -u
# shellcheck source=tests/ns/ns.bash
. "$PYRITE_SOURCE/tests/ns/ns.bash"
ns=$PYRITE_BIN/pyrite-ns
db=$run_dir/ns.db

checks() {
	"$ns" --check-config --storage "sqlite:$db" "$@"
}

# set_pragma <pragma>: in the database, when no name server runs.
set_pragma() {
	/usr/bin/python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute("PRAGMA " + sys.argv[2]); c.commit()' \
		"$db" "$1"
}

fine="Storage: $db
Configuration ok."
check a_database_that_is_to_be_made_is_fine same "$fine" checks
check and_is_not_made [ ! -e "$db" ]
run_start 10 "$ns" --port 0 --storage "sqlite:$db" || exit 1
ns_pid=$run_pid
port=${run_line##*:}
check one_that_is_in_use_is_fine same "$fine" checks --port "$port"
check whose_name_server_is_not_disturbed nsc -p "$port" ping
check and_ends_well run_stop "$ns_pid"
check no_folder_is_told complains 1 "cannot make database $run_dir/none/ns.db: No such file or directory" \
	"$ns" --check-config -s "sqlite:$run_dir/none/ns.db"
check another_address_is_told complains 1 "192.0.2.1" checks --host 192.0.2.1 --insecure
check one_for_other_hosts_without_keys_is_told complains 1 "insecure" checks --host 0.0.0.0
echo 'permit all' >"$run_dir/rules"
check a_mistake_in_rules_is_told complains 1 "$run_dir/rules:1:1" env PYRITE_RULES="$run_dir/rules" "$ns" --check-config -s memory
check keys_that_are_not_there_are_told complains 1 "$run_dir/keys" env PYRITE_KEYS="$run_dir/keys" "$ns" --check-config -s memory
set_pragma user_version=99
check a_later_version_is_told complains 1 "database $db is of version 99, written by a later pyrite-ns" checks
set_pragma user_version=4
set_pragma application_id=1
check another_programs_is_told complains 1 "database $db is not a name server's" checks
yes text | head -n 2000 >"$db"
check what_is_no_database_is_told complains 1 "database $db is damaged: file is not a database" checks

# Type=notify.
told() {
	/usr/bin/python3 - "$ns" "$run_dir/notify" <<-'END'
		import os, socket, subprocess, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind(sys.argv[2])
		s.settimeout(20)
		p = subprocess.Popen([sys.argv[1], "--port", "0", "--discovery", "0", "--storage", "memory"], stdout=subprocess.DEVNULL,
		                     env=dict(os.environ, NOTIFY_SOCKET=sys.argv[2]))
		try:
		    print(s.recv(100).decode())
		    p.terminate()
		    print(s.recv(100).decode())
		    print(p.wait(20))
		finally:
		    p.kill()
	END
}
check systemd_is_told_when_it_is_ready_and_when_it_stops same "READY=1
STOPPING=1
0" told
if systemd-analyze --version >/dev/null 2>&1; then
	sed 's,^Exec\(StartPre\|Start\)=[^ ]*,Exec\1=/bin/true,' "$PYRITE_BIN/../nameserver/pyrite-ns.service" >"$run_dir/pyrite-ns.service"
	cp "$PYRITE_BIN/../nameserver/pyrite-ns.socket" "$run_dir"
	check the_unit_leaves_little_to_attack systemd-analyze security --offline=true --threshold=20 "$run_dir/pyrite-ns.service"
	check the_units_are_well_formed same "" systemd-analyze verify --man=no "$run_dir/pyrite-ns.service" "$run_dir/pyrite-ns.socket"
fi
tests_end
