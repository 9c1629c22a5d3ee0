#!/bin/bash
# SPDX-License-Identifier: MIT
# Transactions a second of the name server's client of etcd and of bare stubs, in turn, on a cluster of its own:
# tests/bench/etcd_client.sh BUILD [MEMBERS [ROUNDS [IN_FLIGHT]]]. Prints each round, and the medians.
set -eu
bin=$1/bin
members=${2-1}
rounds=${3-5}
flight=${4-64}
dir=$(mktemp -d)
pids=()
finish() {
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" || true
	wait
	rm -rf "$dir"
}
trap finish EXIT

mapfile -t ports < <(/usr/bin/python3 -c '
import socket, sys
sockets = [socket.socket() for _ in range(2 * int(sys.argv[1]))]
for each in sockets:
    each.bind(("127.0.0.1", 0))
    print(each.getsockname()[1])' "$members")
cluster=
for ((i = 0; i < members; i++)); do
	cluster+="${cluster:+,}m$i=http://127.0.0.1:${ports[members + i]}"
done
for ((i = 0; i < members; i++)); do
	client=http://127.0.0.1:${ports[i]} peer=http://127.0.0.1:${ports[members + i]}
	etcd --name "m$i" --data-dir "$dir/m$i" --listen-client-urls "$client" --advertise-client-urls "$client" \
		--listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "$cluster" >"$dir/m$i.log" 2>&1 &
	pids+=("$!")
done
address=127.0.0.1:${ports[0]}
"$bin/bench-etcd-client" "$address" client -n 1 --ms 100 >/dev/null # until there is a leader

median() {
	sort -n "$dir/$1" | awk '{ a[NR] = $1 } END { print NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2 }'
}
for ((i = 0; i < rounds; i++)); do
	for mode in stub client; do
		"$bin/bench-etcd-client" "$address" "$mode" -n "$flight" --ms 3000 --cpu 1 | sed "s/^/$mode /" | tee "$dir/line"
		sed -n 's/.*rate=\([0-9.]*\).*/\1/p' "$dir/line" >>"$dir/$mode"
	done
done
echo "stub $(median stub)/s, client $(median client)/s, $flight in flight, $members members"
