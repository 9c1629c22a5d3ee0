#!/bin/bash
# SPDX-License-Identifier: MIT
# pyrite-idl --format as a command: what it prints, replaces and reports, and that the IDL here is formatted. What is made
# of tests/idl/format/NAME.idl is NAME.formatted; PYRITE_UPDATE_GOLDEN=1 takes what comes out now as right.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
idl=$PYRITE_BIN/pyrite-idl
golden=$PYRITE_SOURCE/tests/idl/format
cd "$run_dir" || exit 1

pretty=$'struct S { long x; };\n'
ugly='struct  S{long x;};'
reset() {
	rm -rf work
	mkdir work
	printf '%s' "$ugly" >work/ugly.idl
	printf '%s' "$pretty" >work/pretty.idl
	printf 'struct S { long; };\n' >work/bad.idl
}

comes_out() {
	"$idl" --format "$golden/$1.idl" >out || return 1
	[ -z "${PYRITE_UPDATE_GOLDEN:-}" ] || cp out "$golden/$1.formatted"
	diff -u "$golden/$1.formatted" out
}

prints() {
	reset
	"$idl" --format work/ugly.idl | cmp - work/pretty.idl && [ "$(<work/ugly.idl)" = "$ugly" ]
}

from_stdin() {
	reset
	"$idl" --format - <work/ugly.idl | cmp - work/pretty.idl &&
		"$idl" --format --check - <work/pretty.idl &&
		complains 1 '<stdin>:1: is not formatted' "$idl" --format --check - <work/ugly.idl &&
		complains 1 "<stdin>:1:16: error: expected a name" "$idl" --format - <work/bad.idl &&
		complains 1 '<stdin>: Is a directory' "$idl" --format - <work &&
		complains 1 'larger than 1 MiB' "$idl" --format - < <(head -c 1100000 /dev/zero | tr '\0' ' ')
}

in_place() {
	reset
	chmod 640 work/ugly.idl
	ln -s ugly.idl work/link.idl
	touch -d 2001-01-01 work/pretty.idl
	"$idl" --format --in-place work/link.idl work/pretty.idl && cmp work/ugly.idl work/pretty.idl || return 1
	[ -L work/link.idl ] && same 640 stat -c %a work/ugly.idl && same 2001 date -r work/pretty.idl +%Y &&
		[ "$(ls -A work | wc -l)" -eq 4 ]
}

nothing_written_after_errors() {
	reset
	complains 1 'work/bad.idl:1:16: error: expected a name' "$idl" --format -i work/ugly.idl work/bad.idl &&
		[ "$(<work/ugly.idl)" = "$ugly" ] && [ "$(ls -A work | wc -l)" -eq 3 ]
}

# No room in the folder for the name of the file that would replace it.
unwritable() {
	local name

	name=work/$(printf 'n%.0s' {1..250}).idl
	reset
	printf '%s' "$ugly" >"$name"
	complains 1 'File name too long' "$idl" --format -i "$name" && [ "$(<"$name")" = "$ugly" ]
}

full_disk() {
	reset
	exits 1 "$idl" --format work/ugly.idl >/dev/full 2>err && grep -q '<stdout>: No space left on device' err
}

checks() {
	reset
	"$idl" --format --check work/pretty.idl || return 1
	complains 1 $'work/ugly.idl:1: is not formatted\n-struct  S{long x;};\n+struct S { long x; };' \
		"$idl" --format --check work/pretty.idl work/ugly.idl || {
		cat err
		return 1
	}
	complains 1 'work/bad.idl:1:16: error' "$idl" --format --check work/bad.idl work/ugly.idl &&
		grep -q 'ugly.idl:1: is not' err && [ "$(<work/ugly.idl)" = "$ugly" ]
}

# reports <text> <bytes>: what --check says of them.
reports() {
	printf '%b' "$2" >work/odd.idl
	complains 1 "work/odd.idl:$1" "$idl" --format --check work/odd.idl
}

