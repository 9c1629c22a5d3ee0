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
