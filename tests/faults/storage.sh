#!/bin/bash
# SPDX-License-Identifier: MIT
# What becomes of a name server whose disk is full, read-only, damaged or gone, or whose place another one has: it says what is
# wrong, and look-ups go on wherever they can. Disks are mounted in a mount namespace of the script's own, if that may be had.
# shellcheck disable=SC2317,SC2016
set -u
if [ -z "${PYRITE_OWN_MOUNTS:-}" ]; then
	root=()
	[ "$(id -u)" -eq 0 ] || root=(--map-root-user)
	if unshare --mount "${root[@]}" true 2>/dev/null; then
		PYRITE_OWN_MOUNTS=1 exec unshare --mount "${root[@]}" "$0" "$@"
	fi
fi
# shellcheck source=tests/ns/ns.bash
. "$PYRITE_SOURCE/tests/ns/ns.bash"
ns=$PYRITE_BIN/pyrite-ns
export PYRITE_NS_HOST=127.0.0.1

# start_ns <argument...>: sets ns_pid, and its port for nsc; what it says on stderr is in $run_dir/told.
start_ns() {
	run_start 10 sh -c 'told=$1; shift; exec "$@" 2>"$told"' - "$run_dir/told" "$ns" --discovery 0 --port 0 "$@" || return 1
	ns_pid=$run_pid
	export PYRITE_NS_PORT=${run_line##*:}
}

told() {
	grep -qF -- "$1" "$run_dir/told" || {
		cat "$run_dir/told"
		return 1
	}
}

leads_to() {
	same "$2" sed -n 1p <(nsc lookup "$1")
}

refuses_to_start() {
	local text=$1

	shift
	complains 1 "pyrite-ns: $text" "$ns" --discovery 0 --port 0 "$@"
}

whole() {
	/usr/bin/python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("PRAGMA integrity_check").fetchone()[0])' "$1"
}

# ---- a disk that is full ----

disk=$run_dir/disk
mkdir "$disk"
if [ -n "${PYRITE_OWN_MOUNTS:-}" ] && mount -t tmpfs -o size=400k tmpfs "$disk" 2>/dev/null; then
	start_ns -s "sqlite:$disk/ns.db" || exit 1
	check a_name_is_registered same "Registered first" nsc register first PYRO:o@h:1
	dd if=/dev/zero of="$disk/fill" bs=4k 2>/dev/null
	check on_a_full_disk_a_name_is_refused complains 2 "no space left for database $disk/ns.db" nsc register second PYRO:o@h:1
	check and_a_removal complains 2 "no space left for database $disk/ns.db" nsc remove first
	check look_ups_go_on leads_to first PYRO:o@h:1
	check what_was_refused_is_not_there is_gone second
	check the_operator_is_told told "changes are refused, look-ups go on: no space left for database $disk/ns.db"
	check a_new_database_is_refused_there refuses_to_start "no space left for database $disk/new.db" -s "sqlite:$disk/new.db"
	rm -f "$disk/new.db"
	check and_check_config_knows_that_before refuses_to_start "no space left for database $disk/new.db" -s "sqlite:$disk/new.db" \
		--check-config
	rm "$disk/fill"
	check with_space_it_goes_on_by_itself same "Registered second" nsc register second PYRO:o@h:1
	check the_operator_is_told_that_too told "changes are written again"
	check it_ends_well run_stop "$ns_pid"
	check the_database_is_whole same ok whole "$disk/ns.db"

	# ---- a disk that is read-only, from the start ----

	mount -o remount,ro "$disk"
	check a_read_only_disk_is_told refuses_to_start "cannot open database $disk/ns.db: Read-only file system" -s "sqlite:$disk/ns.db"
	check check_config_tells_it_too refuses_to_start "cannot open database $disk/ns.db: Read-only file system" -s "sqlite:$disk/ns.db" \
		--check-config
	check a_database_cannot_be_made_there refuses_to_start "cannot make database $disk/new.db: Read-only file system" \
		-s "sqlite:$disk/new.db" --check-config
	umount "$disk"
fi

