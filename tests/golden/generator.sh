#!/bin/bash
# SPDX-License-Identifier: MIT
# pyrite-idl as a command: what it writes when, what it depends on, how it ends.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
idl=$PYRITE_BIN/pyrite-idl
golden=$PYRITE_SOURCE/tests/golden
cd "$run_dir" || exit 1

# ends <status> <words on stderr> <command>...
ends() {
	local status=$1 words=$2 actual

	shift 2
	"$@" 2>said.err
	actual=$?
	cat said.err
	[ "$actual" -eq "$status" ] && [[ $(<said.err) == *"$words"* ]]
}

is_empty() {
	[ -z "$(ls -A "$1")" ]
}

mkdir out bad two
echo 'module m { interface I { int32 f(; }; };' >bad.idl
echo 'module m { interface I { int32 f(int32 x); }; };' >good.idl

nothing_from_errors() {
	ends 1 'bad.idl:1:' "$idl" --c out --proto out --depfile out/bad.d bad.idl && is_empty out &&
		ends 1 'bad.idl:1:' "$idl" --c out good.idl bad.idl && is_empty out
}

old_output_stays() {
	echo old >bad/bad.h && echo old >bad/bad.c &&
		ends 1 'bad.idl:1:' "$idl" --c bad bad.idl &&
		same old cat bad/bad.h && same old cat bad/bad.c && [ "$(ls -A bad | wc -l)" -eq 2 ]
}

unwritable() {
	ends 1 'nowhere/good.h: No such file or directory' "$idl" --c nowhere good.idl &&
		mkdir -p blocked/good.h && ends 1 'blocked/good.h: Is a directory' "$idl" --c blocked good.idl &&
		same good.h ls -A blocked
}

check_only() {
	ends 0 '' "$idl" --check good.idl && is_empty out && ends 1 'bad.idl:1:' "$idl" --check bad.idl
}

usage() {
	ends 1 'no file given' "$idl" --c out &&
		ends 1 'nothing to do' "$idl" good.idl &&
		ends 1 '--depfile needs' "$idl" --check --depfile x.d good.idl &&
		ends 1 'unrecognized option' "$idl" --nonsense good.idl
}

several_at_once() {
	"$idl" --c two --proto two "$golden/add/example.idl" "$golden/structs/structs.idl" &&
		same 'example.c example.h example.proto structs.c structs.h structs.proto' echo "$(ls two | xargs)" &&
		diff "$golden/add/example.c" two/example.c
}

same_bytes_from_anywhere() {
	mkdir -p here there &&
		(cd "$golden/includes" && "$idl" --c "$run_dir/here" --proto "$run_dir/here" shapes.idl) &&
		"$idl" --c there --proto there -I "$golden" "$golden/includes/../includes/shapes.idl" &&
		diff -r here there && ! grep -r "$golden" here
}

