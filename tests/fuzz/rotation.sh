#!/bin/bash
# SPDX-License-Identifier: MIT
# Each run of the tests fuzzes some of libFuzzer's targets, guided by coverage, for 60 s of a processor each: of all targets in a
# row, the next ones with each commit. README.md has more.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"

each=3 # three at a time, so on two processors each gets 60 s of 90
seconds=90

fuzz() {
	PYRITE_FUZZ_BUILD=$PYRITE_BUILD/fuzz PYRITE_FUZZ_CORPUS=$PYRITE_BUILD/fuzz-rotation "$PYRITE_SOURCE/scripts/fuzz" "$@"
}

# How many commits there are; the number of the day where that cannot be known.
turn() {
	local n=

	[ "$(git -C "$PYRITE_SOURCE" rev-parse --is-shallow-repository 2>"$run_dir/git")" != false ] ||
		n=$(git -C "$PYRITE_SOURCE" rev-list --count HEAD 2>"$run_dir/git")
	echo "${n:-$(($(date +%s) / 86400))}"
}

# found_nothing <target>: the table has a row that says so.
found_nothing() {
	awk -v target="$1" '$1 == target && $2 > 0 && $7 == "none" { found = 1 } END { exit !found }' "$run_dir/table" ||
		{ cat "$run_dir/table"; return 1; }
}

mapfile -t all < <(fuzz --list)
[ ${#all[@]} -ge 12 ] || { echo "not ok there_are_twelve_targets"; exit 1; }
first=$(($(turn) * each))
targets=()
for ((i = 0; i < each; i++)); do
	targets+=("${all[(first + i) % ${#all[@]}]}")
done
fuzz --seconds "$seconds" --jobs "$each" "${targets[@]}" >"$run_dir/table" 2>&1
cat "$run_dir/table"
for target in "${targets[@]}"; do
	check "fuzz_${target}_finds_nothing" found_nothing "$target"
done
tests_end
