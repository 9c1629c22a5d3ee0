#!/bin/bash
# SPDX-License-Identifier: MIT
# golden.sh [case...]: what pyrite-idl makes of golden/CASE/*.idl is exactly what lies beside them, is laid out as
# clang-format would, compiles in every language it promises, and protoc accepts it.
# PYRITE_UPDATE_GOLDEN=1 takes what comes out now as right: look at the diff before committing it.
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
golden=$PYRITE_SOURCE/tests/golden
warnings=(-Wall -Wextra -Wshadow -Wpedantic -Werror -fsyntax-only -I "$PYRITE_SOURCE/runtime/include")
of_c=(-Wstrict-prototypes -Wmissing-prototypes)
update=${PYRITE_UPDATE_GOLDEN:-}

generate() {
	local case=$1 out=$2 file

	mkdir -p "$out"
	for file in "$golden/$case"/*.idl; do
		"$PYRITE_BIN/pyrite-idl" --c "$out" --proto "$out" -I "$golden/$case" "$file" || return 1
	done
}

# Everything generated is expected and the other way round.
compare() {
	local case=$1 out=$2

	if [ -n "$update" ]; then
		find "$golden/$case" -type f ! -name '*.idl' ! -path '*/pyrite/*' -delete
		(cd "$out" && find . -type f ! -path './pyrite/*' -exec cp {} "$golden/$case" \;)
	fi
	diff -u -r -x '*.idl' -x pyrite "$golden/$case" "$out"
}

# All but the rows of tables, whose lines clang-format would join.
formatted() {
	local file

	for file in "$1"/*.[ch]; do
		sed '/^static const struct pyr__.*\[\] = {$/,/^};$/d' "$file" | cat -s >"$run_dir/${file##*/}"
		clang-format --style="file:$golden/clang-format" "$run_dir/${file##*/}" |
			diff -u "$run_dir/${file##*/}" - || return 1
	done
}

c_compiles() {
	local out=$1 compiler file

	for compiler in gcc clang; do
		for file in "$out"/*.c; do
			"$compiler" -std=gnu17 "${warnings[@]}" "${of_c[@]}" "$file" &&
				"$compiler" -std=c99 "${warnings[@]}" "${of_c[@]}" "$file" || return 1
		done
	done
}

headers_compile() {
	local out=$1 compiler file

	for file in "$out"/*.h; do
		for compiler in g++ clang++; do
			echo "#include \"$file\"" | "$compiler" -x c++ -std=c++17 "${warnings[@]}" - || return 1
		done
		echo "#include \"$file\"" | gcc -x c -std=c99 "${warnings[@]}" "${of_c[@]}" - || return 1
	done
}

# google/protobuf/any.proto comes with protoc, but on Debian in a package of its own: here a stand-in will do.
protoc_accepts() {
	(cd "$1" && protoc -I . -I "$run_dir/include" --descriptor_set_out=/dev/null ./*.proto)
}

mkdir -p "$run_dir/include/google/protobuf"
cat >"$run_dir/include/google/protobuf/any.proto" <<'END'
syntax = "proto3";
package google.protobuf;
message Any {
  string type_url = 1;
  bytes value = 2;
}
END

cases=("$@")
[ ${#cases[@]} -gt 0 ] || mapfile -t cases < <(find "$golden" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort)
for case in "${cases[@]}"; do
	out=$run_dir/$case
	check "${case}_is_read" generate "$case" "$out"
	check "${case}_comes_out_as_before" compare "$case" "$out"
	check "${case}_is_laid_out_as_clang_format_would" formatted "$out"
	check "${case}_compiles_as_gnu17_and_c99" c_compiles "$out"
	check "${case}_has_a_header_for_c_and_cpp" headers_compile "$out"
	check "${case}_is_accepted_by_protoc" protoc_accepts "$out"
done
tests_end
