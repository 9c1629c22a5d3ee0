# SPDX-License-Identifier: MIT
# A manual page from what a program says with --help, in man(7), so that both say the same. ARGP_HELP_FMT=rmargin=10000 keeps
# --help from breaking lines.
#   PROGRAM --help | awk -f man.awk -v page=pyrite-call -v version=0.2.0 -v date=2026-01-31 -v also="pyrite pyrite-nsc"

# A piece of text as roff takes it.
function plain(text) {
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	return text
}

function bold(text) {
	return text == "" ? "" : "\\fB" plain(text) "\\fR"
}

function italic(text) {
	return text == "" ? "" : "\\fI" plain(text) "\\fR"
}

# Options, settings and commands stand out.
function marked(text,    out, word) {
	while (match(text, /--[a-z][a-z-]*|PYRITE_[A-Z_]+|'pyrite[^']*'/)) {
		word = substr(text, RSTART, RLENGTH)
		out = out plain(substr(text, 1, RSTART - 1))
		text = substr(text, RSTART + RLENGTH)
		gsub(/^'|'$/, "", word)
		out = out bold(word)
	}
	return out plain(text)
}

# In lines of at most 72 letters; none begins as a request would.
function filled(text,    words, n, i, line, out) {
	n = split(text, words, " ")
	for (i = 1; i <= n; i++) {
		if (line != "" && length(line) + length(words[i]) > 71) {
			out = out guarded(line) "\n"
			line = ""
		}
		line = line (line == "" ? "" : " ") words[i]
	}
	return out guarded(line) "\n"
}

function guarded(line) {
	return line ~ /^[.']/ ? "\\&" line : line
}

# "-c, --clients=N" with each part marked.
function option(text,    n, i, parts, out, at) {
	n = split(text, parts, ", ")
	for (i = 1; i <= n; i++) {
		at = match(parts[i], /[= []/)
		out = out (i > 1 ? ", " : "") bold(at ? substr(parts[i], 1, at - 1) : parts[i])
		if (at)
			out = out (substr(parts[i], at, 1) == "[" ? plain(substr(parts[i], at)) : \
				substr(parts[i], at, 1) italic(substr(parts[i], at + 1)))
	}
	return out
}

function item(term, text) {
	return ".TP\n" term "\n" filled(marked(text))
}

# "0 success, 1 wrong usage, 2 a or b." as a list.
function codes(text,    out, at) {
	sub(/^Exit codes?: /, "", text)
	sub(/\.$/, "", text)
	while (at = match(text, /[,;] [0-9] /)) { # match() sets variables that others set, too
		out = out code(substr(text, 1, at - 1))
		text = substr(text, at + 2)
	}
	return out code(text)
}

function code(text) {
	return text ~ /^[0-9] / ? item(bold(substr(text, 1, 1)), substr(text, 3)) : item(bold(text), "always")
}

# "list [PREFIX]         list all names" of a list of commands.
function command(line,    at, term, text, name) {
	at = match(line, /   *[a-z]/)
	if (!at)
		at = match(line, /[A-Z.\]] [a-z]/) + 1 # a term as wide as the column
	term = substr(line, 1, at - 1)
	text = substr(line, at)
	sub(/ *$/, "", term)
	sub(/^ */, "", text)
	name = term
	sub(/ .*/, "", name)
	return item(bold(name) plain(substr(term, length(name) + 1)), text)
}

# "pyrite call [OPTION...] URI" with the program marked.
function usage_line(text,    name) {
	name = page
	if (match(text, /^pyrite [a-z]+ /))
		name = substr(text, 1, RLENGTH - 1)
	return filled(bold(name) plain(substr(text, length(name) + 1)))
}

function section(name, text) {
	if (text != "")
		printf ".SH %s\n%s", name, text
}

function pages(names,    n, i, parts, out) {
	n = split(names, parts, " ")
	for (i = 1; i <= n; i++)
		if (parts[i] != page)
			out = out ".BR " plain(parts[i]) " (1)" (i < n ? "," : "") "\n"
	sub(/,\n$/, "\n", out)
	return out
}

NR == 1 {
	usage = $0
	sub(/^Usage: /, "", usage)
	next
}
/^ +or: / && what == "" {
	sub(/^ +or: +/, "")
	usages = usages ".PP\n" usage_line($0)
	next
}
what == "" {
	what = $0
	next
}
/^ +-/ {
	line = $0
	sub(/^ +/, "", line)
	at = match(line, /   */)
	text = at ? substr(line, at + RLENGTH) : ""
	if (!at && match(line, /[A-Z.\]] [A-Z]/)) { # a term as wide as the column
		at = RSTART + 1
		text = substr(line, at + 1)
	}
	options = options item(option(at ? substr(line, 1, at - 1) : line), text)
	next
}
/^Mandatory or optional/ || /^Commands:$/ {
	next
}
/^  [a-z]/ {
	commands = commands command(substr($0, 3))
	next
}
/^Example: / {
	example = $0
	sub(/^Example: /, "", example)
	next
}
/^Exit codes?:/ {
	exits = codes($0)
	next
}
NF {
	about = about ".PP\n" filled(marked($0))
}
END {
	short = what
	sub(/\.$/, "", short)
	printf ".\\\" Made of what %s says with --help.\n", page
	printf ".TH %s 1 %s \"Pyrite %s\"\n", toupper(page), date, version
	section("NAME", filled(plain(page) " \\- " plain(short)))
	section("SYNOPSIS", usage_line(usage) usages)
	section("DESCRIPTION", filled(marked(what)) about)
	section("COMMANDS", commands)
	section("OPTIONS", options)
	if (example != "")
		section("EXAMPLE", ".nf\n" plain(example) "\n.fi\n")
	section("EXIT STATUS", exits)
	section("ENVIRONMENT", filled("The settings of the library are those of its environment, " bold("PYRITE_") "...:") \
		filled(bold("pyrite config") " prints them and where each comes from."))
	section("SEE ALSO", pages(also))
}