permissions() {
	(umask 027 && "$idl" --c out good.idl) && same 640 stat -c %a out/good.h && rm out/*
}

macros() {
	echo 'module m { const long N = WIDTH; };' >macro.idl
	mkdir -p defined && "$idl" -D WIDTH=7 --c defined macro.idl && grep -q 'enum { m_N = 7 };' defined/macro.h
}

# make reads the depfile and finds an output out of date when an included file is newer.
make_understands() {
	local dir="a b#c\$d"

	mkdir -p "$dir" made
	echo 'module base { typedef int32 T; };' >"$dir/base.idl"
	printf '#include "base.idl"\nmodule m { interface I { base::T f(); }; };\n' >"$dir/main.idl"
	"$idl" --c made --depfile made/main.d "$dir/main.idl" || return 1
	printf 'all: made/main.h\nmade/main.h made/main.c:\n\tfalse\ninclude made/main.d\n' >makefile
	cat made/main.d
	touch -d '1 hour ago' "$dir"/*.idl && make -s -q all || { echo 'not up to date'; return 1; }
	touch -d '1 hour' "$dir/base.idl" && ! make -s -q all 2>/dev/null || { echo 'change not seen'; return 1; }
	# an included file that is gone is no error, only a reason to generate again
	rm "$dir/base.idl" && ! make -n all | grep 'No rule'
}

# 1,000 modules whose interfaces inherit from each other; by the imports of their files it was half a minute.
many_modules() {
	local i

	mkdir -p modules && for i in {0..999}; do
		echo "module m$i { interface I$i$([ $((i % 250)) = 0 ] || echo " : m$((i - 1))::I$((i - 1))") { void o$i(); }; };"
	done >modules.idl
	timeout 20 "$idl" --proto modules modules.idl && same 1001 eval 'ls modules | wc -l'
}

# The name of a file stands in what is made of it: one with a line break would be a line of C.
hostile_name() {
	local name

	mkdir -p named && for name in $'x"\nint evil;.idl' 'x".idl' 'x\.idl' $'x\t.idl'; do
		cp good.idl "$name" && ends 1 'no code can be generated' "$idl" --c named --proto named "$name" &&
			ends 0 '' "$idl" --check "$name" || return 1
	done
	cp good.idl 'x".idl' && echo '#include <x".idl>' >outer.idl &&
		ends 1 'no code can be generated' "$idl" --c named outer.idl && same '' ls -A named
}

# A file that somebody wrote is not replaced, and nothing is written beside it; what pyrite-idl wrote is.
foreign() {
	mkdir -p foreign && echo 'int mine;' >foreign/good.c &&
		ends 1 'foreign/good.c: not written by pyrite-idl' "$idl" --c foreign good.idl &&
		same 'good.c' ls foreign && same 'int mine;' cat foreign/good.c &&
		ends 0 '' "$idl" --force --c foreign good.idl && ends 0 '' "$idl" --c foreign good.idl &&
		: >foreign/good.h && ends 0 '' "$idl" --c foreign good.idl && [ -s foreign/good.h ] &&
		mkdir -p foreign/pyrite && echo '// mine' >foreign/pyrite/reference.proto &&
		echo 'interface I { Object f(); };' >reference.idl &&
		ends 1 'foreign/pyrite/reference.proto: not written' "$idl" --proto foreign reference.idl &&
		rm foreign/pyrite/reference.proto && ends 0 '' "$idl" --proto foreign reference.idl &&
		ends 0 '' "$idl" --proto foreign reference.idl
}

one_stem() {
	mkdir -p x y stems && echo 'module a { struct S { long s; }; };' >x/types.idl && cp x/types.idl y/types.idl &&
		ends 1 'stems/types.h: made from both x/types.idl and y/types.idl' "$idl" --c stems x/types.idl y/types.idl &&
		is_empty stems
}

# Files of names that a guard could take for one.
guards() {
	local name

	mkdir -p guards
	for name in my-file my_file My_file my.file 1a idl_1a; do
		echo "struct S$(echo "$name" | cksum | cut -d ' ' -f 1) { long s; };" >"guards/$name.idl"
	done
	"$idl" --c guards guards/*.idl && same 6 echo "$(grep -h '^#ifndef .*_H_PYRITE' guards/*.h | sort -u | wc -l)"
}

# protos <folder>: protoc takes all .proto files there in one run.
protos() {
	(cd "$1" && protoc -I . --descriptor_set_out=/dev/null ./*.proto)
}

# Services that inherit across modules of one file, in a circle and not.
circles() {
	mkdir -p circles && echo 'interface A { void f(); };
module m { interface B : A { void g(); }; interface D { void h(); }; };
interface C : m::B { void i(); };
module n { interface E : m::D { m::D same(); }; interface F { void j(); }; };
module m { interface G : n::F {}; };
module o { interface H : n::F { void k(); }; };' >circle.idl && "$idl" --proto circles circle.idl && protos circles &&
		same 'circle-services.proto circle.m-services.proto circle.m.proto circle.n-services.proto circle.n.proto circle.o.proto circle.proto pyrite' \
			echo "$(LC_ALL=C ls circles | xargs)"
}

# Wrappers of the same collections: in files of one package, related or not, and in one file for several types.
wrappers() {
	local user

	mkdir -p wrappers && echo 'module m { struct P { long x; sequence<sequence<int32>> y; };
	module inner { struct P { long x; }; }; enum C { seq }; interface Q_seq {};
	struct Q { sequence<sequence<P>> a; sequence<sequence<inner::P>> b; sequence<sequence<C>> c; }; };' >c.idl
	for user in a b-1 1 m; do
		echo "#include \"c.idl\"
module m { interface I_${user#*-} { sequence<sequence<int32>> f(sequence<sequence<P>> p, map<int32, sequence<Q>> q); }; };" >$user.idl
	done
	mv 1.idl 7.idl && sed -i 's/I_1/I_7/' 7.idl && "$idl" --proto wrappers a.idl b-1.idl 7.idl m.idl c.idl && protos wrappers &&
		grep -q 'message int32_seq {' wrappers/m.proto && grep -q 'message a_int32_seq {' wrappers/a.proto
}

# What protoc would find twice in one package: enumerators, messages of operations, packages further in.
scopes() {
	mkdir -p scopes && echo 'module scopes { enum S_f { request, b }; struct S_f_b { long x; }; interface S { void f(); };
	interface inner_T {}; module inner { struct T { long x; }; interface J { void g(); }; };
	enum Q { seq }; interface Q_seq_ {}; struct U { sequence<sequence<Q>> s; };
	interface T { sequence<sequence<string>> h(); }; module string_seq { interface K { void k(); }; }; };' >scopes.idl &&
		"$idl" --proto scopes scopes.idl && protos scopes
}

# compiles <folder> <file>...: without a warning, in C as in C++.
compiles() {
	local dir=$1 file
	local flags=(-Wall -Wextra -Wshadow -Wpedantic -Werror -Wno-deprecated-declarations -fsyntax-only
		-I "$PYRITE_SOURCE/runtime/include")

	shift
	for file; do
		gcc -std=c99 "${flags[@]}" "$dir/$file.c" && clang -std=c99 "${flags[@]}" "$dir/$file.c" &&
			echo "#include \"$dir/$file.h\"" | g++ -x c++ -std=c++17 -I . "${flags[@]}" - || return 1
	done
}

# Every identifier in generated code and in the header behind it, as the name of everything; _x is x in IDL.
words() {
	local names kind

	mkdir -p words
	echo 'exception X { long a; }; union U switch (long) { case 1: string b; }; enum Y { Z };
interface V { long f(); }; interface W : V { void g(in long p, inout string q, out sequence<map<string, long>> r) raises (X);
V h(any a, Object b, W c, Y d, @default(3) double e, U f); oneway void i(); string j(stream<long> s);
stream<double> k(string s); stream<Y> l(stream<string> s); attribute U m; };' >fixture.idl
	"$idl" --c words fixture.idl || return 1
	mapfile -t names < <(cat words/fixture.[ch] "$PYRITE_SOURCE/runtime/include/pyrite/gen.h" | grep -oE '\b[A-Za-z][A-Za-z0-9_]*' |
		grep -vE '^(pyr|PYR)|^[U-Z]$' | grep -vxFf <(grep -oE '\b[U-Z]_[A-Za-z_]+' words/fixture.h) | sort -fu)
	echo "${#names[@]} names"
	[ "${#names[@]}" -gt 300 ] || return 1
	{ cat fixture.idl && printf 'const short _%s = 1;\n' "${names[@]}"; } >word-values.idl
	{ cat fixture.idl && echo 'enum all_many {' && printf '_%s,\n' "${names[@]}" && echo 'all_last };'; } >word-enumerators.idl
	{ cat fixture.idl && printf 'const string _%s = "x";\n' "${names[@]}"; } >word-macros.idl
	{ printf 'struct _%s { long x; };\n' "${names[@]}" && cat fixture.idl; } >word-types.idl
	{ printf 'module z { struct s {\n' && printf 'string _%s;\n' "${names[@]}" && echo '}; interface i {' &&
		printf 'void _%s(in long a, out long b);\n' "${names[@]}" && echo '}; };'; } >word-members.idl
	{ printf 'interface z { void plain(in long a_first' && printf ', in long _%s\n' "${names[@]}" && printf '); stream<long> streams(in long a_first' &&
		printf ', in long _%s\n' "${names[@]}" && printf '); void back(out long a_first' && printf ', out string _%s\n' "${names[@]}" &&
		echo '); };'; } >word-parameters.idl
	for kind in values enumerators macros types members parameters; do
		"$idl" --c words word-$kind.idl 2>said.err || { grep -h -A1 error said.err | head -40; return 1; }
	done
	compiles words word-{values,enumerators,macros,types,members,parameters}
}

# A value that a parameter of an inherited operation would hide, and a table that a parameter would.
hidden() {
	mkdir -p hidden && echo 'interface B { long f(in long some, out long other, in long data, in long callback); };' >inherited.idl &&
		echo '#include "inherited.idl"
const short some = 1; enum { A, ret_other, callback_ }; const string f = "x"; enum E { data_ };
interface I : B { void g(in long I_args, out long I_operations, in long data, in long OP_f); };' |
		sed 's/enum { A/enum F { A/' >heir.idl && "$idl" --c hidden inherited.idl heir.idl && compiles hidden inherited heir
}

# Of a library made from hidden code nothing is seen, and what includes the header compiles.
hides() {
	local file=$golden/exceptions/exceptions.idl

	mkdir -p hides && echo '#include "fixture.idl"
enum N { O }; typedef sequence<N> Ns; typedef map<string, Ns> Nm; interface Q : W { Nm n(); };' >hides.idl &&
		"$idl" --hidden --c hides hides.idl fixture.idl "$file" && compiles hides hides fixture exceptions &&
		gcc -shared -fPIC -I "$PYRITE_SOURCE/runtime/include" -o hides/all.so hides/*.c &&
		same '' sh -c 'nm -D --defined-only hides/all.so' &&
		gcc -c -I "$PYRITE_SOURCE/runtime/include" -o hides/all.o hides/hides.c && nm hides/all.o | grep -q ' T Q_n$' &&
		ends 1 '--hidden needs' "$idl" --hidden --proto hides hides.idl
}

# The struct of a map's entry holds its value: what was named by a typedef is there all the same.
values_of_maps() {
	mkdir -p values && echo 'typedef bytes B; typedef sequence<octet, 9> O; typedef string<3> T; enum E { A };
struct S { map<boolean, B> b; sequence<map<long, O, 15>> o; map<string, T> t; map<string, E> e; map<string, S> s; };
typedef map<string, B> Named;' >values.idl && "$idl" --c values values.idl && compiles values values
}

# A text longer than C promises for a string, cut between two characters; the smallest label; an output named ret.
extremes() {
	mkdir -p extremes && { printf '/** %s */\n' "$(printf 'é%.0s' {1..3000})" && echo 'interface I { void f(out long ret); };
union U switch (long long) { case -9223372036854775807 - 1: long a; default: string b; };'; } >extreme.idl &&
		"$idl" --c extremes --proto extremes extreme.idl && protos extremes && compiles extremes extreme &&
		grep -q '{ INT64_MIN, 1 }' extremes/extreme.c
}

