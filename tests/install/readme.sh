#!/bin/bash
# SPDX-License-Identifier: MIT
# The README's example, taken out of it, built and run; the sample of the same code is as short as promised; the demo
# prints what the README says and leaves nothing behind.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
readme=$PYRITE_SOURCE/README.md
sample=$PYRITE_SOURCE/samples/01-add
example=$run_dir/example
warnings="-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpedantic -Wno-unused-parameter -Werror"

extract() {
	mkdir -p "$example" && python3 "$PYRITE_SOURCE/tests/install/readme.py" "$readme" "$sample" "$example"
}

build() {
	local part include="-I$PYRITE_SOURCE/runtime/include -I$example"

	"$PYRITE_BIN/pyrite-idl" --c "$example" "$example/example.idl" || return 1
	for part in server client; do
		# shellcheck disable=SC2086
		"$PYRITE_CC" -std=gnu17 $warnings $include -o "$example/$part" "$example/$part.c" "$example/example.c" \
			-L"$PYRITE_BUILD/lib" -lpyrite -Wl,-rpath,"$PYRITE_BUILD/lib" || return 1
	done
}

answers() {
	run_name_server "$PYRITE_BIN" && run_start 10 "$example/server" || return 1
	[ "$run_line" = Ready ] || { echo "the server printed: $run_line"; return 1; }
	same 3 "$example/client"
}

# Lines of code: no comments, no blank lines, no lone braces.
few_lines() {
	local n

	n=$(grep -vcE '^[[:space:]]*([{}]|/\*.*\*/)?$' <(cat "$sample/server.c" "$sample/client.c"))
	echo "$n lines"
	[ "$n" -le 28 ]
}

# In a session of its own, so that whatever it leaves can be told.
demo() {
	setsid "$PYRITE_SOURCE/scripts/demo" --bin "$PYRITE_BIN" >"$run_dir/demo" &
	demo_pid=$!
	wait "$demo_pid" && same $'Ready\n3' cat "$run_dir/demo"
}

nothing_left() {
	! pgrep --session "$demo_pid"
}

first_screen() {
	head -n 13 "$readme" | grep -q '^scripts/demo' && head -n 13 "$readme" | grep -q '^scripts/test'
}

check the_readme_shows_the_sample extract
check the_readme_example_builds build
check the_readme_example_answers_3 answers
check the_sample_is_at_most_28_lines few_lines
check the_first_screen_shows_the_two_commands first_screen
check the_demo_prints_ready_and_3 demo
check the_demo_leaves_nothing_running nothing_left
tests_end
