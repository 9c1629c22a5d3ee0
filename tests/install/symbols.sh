#!/bin/bash
# SPDX-License-Identifier: MIT
# What libpyrite exports, what pyrite.map lists and what the public headers declare are the same names.
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
include=$PYRITE_SOURCE/runtime/include/pyrite

nm -D --defined-only "$PYRITE_BUILD/lib/libpyrite.so" | awk '$2 != "A" { print $3 }' | sed 's/@.*//' |
	sort -u >"$run_dir/exported"
sed -n 's/^\t\([a-zA-Z_0-9]*\);$/\1/p' "$PYRITE_SOURCE/runtime/pyrite.map" | sort -u >"$run_dir/listed"

# A declared function is a name before a parenthesis, a declared table follows "extern const struct"; comments, macros
# and typedefs are left out.
cat "$include"/*.h |
	/usr/bin/python3 -c '
import re, sys
text = re.sub(r"/\*.*?\*/", "", sys.stdin.read(), flags=re.S)
text = re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", "", text, flags=re.M)
text = re.sub(r"typedef[^;{]*;|\bstatic inline\b.*?^}", "", text, flags=re.M | re.S)
text = re.sub(r"__attribute__\(\(.*?\)\)+", "", text, flags=re.S)
text = re.sub(r"\bextern \"C\" \{?", "", text)
text = re.sub(r"\{[^{}]*\}", "{}", text)
names = re.findall(r"\b(pyr(?:ite)?_\w+)\s*\((?!\*)", text)
names += re.findall(r"extern const struct \w+ (\w+);", text)
print("\n".join(sorted(set(names))))' | sort -u >"$run_dir/declared"

check every_exported_symbol_is_listed diff "$run_dir/listed" "$run_dir/exported"
check every_declared_function_is_listed diff "$run_dir/listed" "$run_dir/declared"
check no_symbol_is_listed_twice same "" sh -c \
	"sed -n 's/^\t\([a-zA-Z_0-9]*\);\$/\1/p' '$PYRITE_SOURCE/runtime/pyrite.map' | sort | uniq -d"
tests_end