# Messages of @message operations are compared as a whole.
messages_change() {
	echo 'struct A { long x; }; struct B { string y; };
interface I { @message A f(in A a); @message stream<A> g(in A a); };' >old-message.idl
	sed 's/@message A f/@message B f/; s/g(in A/g(in B/' old-message.idl >new-message.idl
	ends 1 'new-message.idl:2:26: error: I.f: the result was A, is B' "$idl" --breaking old-message.idl new-message.idl &&
		grep -qF "error: I.g: parameter 'a' was A, is B" said.err
}

version() {
	same "pyrite-idl $(sed -n 's/#define PYR_VERSION  *"\(.*\)"/\1/p' "$PYRITE_SOURCE/runtime/include/pyrite/pyrite.h")" \
		"$idl" --version
}

check errors_write_nothing nothing_from_errors
check errors_leave_old_output_alone old_output_stays
check output_that_cannot_be_written_is_named unwritable
check check_writes_nothing check_only
check wrong_usage_ends_with_1_and_says_why usage
check several_files_and_kinds_come_out_of_one_run several_at_once
check the_same_input_gives_the_same_bytes same_bytes_from_anywhere
check output_obeys_the_umask permissions
check macros_are_defined_from_the_command_line macros
check make_understands_the_depfile make_understands
check a_file_that_it_did_not_write_is_refused_by_name foreign
check a_name_that_would_be_code_is_refused hostile_name
check two_files_of_one_stem_in_one_run_are_refused one_stem
check headers_of_similar_names_have_different_guards guards
check no_two_proto_files_import_each_other circles
check a_thousand_modules_are_written_in_time many_modules
check files_of_one_package_have_wrappers_of_their_own wrappers
check names_that_protoc_has_in_one_scope_differ scopes
check any_word_of_generated_code_may_be_the_name_of_anything words
check a_library_of_hidden_code_exports_nothing_of_it hides
check maps_hold_values_of_any_name values_of_maps
check nothing_hides_what_is_inherited hidden
check texts_and_numbers_may_be_as_long_as_they_are extremes
check another_message_of_a_message_operation_breaks messages_change
check it_tells_its_version version
tests_end
