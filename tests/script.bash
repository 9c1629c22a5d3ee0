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

# exits <code> <command> [argument...]: the command ends with this exit code.
exits() {
	local expected=$1 code=0

	shift
	"$@" || code=$?
	[ "$code" -eq "$expected" ] || {
		echo "exit code $code, expected $expected"
		return 1
	}
}

# complains <code> <text> <command> [argument...]: ends with this exit code, says text on stderr and nothing on stdout.
complains() {
	local expected=$1 text=$2

	shift 2
	exits "$expected" "$@" >"$run_dir/out" 2>"$run_dir/err" || {
		cat "$run_dir/out" "$run_dir/err"
		return 1
	}
	[ ! -s "$run_dir/out" ] && grep -qF -- "$text" "$run_dir/err" || {
		echo "on stdout:"
		cat "$run_dir/out"
		echo "on stderr, where '$text' should be:"
		cat "$run_dir/err"
		return 1
	}
}

tests_end() {
	[ "$tests_failed" -eq 0 ]
	exit
}
