# SPDX-License-Identifier: MIT
# Completion for bash: pyrite and pyrite-nsc are asked themselves (`pyrite complete`), names and operations among it; the
# options of the other programs are those that --help tells.

# Colons are part of words here: a URI is one.
_pyrite_line() {
	local line=${COMP_LINE:0:COMP_POINT}

	read -ra _pyrite_words <<<"$line"
	[[ $line == *[[:space:]] || ${#_pyrite_words[@]} -eq 0 ]] && _pyrite_words+=("")
}

_pyrite() {
	local _pyrite_words word typed

	_pyrite_line
	COMPREPLY=()
	while IFS=$'\t' read -r word _; do
		COMPREPLY+=("$word")
	done < <("${PYRITE_COMPLETE:-pyrite}" complete "${1##*/}" "${_pyrite_words[@]:1}" 2>/dev/null)
	typed=${_pyrite_words[-1]}
	if [[ $typed == *:* && $COMP_WORDBREAKS == *:* ]]; then # what stands before the last colon is there already
		COMPREPLY=("${COMPREPLY[@]#"${typed%"${typed##*:}"}"}")
	fi
	[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *: ]] && compopt -o nospace
}

_pyrite_options() {
	local typed=${COMP_WORDS[COMP_CWORD]}

	COMPREPLY=()
	[[ $typed == -* ]] || return 0
	mapfile -t COMPREPLY < <(compgen -W "$("$1" --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*')" -- "$typed")
}

complete -o default -F _pyrite pyrite pyrite-nsc
complete -o default -F _pyrite_options pyrite-idl pyrite-ns pyrite-echoserver
