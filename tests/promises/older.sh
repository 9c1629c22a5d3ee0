#!/bin/bash
# SPDX-License-Identifier: MIT
# The previous release and this version: name servers, servers and clients of both in every combination, and programs of the
# previous release with the library of this one. Builds the release that tests/promises/previous names, or
# PYRITE_PREVIOUS, in $PYRITE_BUILD/promises.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"
programs=(pyrite-ns pyrite-nsc sample-{add,batch,streams,circular,chat}-{client,server} sample-errors-{bank,shop,client})

# What is promised of what the clients print: results, statuses, and which operation of which object called which. The texts
# of messages may change, and so may the form of a trace.
facts() {
	sed -nE "
		s/^[ |]*([A-Z_]{4,}): .*/\1/p; t
		s/^.*(calling|in) ([a-z]+\.[A-Z][A-Za-z]*\.[a-z]+ of '[^']+').*/\2/p; t
		s/^(Error: [A-Za-z]+): .*/\1/p; t
		s/127\.0\.0\.1:[0-9]+/<address>/g
		/^batch:/,/^streams:/s/^(-?[0-9][-0-9 ]*).*/\1/
		/^circular:/,/^chat:/{ /^([a-z]+:$|[A-Z] -> |[0-9]+ calls deep, and back$|Bought: |The [a-z]+ is |No [a-z]+: )/p; d }
		p"
}

# chat <bin>: what two clients of a room hear of each other. The order of what both say is that of the room.
chat() {
	type_to ann "$1/sample-chat-client" ann && prints ann 'ann: (comes)' || return 1
	type_to bob "$1/sample-chat-client" bob && prints ann 'bob: (comes)' || return 1
	echo 'hello, Ann' >&"${to[bob]}"
	prints ann 'bob: hello, Ann' && hang_up bob && prints ann 'bob: (leaves)' && hang_up ann || return 1
	cat "$run_dir/ann"
}

# names <bin>: what the tool of the name server does to names, and those that servers have registered.
names() {
	local nsc=$1/pyrite-nsc

	"$nsc" ping && "$nsc" register some.name PYRO:thing@127.0.0.1:4000 && "$nsc" setmeta some.name red blue &&
		"$nsc" lookup some.name && "$nsc" listmeta_all red && "$nsc" listmatching 'some\..*' &&
		"$nsc" list example. | cut -d ' ' -f 1 && "$nsc" --force remove some.name || return 1
	"$nsc" lookup some.name
	echo "exit code $?"
}

# converse <bin of the name server> <bin of the servers> <bin of the clients>: prints what the clients print.
converse() {
	local client

	run_name_server "$1" || return 1
	start add "$2/sample-add-server" && start batch "$2/sample-batch-server" && start streams "$2/sample-streams-server" &&
		start a "$2/sample-circular-server" A B && start b "$2/sample-circular-server" B A &&
		start bank "$2/sample-errors-bank" && start shop "$2/sample-errors-shop" &&
		start chat "$2/sample-chat-server" || return 1
	for client in add batch streams circular errors; do
		echo "$client:"
		timeout 60 "$3/sample-$client-client" 2>&1 || echo "exit code $?"
	done
	echo chat:
	chat "$3" || return 1
	echo names:
	names "$3" 2>&1
}

if [ "${1-}" = converse ]; then
	converse "$2" "$3" "$4"
	exit
fi

read -r previous promised <<<"${PYRITE_PREVIOUS:-$(grep -v '^#' "$PYRITE_SOURCE/tests/promises/previous")}"
folder=$PYRITE_BUILD/promises/$previous
older=$folder/build
newer_bin=$PYRITE_BIN older_bin=$older/bin mixed_bin=$run_dir/mixed

is_in_the_clone() {
	git -C "$PYRITE_SOURCE" rev-parse -q --verify "$previous^{commit}" || {
		echo "$previous is not in this clone: run git fetch --tags --unshallow, or set PYRITE_PREVIOUS to a commit"
		return 1
	}
}

