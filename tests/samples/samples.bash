# SPDX-License-Identifier: MIT
# Sourced by the tests of samples. Programs that tests interrupt or look for run in sessions of their own.
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"

# run_alone <program> [argument...]: runs it to its end in a session of its own. Sets alone_pid.
run_alone() {
	alone_start "$@"
	wait "$alone_pid"
}

# alone_start <program> [argument...]: starts it likewise, output in $run_dir/alone. A shell's children ignore SIGINT
# unless told otherwise.
alone_start() {
	env --default-signal=INT setsid "$@" >"$run_dir/alone" 2>"$run_dir/alone.err" &
	alone_pid=$!
}

# left: what still runs in that session. A zombie does not: it waits for its parent, or for the system's first process.
left() {
	ps --no-headers -o stat,pid,args --sid "$alone_pid" | grep -v '^Z'
}

# within <ms> <command> [argument...]: the command succeeds sooner or later.
within() {
	local end=$(($(now) + $1))

	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(now)" -lt "$end" ] || {
			echo "not within the time: $*"
			return 1
		}
	done
}

# Milliseconds since the epoch.
now() {
	echo $((${EPOCHREALTIME/./} / 1000))
}

nothing_left() {
	! left
}

# ends <ms>: nothing of the session is left after that time; else it is killed.
ends() {
	within "$1" nothing_left || {
		pkill -9 --session "$alone_pid"
		return 1
	}
}

# shown <sample> [n]: the n-th block of text in its README, by default the first.
shown() {
	awk -v want="${2:-1}" '/^```text/ { n++; on = n == want; next } /^```/ { on = 0 } on { print }' \
		"$PYRITE_SOURCE/samples/$1/README.md"
}

# start <name> <program> [argument...]: starts a server with its output in $run_dir/<name>, and waits for it to be ready.
start() {
	env --default-signal=INT "${@:2}" >"$run_dir/$1" 2>&1 &
	run_pid=$!
	run_pids+=("$run_pid")
	run_names[$run_pid]=$1
	prints "$1" Ready
}

# type_to <name> <program> [argument...]: starts it in the background with its output in $run_dir/<name>. What it reads is
# written to the descriptor ${to[<name>]}; its process is ${pids[<name>]}.
declare -A to pids
type_to() {
	local fd

	mkfifo "$run_dir/$1.in"
	(
		for fd in "${to[@]}"; do
			exec {fd}>&- # else what others read would not end
		done
		exec "${@:2}" <"$run_dir/$1.in" >"$run_dir/$1" 2>&1
	) &
	pids[$1]=$!
	exec {fd}>"$run_dir/$1.in"
	to[$1]=$fd
}

# hang_up <name>: it reads the end of its input, and succeeds.
hang_up() {
	local fd=${to[$1]}

	exec {fd}>&-
	wait "${pids[$1]}"
}

# prints <name> <line>: sooner or later it has printed that line.
prints() {
	within 10000 grep -qxF "$2" "$run_dir/$1"
}

# printed <name> <text> [filter]: sooner or later that is all that it has printed, as the filter (cat) shows it.
printed() {
	within 10000 same "$2" "${3:-cat}" "$run_dir/$1" || same "$2" "${3:-cat}" "$run_dir/$1"
}
