#!/bin/bash
# SPDX-License-Identifier: MIT
# The manual pages: mandoc has nothing to say about them, and each tells the options and commands of its program's --help.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
man=$PYRITE_BUILD/man

program_of() { # of a page: the words that ask for it
	case $1 in
	pyrite-idl | pyrite-ns | pyrite-nsc | pyrite-echoserver | pyrite) echo "$1" ;;
	*) echo "pyrite ${1#pyrite-}" ;;
	esac
}

help_of() {
	local words

	read -ra words <<<"$(program_of "$1")"
	"$PYRITE_BIN/${words[0]}" "${words[@]:1}" --help
}

clean() {
	same "" mandoc -Tlint "$man/$1.1"
}

options_in() {
	grep -oE '(^|[^[:alnum:]-])--?[A-Za-z?][a-z-]*' | grep -oE -- '--?[A-Za-z?][a-z-]*$' | sort -u
}

# All that --help tells stands in the section of that name, and the other way round.
same_options() {
	diff <(help_of "$1" | grep -E '^ +-' | sed 's/   *[A-Za-z].*//' | options_in) \
		<(mandoc -Tascii "$man/$1.1" | col -bx | sed -n '/^OPTIONS/,/^[A-Z]/{/^     *-/p}' | sed 's/   *[A-Za-z].*$//' | options_in)
}

same_commands() {
	diff <(help_of "$1" | sed -n '/^Commands:/,/^$/s/^  \([a-z_]*\).*/\1/p') \
		<(sed -n '/^\.SH COMMANDS/,/^\.SH OPTIONS/s/^\\fB\([a-z_]*\)\\fR.*/\1/p' "$man/$1.1")
}

a_page_for_each_command() {
	diff <(help_of pyrite | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\).*/pyrite-\1.1/p' | sort) \
		<(cd "$man" && ls pyrite-*.1 | grep -vE '^pyrite-(idl|nsc?|echoserver)\.1$' | sort)
}

# The overview has each setting of the environment once, and no other.
same_settings() {
	diff <("$PYRITE_BIN/pyrite" config | sed 's/ .*//; s/.*/PYRITE_\U&/' | sort) \
		<(sed -n '/^\.SH ENVIRONMENT/,/^\.SH FILES/{/^\.BR\? /p}' "$man/pyrite.7" | grep -o 'PYRITE_[A-Z_]*' | sort)
}

# The overview's example, built by the commands that it shows.
overview_example() {
	local dir=$run_dir/overview part

	mkdir -p "$dir" && mandoc -Tascii -O width=100 "$man/pyrite.7" | col -bx |
		sed -n '/^EXAMPLE/,/^ADDRESSES/s/^\(       \)\?\(    \)\?//p' >"$dir/shown" || return 1
	sed -n '/^module/,/^};/p' "$dir/shown" >"$dir/example.idl"
	awk -v dir="$dir" '/^#include "example.h"/ { n++ } n { print >(dir "/" (n == 1 ? "server" : "client") ".c") }' "$dir/shown"
	sed -i '/^A client:/,$d' "$dir/server.c"
	sed -i '/^To build/,$d' "$dir/client.c"
	"$PYRITE_BIN/pyrite-idl" --c "$dir" "$dir/example.idl" || return 1
	for part in server client; do
		"$PYRITE_CC" -std=gnu11 -Wall -Werror "-I$PYRITE_SOURCE/runtime/include" "-I$dir" -o "$dir/$part" "$dir/$part.c" \
			"$dir/example.c" -L"$PYRITE_BUILD/lib" -lpyrite -Wl,-rpath,"$PYRITE_BUILD/lib" || return 1
	done
	run_name_server "$PYRITE_BIN" && run_start 10 "$dir/server" && same 3 "$dir/client"
}

# What stands behind an option's argument is its description.
no_argument_of_several_words() {
	! grep -nE '^\\fB.*\\fI[^\\]* ' "$man"/*.1
}

check an_argument_of_an_option_is_one_word no_argument_of_several_words
for page in "$man"/*.1; do
	page=$(basename "$page" .1)
	check "${page//-/_}_is_clean" clean "$page"
	check "${page//-/_}_has_the_options_of_its_program" same_options "$page"
done
check the_overview_is_clean same "" mandoc -Tlint "$man/pyrite.7"
check the_overview_has_the_settings same_settings
check the_overview_s_example_answers_3 overview_example
for page in pyrite pyrite-nsc pyrite-keys; do
	check "${page//-/_}_has_the_commands_of_its_program" same_commands "$page"
done
check each_command_has_a_page a_page_for_each_command
tests_end
