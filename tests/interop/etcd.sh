#!/bin/bash
# SPDX-License-Identifier: MIT
# Stubs made of a .proto call etcd. It needs etcd (Debian's etcd-server), and fails where that is not: it is one of the tests that
# scripts/test --long runs.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"

free_port() {
	/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

answers() {
	"$PYRITE_BIN/etcd-client" "127.0.0.1:$port" | grep -q '^read'
}

etcd_is_there() {
	command -v etcd || { echo "etcd is wanted: apt-get install etcd-server"; return 1; }
}

check etcd_is_installed etcd_is_there
[ "$tests_failed" -eq 0 ] || tests_end
port=$(free_port)
peers=$(free_port)
etcd --data-dir "$run_dir/data" --listen-client-urls "http://127.0.0.1:$port" --advertise-client-urls "http://127.0.0.1:$port" \
	--listen-peer-urls "http://127.0.0.1:$peers" --initial-advertise-peer-urls "http://127.0.0.1:$peers" \
	--initial-cluster "default=http://127.0.0.1:$peers" >"$run_dir/etcd" 2>&1 &
run_pids+=("$!")
run_names[$!]=etcd
check etcd_answers within 20000 answers
check stubs_put_read_and_watch same "watching
read greeting = hello
INVALID_ARGUMENT: etcdserver: key is not provided
event greeting = hello" "$PYRITE_BIN/etcd-client" "127.0.0.1:$port"
# etcd ends by the signal that it got
status=0
run_stop "${run_pids[0]}" || status=$?
run_pids=()
check etcd_ends_by_sigterm test "$status" -eq 143
tests_end
