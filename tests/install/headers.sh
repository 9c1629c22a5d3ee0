#!/bin/bash
# SPDX-License-Identifier: MIT
# Each public header compiles alone, as C99 and as C++17, with gcc and clang and the project's own warnings, and shows
# nothing of what the library is built on.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
include=$PYRITE_SOURCE/runtime/include
warnings="-Wall -Wextra -Wshadow -Wpedantic -Werror -I$include"

alone() {
	local compiler=$1 standard=$2 language=$3 header=$4

	# shellcheck disable=SC2086
	echo "#include <pyrite/$header>" | "$compiler" "-std=$standard" -x "$language" -fsyntax-only $warnings -
}

shows_nothing() {
	! grep -HnE '#[ \t]*include[ \t]*[<"](grpc|protobuf-c|openssl|pthread)' "$1" &&
		! grep -HnE 'grpc_|Protobuf|SSL_|EVP_|pthread_' "$1"
}

for path in "$include"/pyrite/*.h; do
	header=$(basename "$path")
	stem=${header%.h}
	for compiler in gcc clang; do
		check "${stem}_compiles_alone_as_c99_with_$compiler" alone $compiler c99 c "$header"
		check "${stem}_compiles_alone_as_c17_with_$compiler" alone $compiler gnu17 c "$header"
	done
	check "${stem}_compiles_alone_as_cxx17_with_gcc" alone g++ c++17 c++ "$header"
	check "${stem}_compiles_alone_as_cxx17_with_clang" alone clang++ c++17 c++ "$header"
	check "${stem}_shows_no_type_of_other_libraries" shows_nothing "$path"
done
tests_end
