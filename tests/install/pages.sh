#!/bin/bash
# SPDX-License-Identifier: MIT
# What the pages show, taken out of them, built and run: the README's example, the tutorial's bank, every block of IDL.
# The sample of the README's code is as short as promised.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
sample=$PYRITE_SOURCE/samples/01-add
pages=$run_dir/pages
warnings="-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpedantic -Wno-unused-parameter -Werror"

# Code without comments, for comparison.
code() {
	sed -E 's,[[:space:]]*(/\*[^*].*\*/|// .*)$,,; /^[[:space:]]*$/d' "$1"
}

as_the_sample() {
	local file

	for file in example.idl server.c client.c; do
		diff <(code "$sample/$file") <(code "$pages/README/$file") || return 1
	done
}

# build <page> <idl>: server and client of a page.
build() {
	local dir=$pages/$1 part

	"$PYRITE_BIN/pyrite-idl" --c "$dir" "$dir/$2.idl" || return 1
	for part in server client; do
		# shellcheck disable=SC2086
		"$PYRITE_CC" -std=gnu17 $warnings "-I$PYRITE_SOURCE/runtime/include" "-I$dir" -o "$dir/$part" "$dir/$part.c" \
			"$dir/$2.c" -L"$PYRITE_BUILD/lib" -lpyrite -Wl,-rpath,"$PYRITE_BUILD/lib" || return 1
	done
}

# answers <page> <expected>: its server and client find each other by name.
answers() {
	run_name_server "$PYRITE_BIN" && run_start 10 "$pages/$1/server" || return 1
	[ "$run_line" = Ready ] || { echo "the server printed: $run_line"; return 1; }
	same "$2" "$pages/$1/client"
}

idl_blocks() {
	local idl

	for idl in "$pages"/*/*.idl; do
		"$PYRITE_BIN/pyrite-idl" --check "$idl" || return 1
	done
}

# Lines of code: no comments, no blank lines, no lone braces.
few_lines() {
	local n

	n=$(cat "$sample/server.c" "$sample/client.c" | grep -vcE '^[[:space:]]*([{}]|/\*.*\*/)?$')
	echo "$n lines"
	[ "$n" -le 28 ]
}

first_screen() {
	head -n 13 "$PYRITE_SOURCE/README.md" >"$run_dir/screen"
	grep -q '^scripts/demo' "$run_dir/screen" && grep -q '^scripts/test' "$run_dir/screen"
}

# links: every relative link of every page leads to a file.
links() {
	local page target folder bad=0

	while IFS=: read -r page target; do
		folder=${page%/*}
		target=${target#](}
		[ -e "$folder/${target%?}" ] || { echo "$page: no ${target%?}"; bad=1; }
	done < <(grep -oHE '\]\([^)#:]+[)#]' ./*.md docs/*.md docs/*/*.md samples/*/*.md)
	[ "$bad" -eq 0 ]
}

cd "$PYRITE_SOURCE" || exit 1
check the_pages_are_taken_apart "$PYRITE_SOURCE/tests/install/blocks.py" README.md docs/[a-z]*.md "$pages"
check the_readme_example_is_the_sample as_the_sample
check the_readme_example_builds build README example
check the_readme_example_answers_3 answers README 3
check the_sample_is_at_most_28_lines few_lines
check the_first_screen_shows_the_two_commands first_screen
check the_tutorial_builds build tutorial bank
check the_tutorial_prints_what_it_says answers tutorial "$(cat "$pages/tutorial/output.txt")"
check all_idl_in_the_pages_is_right idl_blocks
check all_links_of_the_pages_lead_somewhere links
check troubleshooting_quotes_messages_of_the_sources "$PYRITE_SOURCE/tests/install/messages.py"
tests_end
