# SPDX-License-Identifier: MIT
# Sourced by scripts that start programs: each gets a folder of its own for temporary files, and whatever was started
# is stopped, waited for and gone when the script ends, however it ends. A program that does not end with 0 when it is
# told to makes the script fail.

run_pids=()
declare -A run_names=()
run_dir=$(mktemp -d "${TMPDIR:-/tmp}/pyrite.XXXXXX")

# Stops one program: SIGTERM, then SIGKILL after 10 s. Returns its exit status.
run_stop() {
	local pid=$1

	kill "$pid" 2>/dev/null || true
	timeout 10 tail --pid="$pid" -s 0.02 -f /dev/null || kill -9 "$pid" 2>/dev/null || true
	wait "$pid"
}

run_end() {
	local result=$? pid status

	for pid in "${run_pids[@]}"; do
		status=0
		run_stop "$pid" || status=$?
		if [ "$status" -ne 0 ] && [ "$result" -eq 0 ]; then
			echo "${run_names[$pid]} ended with status $status" >&2
			result=1
		fi
	done
	rm -rf "$run_dir"
	exit "$result"
}
trap run_end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# run_start <seconds> <program> [argument...]: starts it and waits for its first line of output. Sets run_pid, run_line.
run_start() {
	local seconds=$1 pipe="$run_dir/out.${#run_pids[@]}" fd

	shift
	mkfifo "$pipe"
	"$@" >"$pipe" &
	run_pid=$!
	run_pids+=("$run_pid")
	run_names[$run_pid]=$1
	exec {fd}<"$pipe"
	read -r -t "$seconds" -u "$fd" run_line || {
		echo "$1 printed nothing within $seconds s" >&2
		return 1
	}
}

# run_name_server <bin>: starts pyrite-ns on a free port and makes it the one that programs started from here use.
run_name_server() {
	run_start 10 "$1/pyrite-ns" --port 0 --storage memory || return 1
	PYRITE_NS_HOST=127.0.0.1
	PYRITE_NS_PORT=${run_line##*:}
	export PYRITE_NS_HOST PYRITE_NS_PORT
}