# A disk that becomes read-only while it is used: what ext4 does after an error. It takes a loop device.
if [ -n "${PYRITE_OWN_MOUNTS:-}" ] && dd if=/dev/zero of="$run_dir/image" bs=1M count=4 2>/dev/null &&
	mkfs.ext4 -q "$run_dir/image" 2>/dev/null && mount -o loop "$run_dir/image" "$disk" 2>/dev/null; then
	start_ns -s "sqlite:$disk/ns.db" || exit 1
	check a_name_is_there_before same "Registered first" nsc register first PYRO:o@h:1
	if mount -o remount,abort "$disk" 2>/dev/null; then
		check then_a_name_is_refused complains 3 "database $disk/ns.db cannot be written: its file system is read-only" \
			nsc register second PYRO:o@h:1
		check look_ups_go_on_there leads_to first PYRO:o@h:1
		check the_operator_is_told_of_it told "changes are refused, look-ups go on: database $disk/ns.db cannot be written"
	fi
	check it_ends_well_there run_stop "$ns_pid"
	umount "$disk"
fi

# ---- a file that is gone, or another ----

db=$run_dir/ns.db
start_ns -s "sqlite:$db" || exit 1
check a_name_is_in_the_file same "Registered first" nsc register first PYRO:o@h:1
mkdir "$run_dir/away"
mv "$db" "$db-wal" "$db-shm" "$run_dir/away"
check what_would_be_lost_is_refused complains 3 "database $db was removed or replaced while it was in use: export the names" \
	nsc register second PYRO:o@h:1
check look_ups_know_the_names leads_to first PYRO:o@h:1
check and_they_can_be_exported grep -q '"first"' <(nsc export)
cp "$run_dir/away/ns.db" "$db"
check a_copy_is_not_the_file complains 3 "was removed or replaced" nsc register second PYRO:o@h:1
rm "$db"
mv "$run_dir/away"/* "$run_dir"
check when_it_is_back_it_goes_on same "Registered second" nsc register second PYRO:o@h:1
check it_ends_well_with_its_file run_stop "$ns_pid"

# ---- a file that is damaged, or another version's ----

cp "$db" "$run_dir/damaged.db"
dd if=/dev/urandom of="$run_dir/damaged.db" bs=64 count=1 conv=notrunc 2>/dev/null
for checks in "" --check-config; do
	check "a_damaged_file_is_refused${checks//-/_}" refuses_to_start \
		"database $run_dir/damaged.db is damaged: file is not a database" -s "sqlite:$run_dir/damaged.db" ${checks:+"$checks"}
done
/usr/bin/python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("PRAGMA user_version = 99")' "$db"
before=$(sha256sum <"$db")
for checks in "" --check-config; do
	check "a_later_version_is_refused${checks//-/_}" refuses_to_start \
		"database $db is of version 99, written by a later pyrite-ns: this one knows versions up to" -s "sqlite:$db" ${checks:+"$checks"}
done
check and_left_as_it_is [ "$before" = "$(sha256sum <"$db")" ]

# ---- two in one place ----

start_ns -s "sqlite:$run_dir/mine.db" || exit 1
check a_second_one_on_the_file_is_refused refuses_to_start \
	"database $run_dir/mine.db is another name server's, process $ns_pid" -s "sqlite:$run_dir/mine.db"
check a_second_one_on_the_port_is_refused complains 1 "cannot listen on 127.0.0.1:$PYRITE_NS_PORT: Address already in use" \
	"$ns" --discovery 0 --port "$PYRITE_NS_PORT" -s memory
check a_second_one_with_the_default_options_too complains 1 "is another name server's, process $ns_pid" \
	"$ns" --discovery 0 --port "$PYRITE_NS_PORT" -s "sqlite:$run_dir/mine.db"
check the_first_one_is_undisturbed same "Registered undisturbed" nsc register undisturbed PYRO:o@h:1
check and_ends_well run_stop "$ns_pid"
run_start 10 "$ns" --discovery 0 -u "$run_dir/socket" -s memory || exit 1
check a_second_one_on_the_socket_is_refused complains 1 "process $run_pid listens there" \
	"$ns" --discovery 0 -u "$run_dir/socket" -s memory
check the_first_one_ends_well run_stop "$run_pid"
check and_takes_its_socket_along [ ! -e "$run_dir/socket" ]

tests_end