what_cannot_be_seen() {
	reset
	reports '1: ends its lines with CR LF' 'struct S { long x; };\r\n' &&
		reports '1: begins with a byte order mark' '\xef\xbb\xbfstruct S { long x; };\n' &&
		reports '1: does not end with a line end' 'struct S { long x; };' &&
		reports '3: is not formatted' 'struct S;\n\n\n\nstruct T;\n' &&
		reports '1: is not formatted' '\n' && reports '1: is not formatted' '/* \x1b[31m */struct S;\n' &&
		grep -qF '/* ?[31m */' err
}

odd_bytes() {
	reset
	printf '\xef\xbb\xbfstruct\tS\r\n{\r\n\tlong x; // a\r\n};' >work/odd.idl
	same $'struct S {\n    long x; // a\n};' "$idl" --format work/odd.idl &&
		complains 1 '<stdin>:2:1: error: a NUL byte' "$idl" --format - < <(printf '\n\0')
}

usage() {
	reset
	complains 1 'prints one file' "$idl" --format work/ugly.idl work/pretty.idl &&
		complains 1 'needs --format' "$idl" --in-place work/ugly.idl &&
		complains 1 'one of --check and --in-place' "$idl" --format -i --check work/ugly.idl &&
		complains 1 'cannot write to standard input' "$idl" --format -i - &&
		complains 1 'cannot be combined' "$idl" --format --c work work/ugly.idl &&
		complains 1 'work/none.idl: error: cannot read the file' "$idl" --format work/none.idl
}

# Not those whose lines or layout are what is tested, nor what is kept of earlier versions.
formatted_here() {
	(cd "$PYRITE_SOURCE" && find runtime/idl samples tests tools -name '*.idl' -not -path 'tests/bad/*' -not -path 'tests/promises/*' \
		-not -path 'tests/corpus/*' -not -path 'tests/idl/format/*' -not -path tests/evolution/new/rules.idl \
		-not -path tests/editors/sample.idl -print0 | sort -z | xargs -0 "$idl" --format --check)
}

# Blocks of the pages: whole files, so that they can be parsed.
formatted_pages() {
	local file block ok=0

	rm -rf blocks
	mkdir blocks
	for file in "$PYRITE_SOURCE"/README.md "$PYRITE_SOURCE"/docs/*.md; do
		awk -v to="blocks/$(basename "$file" .md)" '/^```idl$/ { n++; on = 1; next } /^```/ { on = 0 }
			on { print > (to "-" n ".idl") }' "$file"
	done
	for block in blocks/*.idl; do
		"$idl" --check "$block" >/dev/null 2>&1 || "$idl" --format "$block" >/dev/null 2>&1 || continue
		"$idl" --format --check "$block" || ok=1
	done
	[ "$ok" -eq 0 ] && [ "$(find blocks -name '*.idl' | wc -l)" -gt 10 ]
}

imported() {
	mkdir -p from
	"$idl" --idl from "$PYRITE_SOURCE/tests/interop/etcd.proto" "$PYRITE_SOURCE/tests/interop/health.proto" &&
		"$idl" --format --check from/*.idl
}

for file in "$golden"/*.idl; do
	file=$(basename "$file" .idl)
	check "${file}_is_formatted_as_before" comes_out "$file"
done
check one_file_is_printed prints
check a_dash_is_standard_input from_stdin
check files_are_replaced_with_their_mode_and_only_if_they_change in_place
check after_an_error_nothing_is_written nothing_written_after_errors
check a_file_that_cannot_be_replaced_stays unwritable
check output_that_cannot_be_written_is_an_error full_disk
check files_that_are_not_formatted_are_named_with_the_place checks
check what_cannot_be_seen_in_a_line_is_told what_cannot_be_seen
check byte_order_marks_tabs_and_carriage_returns_go odd_bytes
check options_that_do_not_go_together_are_refused usage
check idl_here_is_formatted formatted_here
check idl_of_the_pages_is_formatted formatted_pages
check imported_idl_is_formatted imported
tests_end
