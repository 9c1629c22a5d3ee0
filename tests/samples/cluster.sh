#!/bin/bash
# SPDX-License-Identifier: MIT
# samples/17-cluster: parts of a cluster are killed in turn, and no call and no look-up fails.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"
cluster=$PYRITE_SOURCE/samples/17-cluster/cluster.py

it_goes_on() {
	run_alone "$cluster" --bin "$PYRITE_BIN" --pause 1 || { cat "$run_dir/alone" "$run_dir/alone.err"; return 1; }
}

# told <regular expression>: the script has printed such a line.
told() {
	grep -qE -- "$1" "$run_dir/alone" || { cat "$run_dir/alone"; return 1; }
}

# In each of the eight times calls were made, by at least two workers.
all_worked() {
	same 8 grep -cE '^ +[1-9][0-9]* calls, 0 failed' "$run_dir/alone" &&
		same 8 grep -cE '^ +calls of worker [0-9]: [0-9]+ [0-9]: [0-9]+' "$run_dir/alone" || { cat "$run_dir/alone"; return 1; }
}

it_ends_when_told() {
	alone_start "$cluster" --bin "$PYRITE_BIN" --pause 1
	within 15000 told 'workers and a client run' || return 1
	kill "$alone_pid"
	ends 10000
}

check nothing_fails it_goes_on
check a_worker_was_killed told 's  worker 2 is killed'
check and_name_servers_were told 's  name server 1 is started again; name server 2 is killed'
check and_the_leader_of_etcd_was told 's  etcd[0-2], the leader of etcd, is killed'
check and_all_of_etcd_was told 's  etcd is started again, etcd[0-2] leads'
check all_have_worked all_worked
check it_says_so told 's  no calls and look-ups failed'
check nothing_is_left nothing_left
check it_ends_when_it_is_told_to it_ends_when_told
check without_etcd_it_says_what_to_install complains 1 "install Debian's package etcd-server" \
	env PATH="$run_dir" /usr/bin/python3 "$cluster"
tests_end
