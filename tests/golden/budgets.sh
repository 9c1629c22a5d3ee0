#!/bin/bash
# SPDX-License-Identifier: MIT
# How long generated code is, and how long generating takes.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
idl=$PYRITE_BIN/pyrite-idl
flags=(-Wall -Wextra -Wshadow -Wpedantic -Werror -fsyntax-only -I "$PYRITE_SOURCE/runtime/include")
cd "$run_dir" || exit 1

# lines <operation>...: of .h and .c together that are not blank, for an interface of these
lines() {
	mkdir -p lines
	printf 'module example {\n    interface Server {\n%s\n    };\n};\n' "$(printf '        %s;\n' "$@")" >example.idl
	"$idl" --c lines example.idl >&2 || return 1
	cat lines/example.h lines/example.c | grep -c .
}

of_add() {
	local n

	n=$(lines 'int32 add(int32 x, int32 y)') || return 1
	echo "$n lines"
	[ "$n" -le 120 ]
}

of_one_more() {
	local one two operation most

	one=$(lines 'int32 add(int32 x, int32 y)') || return 1
	for operation in 'int32 sub(int32 x, int32 y)' 'double scale(double factor, double offset)' 'void reset()' \
		'boolean is_less(int64 a, int64 b)' 'oneway void ping()' 'attribute int32 level' \
		'unsigned long long next_number()'; do
		two=$(lines 'int32 add(int32 x, int32 y)' "$operation") || return 1
		case $operation in attribute*) two=$(((two + one) / 2)) ;; esac # it is two operations
		case $operation in *', '*) most=43 ;; *) most=35 ;; esac # it has I_op_map()
		echo "$operation: $((two - one)) lines"
		[ $((two - one)) -le $most ] || return 1
	done
}

large() {
	seq 2000 | sed 's/.*/        int32 operation_&(int32 x, string y, out double z&);/' |
		{ echo 'module big { interface Large {' && cat && echo '}; };'; } >big.idl
	mkdir -p big && time timeout 2 "$idl" --c big --proto big big.idl
}

# Every name as long as it may be, in every place that generated code joins names.
longest() {
	local name

	name=$(printf 'n%.0s' {1..127})
	mkdir -p longest
	cat >long.idl <<-END
		module m$name {
		    exception e$name { int32 x$name; };
		    struct s$name { int32 x$name; @optional string y$name; sequence<string> z$name; };
		    enum c$name { a$name, b$name };
		    union u$name switch (c$name) { case a$name: int32 a$name; default: s$name b$name; };
		    typedef sequence<s$name> t$name;
		    typedef map<string, t$name> k$name;
		    interface i$name {
		        int32 o$name(int32 x$name, inout s$name y$name, out string z$name, c$name c$name) raises (e$name);
		        t$name p$name(u$name u$name, k$name k$name);
		        attribute string q$name;
		    };
		    interface j$name : i$name { oneway void r$name(); };
		};
	END
	"$idl" --c longest --proto longest long.idl 2>/dev/null && gcc -std=c99 "${flags[@]}" longest/long.c &&
		clang -std=c99 "${flags[@]}" longest/long.c &&
		echo '#include "longest/long.h"' | g++ -x c++ -std=c++17 -I . "${flags[@]}" - &&
		(cd longest && protoc --descriptor_set_out=/dev/null long.proto)
}

check add_has_at_most_120_lines of_add
check a_further_scalar_operation_has_at_most_35_lines_and_43_with_its_map of_one_more
check two_thousand_operations_take_less_than_2_s large
check names_of_128_characters_compile longest
tests_end
