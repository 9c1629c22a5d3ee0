#!/bin/bash
# SPDX-License-Identifier: MIT
# pyrite-idl --docs: what it makes of tests/idl/docs/*.idl is what lies there in html/ and markdown/ (PYRITE_UPDATE_GOLDEN=1
# takes what comes out now as right), its links lead somewhere, and no comment gets out of its place.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
idl=$PYRITE_BIN/pyrite-idl
golden=$PYRITE_SOURCE/tests/idl/docs
pages=$PYRITE_SOURCE/tests/idl/pages.py
cd "$run_dir" || exit 1

# make <folder> <format> <argument>...: new pages in the folder
make() {
	local folder=$1

	rm -rf "$folder"
	mkdir "$folder"
	"$idl" --docs "$folder" --docs-format "$2" "${@:3}"
}

comes_out() {
	make made "$1" "$golden/shop.idl" || return 1
	sed -i '1s/pyrite-idl [0-9.]*/pyrite-idl VERSION/' made/*
	if [ -n "${PYRITE_UPDATE_GOLDEN:-}" ]; then
		rm -rf "${golden:?}/$1"
		cp -r made "$golden/$1"
	fi
	diff -u -r "$golden/$1" made && "$pages" made
}

same_bytes() {
	make one "$1" "$golden/shop.idl" "$golden/common.idl" && make two "$1" "$golden/shop.idl" "$golden/common.idl" &&
		diff -r one two && (cd "$golden" && make "$run_dir/two" "$1" ./shop.idl ../docs/common.idl) && diff -r one two
}

# All IDL here that can be read, each in a folder of its own.
every_file() {
	local file n=0

	mkdir every
	while read -r -d '' file; do
		make every/$n "$([ $((n % 4)) -eq 0 ] && echo markdown || echo html)" "$file" >/dev/null 2>&1 && n=$((n + 1))
	done < <(find "$PYRITE_SOURCE"/{runtime/idl,samples,tests/golden,tests/corpus,tests/e2e,tests/http} -name '*.idl' -print0 | sort -z)
	rmdir every/$n
	[ "$n" -gt 50 ] && "$pages" every/* && tidy -q -e every/*/*.html
}

# Whatever a comment, a string, a file's name holds is text.
hostile() {
	local name='<img src=x>"--!>&`].idl' evil='<script>alert(1)</script> --> ]]> </pre></td></style> &lt; &#60; "'"'"' ](javascript:x) ![a](b) [a](javascript:y) | ``` `` ` <a id="m.S"></a> \`x\` '

	{
		printf '/** %s\n * %s\n *\n * - %s\n * 1. %s\n * ```\n * %s\n * ```\n * `%s` `` x\n * # %s\n * 1) x\n * === \n * --- \n * @param %s\n * @return %s\n */\n' \
			"$evil" "$evil" "$evil" "$evil" "$evil" "$evil" "$evil" "$evil" "$evil"
		printf 'module m {\n /** %s \xff \xc3 \xe4\xb8 \xed\xa0\x80 \x01\x1b[31m \xc2\x85 \x7f */ const string S = "</pre><script>\\x01\\xff` | %s";\n' \
			"$evil" 'x'
		printf '/** %s\n @param a %s\n @throws `|` %s */ @deprecated("</p><script>`|") struct T { /** %s */ @default("<b>|`") string a; };\n' "$evil" "$evil" "$evil" "$evil"
		printf '/** %s\n @param a %s\n @param <b> %s*/ interface I { /** %s\n @param a %s\n @note `m::T` %s*/ void f(/** %s */ string a); };\n};\n' "$evil" "$evil" "$evil" "$evil" "$evil" "$evil" "$evil"
	} >"$name"
	make bad html "$name" && "$pages" bad && tidy -q -e bad/*.html && make bad markdown "$name" && "$pages" bad &&
		! LC_ALL=C grep -P '[\x00-\x08\x0b-\x1f\x7f]' bad/*
}

# Two files of one name, an index, a file that is not ours.
clashes() {
	mkdir -p x y
	echo 'struct A { long x; };' >x/one.idl
	echo 'struct B { long x; };' >y/one.idl
	echo 'struct C { long x; };' >index.idl
	complains 1 'one.html: made from both x/one.idl and y/one.idl' make made html x/one.idl y/one.idl && [ -z "$(ls made)" ] &&
		make made html index.idl x/one.idl ./x/one.idl && same $'index.html\nindex_idl.html\none.html' ls made &&
		"$pages" made
}

only_its_own() {
	make made html "$golden/common.idl" && "$idl" --docs made "$golden/common.idl" || return 1
	echo '<!DOCTYPE html><!-- my own -->' >made/common.html
	complains 1 'common.html: not written by pyrite-idl' "$idl" --docs made "$golden/common.idl" &&
		same '<!DOCTYPE html><!-- my own -->' cat made/common.html &&
		"$idl" --docs made --force "$golden/common.idl" && "$pages" made &&
		make made markdown "$golden/common.idl" && "$idl" --docs made --docs-format markdown "$golden/common.idl"
}

nothing_after_errors() {
	echo 'struct A { long; };' >wrong.idl
	rm -rf made
	mkdir made
	complains 1 'wrong.idl:1:16: error' "$idl" --docs made "$golden/common.idl" wrong.idl && [ -z "$(ls made)" ] &&
		complains 1 'nowhere/common.html: No such file' "$idl" --docs nowhere "$golden/common.idl"
}

usage() {
	complains 1 "html or markdown, not 'pdf'" "$idl" --docs . --docs-format pdf "$golden/common.idl" &&
		complains 1 '--docs-format needs --docs' "$idl" --check --docs-format html "$golden/common.idl" &&
		complains 1 '--depfile needs' "$idl" --docs . --depfile d "$golden/common.idl" &&
		complains 1 'cannot be combined' "$idl" --docs . --format "$golden/common.idl"
}

beside_code() {
	mkdir -p both
	"$idl" --c both --docs both "$golden/common.idl" && same $'common.c\ncommon.h\ncommon.html\nindex.html' ls both
}

empty() {
	echo '// nothing' >nothing.idl
	make made html nothing.idl && "$pages" made && make made markdown nothing.idl && "$pages" made
}

check html_comes_out_as_before comes_out html
check markdown_comes_out_as_before comes_out markdown
check html_is_the_same_each_time same_bytes html
check markdown_is_the_same_each_time same_bytes markdown
check every_file_here_makes_pages_without_dead_links every_file
check comments_strings_and_names_are_text_whatever_they_hold hostile
check files_of_one_name_are_refused clashes
check files_that_it_did_not_write_stay only_its_own
check after_an_error_nothing_is_written nothing_after_errors
check options_that_do_not_go_together_are_refused usage
check code_and_pages_come_of_one_run beside_code
check a_file_without_declarations_has_a_page empty
tests_end
