# SPDX-License-Identifier: MIT
# Sourced by test scripts. A case is one call of check or refute, whose name is a sentence; it prints "ok <name>" or
# "not ok <name>" and what the command said. The script ends with tests_end.
# shellcheck source=scripts/run.bash
. "$PYRITE_SOURCE/scripts/run.bash"
tests_failed=0

# check <name> <command> [argument...]: the command succeeds.
check() {
	local name=$1

	shift
	if "$@" >"$run_dir/said" 2>&1; then
		echo "ok $name"
	else
		echo "not ok $name"
		sed 's/^/    /' "$run_dir/said"
		tests_failed=$((tests_failed + 1))
	fi
}

# same <expected> <command> [argument...]: the command succeeds and prints exactly this; for use with check.
same() {
	local expected=$1 actual

	shift
	actual=$("$@") || return 1
	[ "$actual" = "$expected" ] || {
		printf 'printed:\n%s\nexpected:\n%s\n' "$actual" "$expected"
		return 1
	}
}

tests_end() {
	[ "$tests_failed" -eq 0 ]
	exit
}
