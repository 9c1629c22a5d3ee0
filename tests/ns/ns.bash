# SPDX-License-Identifier: MIT
# Sourced by the name server's tests.
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"

nsc() {
	"$PYRITE_BIN/pyrite-nsc" "$@"
}

# within <seconds> <command> [argument...]: the command succeeds sooner or later.
within() {
	local end=$((SECONDS + $1))

	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || {
			echo "not within the time: $*"
			return 1
		}
	done
}

# is_gone <name>: the name server does not know the name.
is_gone() {
	exits 2 nsc lookup "$1"
}

# keep_port: sets kept_port, where this script may start and end name servers, and nobody else.
keep_port() {
	run_start 10 "$PYRITE_SOURCE/tests/rules/ports.py" && kept_port=$run_line
}

# crash <pid>: kills a program that was started, whose exit status is then no failure.
crashed=()
crash() {
	kill -9 "$1"
	wait "$1" 2>/dev/null
	crashed+=("$1")
}

# Ends the script as tests_end does.
tests_end_crashed() {
	local pid left=()

	for pid in "${run_pids[@]}"; do
		[[ " ${crashed[*]} " == *" $pid "* ]] || left+=("$pid")
	done
	run_pids=("${left[@]}")
	tests_end
}
