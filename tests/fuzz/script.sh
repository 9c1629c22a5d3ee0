#!/bin/bash
# SPDX-License-Identifier: MIT
# scripts/fuzz tells what it found. The build and the target are stand-ins, so that there is something to find.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"

# target <body>: fuzz_uri is a shell script that does this in its folder.
target() {
	mkdir -p "$run_dir/bin" "$run_dir/build/bin"
	printf '#!/bin/sh\n' >"$run_dir/bin/cmake"
	printf '#!/bin/sh\n%s\n' "$1" >"$run_dir/build/bin/fuzz_uri"
	chmod +x "$run_dir/bin/cmake" "$run_dir/build/bin/fuzz_uri"
}

fuzz() {
	PATH=$run_dir/bin:$PATH PYRITE_FUZZ_BUILD=$run_dir/build PYRITE_FUZZ_CORPUS=$run_dir/kept TMPDIR=$run_dir/tmp \
		"$PYRITE_SOURCE/scripts/fuzz" "$@"
}

# finds <code> <line>... <target's body>: it ends with this code, and among what it prints are these lines.
finds() {
	local code=$1 line

	shift
	target "${*: -1}"
	exits "$code" fuzz --seconds 1 uri >"$run_dir/told" || { cat "$run_dir/told"; return 1; }
	for line in "${@:1:$#-1}"; do
		grep -qF -- "$line" "$run_dir/told" || {
			echo "where '$line' should be:"
			cat "$run_dir/told"
			return 1
		}
	done
}

nothing_stays() {
	[ -z "$(ls -A "$run_dir/tmp")" ]
}

runs='echo "stat::number_of_executed_units: 5000"; echo "stat::average_exec_per_sec: 90"'
input=$run_dir/kept/uri/findings/crash-1
crash="printf 'PYRO:' >findings/crash-1; echo 'Test unit written to $input'; touch \"\$TMPDIR/left\"; exit 77"
mkdir "$run_dir/tmp"
check a_run_without_a_finding_succeeds finds 0 none "$runs"
check a_crash_is_told_with_its_input_and_how_to_run_it_again \
	finds 1 "$input: see $run_dir/kept/uri/said" "the input, in base64: UFlSTzo=" "again: $run_dir/build/bin/fuzz_uri $input" "$runs; $crash"
check a_crash_leaves_nothing_in_the_folder_for_temporary_files nothing_stays
check a_crash_without_an_input_is_told finds 1 "code 134" "$runs; exit 134"
check a_target_that_runs_no_inputs_fails finds 1 "no inputs of its own" "echo 'stat::number_of_executed_units: 3'"
check a_target_that_tells_nothing_fails finds 1 "no inputs of its own" "true"
printf "#!/bin/sh\necho it is broken; exit 1\n" >"$run_dir/bin/cmake"
check a_build_that_fails_is_told complains 2 "it is broken" fuzz --seconds 1 uri
check every_target_is_listed same "$(find "$PYRITE_SOURCE/tests/fuzz/corpora" -mindepth 1 -maxdepth 1 -type d -printf "%f\n" | LC_ALL=C sort)" \
	eval 'fuzz --list | LC_ALL=C sort'

# fuzz_link, when it cannot go on and when it is told to end.
links() {
	TMPDIR=$run_dir/tmp "$PYRITE_BIN/fuzz_link" --role daemon --lane unix --seed 1 --seconds 60
}

without_descriptors() {
	(ulimit -n 12 && exits 1 links) >"$run_dir/told" 2>&1 && grep -qa FINDING "$run_dir/told"
}

# It is told once it has a socket.
told_to_end() {
	TMPDIR=$run_dir/tmp "$PYRITE_BIN/fuzz_link" --role daemon --lane unix --seed 1 --seconds 60 >"$run_dir/told" 2>&1 &
	local pid=$! i

	for ((i = 0; i < 1000; i++)); do
		! compgen -G "$run_dir/tmp/fuzz-link-*/*" >"$run_dir/sockets" || break
		sleep 0.01
	done
	kill "$pid"
	exits 143 wait "$pid"
	[ -s "$run_dir/sockets" ]
}

check fuzz_link_tells_that_it_has_no_descriptors without_descriptors
check a_finding_of_fuzz_link_leaves_no_folder nothing_stays
check fuzz_link_ends_when_told_to told_to_end
check a_signal_to_fuzz_link_leaves_no_folder nothing_stays
tests_end