# What was built before is used again, if it was built to its end.
builds() {
	local commit launcher=()

	commit=$(git -C "$PYRITE_SOURCE" rev-parse "$previous^{commit}")
	[ "$(cat "$folder/commit" 2>/dev/null)" != "$commit" ] || return 0
	rm -rf "$folder" && mkdir -p "$folder/source" &&
		git -C "$PYRITE_SOURCE" archive "$commit" | tar -x -C "$folder/source" || return 1
	! command -v ccache >/dev/null || launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
	cmake -S "$folder/source" -B "$older" -DCMAKE_BUILD_TYPE=RelWithDebInfo "${launcher[@]}" >"$folder/log" 2>&1 &&
		cmake --build "$older" -j2 --target pyrite "${programs[@]}" >>"$folder/log" 2>&1 || {
		tail -n 30 "$folder/log"
		return 1
	}
	echo "$commit" >"$folder/commit"
}

# agrees <name server> <servers> <clients> <file>: the clients say what they say if all programs are of their version.
agrees() {
	"$0" converse "$1" "$2" "$3" >"$run_dir/heard" || {
		cat "$run_dir/heard"
		return 1
	}
	diff <(facts <"$run_dir/${4:?}") <(facts <"$run_dir/heard")
}

# expected <bin> <file>
expected() {
	"$0" converse "$1" "$1" "$1" >"$run_dir/$2" && grep -qx 'bob: hello, Ann' "$run_dir/$2" && ! grep '^exit code [^2]' "$run_dir/$2"
}

# Programs of the previous release, which load the library of this version.
mixes() {
	local program

	mkdir "$mixed_bin"
	for program in "${programs[@]}"; do
		printf '#!/bin/sh\nexec env LD_LIBRARY_PATH=%q %q "$@"\n' "$PYRITE_BUILD/lib" "$older_bin/$program" >"$mixed_bin/$program"
		chmod +x "$mixed_bin/$program"
		LD_LIBRARY_PATH=$PYRITE_BUILD/lib ldd "$older_bin/$program" | grep -F "=> $PYRITE_BUILD/lib/libpyrite.so" || {
			echo "$program does not load $PYRITE_BUILD/lib/libpyrite.so"
			return 1
		}
	done
}

# compiles <generator>: the samples' sources of the previous release, with headers of this version and code that
# this generator makes of their IDL.
compiles() {
	local generator=$1 sample out=$run_dir/generated

	for sample in "$folder"/source/samples/{01-add,04-batch,05-streams,06-errors,09-chat,15-circular}; do
		rm -rf "$out" && mkdir "$out" && "$generator" --c "$out" "$sample"/*.idl || return 1
		(cd "$out" && "$PYRITE_CC" -std=gnu11 -Wall -Werror -Wno-unused-parameter "-I$PYRITE_SOURCE/runtime/include" -I"$out" \
			-c "$sample"/*.c ./*.c) || return 1
	done
}

check "the previous release is in the clone" is_in_the_clone
[ "$tests_failed" -eq 0 ] || tests_end
check "the previous release builds" builds
[ "$tests_failed" -eq 0 ] || tests_end
check "its programs understand each other" expected "$older_bin" older
check "programs of this version understand each other" expected "$newer_bin" newer
check "an older client talks to newer servers" agrees "$newer_bin" "$newer_bin" "$older_bin" older
check "a newer client talks to older servers" agrees "$older_bin" "$older_bin" "$newer_bin" newer
check "older programs use a newer name server" agrees "$newer_bin" "$older_bin" "$older_bin" older
check "newer programs use an older name server" agrees "$older_bin" "$newer_bin" "$newer_bin" newer
check "an older name server brings an older client to a newer server" agrees "$older_bin" "$newer_bin" "$older_bin" older
check "a newer name server brings a newer client to an older server" agrees "$newer_bin" "$older_bin" "$newer_bin" newer
check "older sources compile with newer headers" compiles "$newer_bin/pyrite-idl"
check "so they do with older generated code" compiles "$older_bin/pyrite-idl"
# Of what was no release yet, the wire is promised and the ABI is not.
if [ "$promised" != wire ]; then
	"$PYRITE_SOURCE/scripts/abi" dump "$older/lib/libpyrite.so" >"$run_dir/older.abi"
	check "the newer library has the ABI of the older" "$PYRITE_SOURCE/scripts/abi" broken "$run_dir/older.abi" \
		"$PYRITE_BUILD/lib/libpyrite.so"
	check "older programs load the newer library" mixes
	check "they understand each other with it" agrees "$mixed_bin" "$mixed_bin" "$mixed_bin" older
	check "and newer servers" agrees "$newer_bin" "$newer_bin" "$mixed_bin" older
	check "and newer clients" agrees "$mixed_bin" "$mixed_bin" "$newer_bin" newer
fi
tests_end
