#!/bin/bash
# SPDX-License-Identifier: MIT
# Vim itself: it knows the type of a file, highlights the tokens of a sample as tokens.txt says, and formats it.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
here=$PYRITE_SOURCE/tests/editors

# run_vim FILE COMMAND...: an instance without the user's settings.
run_vim() {
	local file=$1 commands=()

	shift
	for command in "$@"; do
		commands+=(-c "$command")
	done
	env HOME="$run_dir" PATH="$PYRITE_BIN:$PATH" timeout 60 vim -es -N -u NONE -i NONE -n \
		--cmd "set runtimepath^=$PYRITE_SOURCE/editors/vim" --cmd 'filetype plugin on' --cmd 'syntax on' "$file" \
		"${commands[@]}" -c 'qa!' </dev/null
}

# What Vim says of each token of tokens.txt, in the form of that file.
tokens() {
	cat >"$run_dir/tokens.vim" <<-'END'
		let s:out = []
		for s:line in filter(readfile($TOKENS), 'v:val !~ "^#"')
			let [s:number, s:text, s:group, s:scope] = split(s:line, ' ')
			let s:word = s:text =~ '^\w*$' && s:text !~ '^_'
			let s:at = match(getline(str2nr(s:number)), s:word ? '\w\@<!\V' . s:text . '\m\w\@!' : '\V' . escape(s:text, '\'))
			if s:at < 0 && s:word
				let s:at = match(getline(str2nr(s:number)), '\V' . s:text)
			endif
			let s:name = s:at < 0 ? 'absent' : substitute(synIDattr(synID(str2nr(s:number), s:at + 1, 1), 'name'), '^pyriteidl', '', '')
			let s:name = s:name == '' ? '-' : s:name
			if index(split(s:group, '|'), s:name) >= 0
				let s:name = s:group
			endif
			call add(s:out, join([s:number, s:text, s:name, s:scope], ' '))
		endfor
		call writefile(s:out, $OUT)
	END
	TOKENS=$here/tokens.txt OUT=$run_dir/tokens run_vim "$here/sample.idl" "source $run_dir/tokens.vim"
	diff <(grep -v '^#' "$here/tokens.txt") "$run_dir/tokens"
}

# option NAME: its value in a buffer of IDL.
option() {
	run_vim "$here/sample.idl" "call writefile([&$1], '$run_dir/option')"
	cat "$run_dir/option"
}

formats() {
	printf 'module m{interface I{void f(in long x);};};\n' >"$run_dir/$1.idl"
	run_vim "$run_dir/$1.idl" "$2" 'w' >"$run_dir/vim" 2>&1
	diff <("$PYRITE_BIN/pyrite-idl" --format "$run_dir/$1.idl") "$run_dir/$1.idl" && [ "$(wc -l <"$run_dir/$1.idl")" -gt 1 ]
}

leaves_what_is_wrong() {
	printf 'module m { interface\n' | tee "$run_dir/wrong.idl" >"$run_dir/before"
	run_vim "$run_dir/wrong.idl" 'PyriteFormat' 'w' >"$run_dir/vim" 2>&1
	cmp "$run_dir/before" "$run_dir/wrong.idl"
}

lists_errors() {
	printf 'module m {\n    struct S { strin x; };\n};\n' >"$run_dir/bad.idl"
	run_vim "$run_dir/bad.idl" 'silent make' "call writefile(map(getqflist(), 'v:val.lnum . \":\" . v:val.col'), '$run_dir/errors')" \
		>"$run_dir/vim" 2>&1
	same 2:16 head -n 1 "$run_dir/errors"
}

# A file that Vim takes for Microsoft's IDL stays that.
other_idl() {
	printf 'import "unknwn.idl";\n[ uuid(1) ] library x {};\n' >"$run_dir/other.idl"
	run_vim "$run_dir/other.idl" "call writefile([&filetype], '$run_dir/option')"
	[ "$(cat "$run_dir/option")" = msidl ] || {
		cat "$run_dir/option"
		return 1
	}
}

command -v vim >/dev/null || {
	echo "not ok vim is there"
	echo "    vim is wanted: apt-get install vim"
	exit 1
}
mkdir -p "$run_dir/include" && printf "module sample { interface Base {}; };\n" >"$run_dir/include/other.idl"
check the_sample_is_sound "$PYRITE_BIN/pyrite-idl" --check "$here/sample.idl" -I "$run_dir/include"
check it_knows_idl_files same pyriteidl option filetype
check but_not_those_of_microsoft other_idl
check tokens_have_their_groups tokens
check comments_are_those_of_idl same '// %s' option commentstring
check a_buffer_is_formatted formats command PyriteFormat
check so_it_is_by_equalprg formats equal 'normal! gg=G'
check and_by_formatprg formats gq 'normal! gggqG'
check text_with_errors_is_left_alone leaves_what_is_wrong
check errors_are_listed lists_errors
tests_end
