#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs to a temporary prefix, moves it, and builds and runs projects against it as users would.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
prefix=$run_dir/prefix
consumer=$PYRITE_SOURCE/tests/install/consumer
sample=$PYRITE_SOURCE/samples/01-add

install_and_move() {
	cmake --install "$PYRITE_BUILD" --prefix "$run_dir/first" || return 1
	mv "$run_dir/first" "$prefix"
}

holds() {
	local file

	for file in bin/pyrite-idl bin/pyrite-ns bin/pyrite-nsc include/pyrite/pyrite.h include/pyrite/gen.h \
		bin/pyrite-echoserver bin/pyrite share/pyrite/idl/naming.idl share/pyrite/idl/echo.idl \
		share/pyrite/idl/health.idl share/man/man1/pyrite-call.1 share/bash-completion/completions/pyrite-nsc; do
		[ -f "$prefix/$file" ] || { echo "no $file"; return 1; }
	done
	# Nothing of the build tree or of the first prefix may be left in the text files, but in the systemd unit: those need
	# absolute paths, so it has the prefix that it was installed to.
	grep -x "ExecStart=$run_dir/first/bin/pyrite-ns \$OPTIONS" "$prefix/lib/systemd/system/pyrite-ns.service" &&
		! grep -rIlE "$PYRITE_SOURCE|$PYRITE_BUILD|$run_dir/first" "$prefix" --exclude=pyrite-ns.service &&
		! grep -E "$PYRITE_SOURCE|$PYRITE_BUILD" "$prefix/lib/systemd/system/pyrite-ns.service"
}

build_with_cmake() {
	cmake -S "$1" -B "$2" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_FLAGS="-Wall -Wextra -Wno-unused-parameter -Werror" &&
		cmake --build "$2"
}

build_with_make() {
	cp -r "$consumer" "$run_dir/plain" && make -C "$run_dir/plain" "CC=$PYRITE_CC"
}

# serves <folder> <client's output>: starts its server, runs its client against it.
serves() {
	run_start 10 "$1/server" && same "$2" "$1/client" "$run_line"
}

sample_answers() {
	run_name_server "$prefix/bin" && run_start 10 "$run_dir/sample/sample-add-server" || return 1
	[ "$run_line" = Ready ] && same 3 "$run_dir/sample/sample-add-client"
}

# The same program with the library in it: as pkg-config says, but for the kind.
build_static() {
	local libs

	libs=$(pkg-config --static --libs pyrite | sed 's/-lpyrite /-l:libpyrite.a /') || return 1
	if nm -u "$prefix/lib/libpyrite.a" 2>/dev/null | grep -q __gcov_init; then
		libs="$libs -lgcov" # of a build that counts what runs, the compiler links this by itself
	fi
	mkdir "$run_dir/static" && "$prefix/bin/pyrite-idl" --c "$run_dir/static" "$consumer/calc.idl" || return 1
	# shellcheck disable=SC2046,SC2086
	for part in server client; do
		"$PYRITE_CC" $(pkg-config --cflags pyrite) -I "$run_dir/static" -o "$run_dir/static/$part" \
			"$consumer/$part.c" "$run_dir/static/calc.c" $libs || return 1
		! readelf -d "$run_dir/static/$part" | grep 'libpyrite\.so' || return 1
	done
}

static_hides() {
	local archive

	archive=$(find "$prefix" -name libpyrite.a)
	[ -n "$archive" ] && ! nm -g --defined-only "$archive" | grep -E '^[0-9a-f]+ ' | grep -vE ' (pyr|pyrite)_'
}

# without_c: a project whose languages lack C is told, instead of building nothing.
without_c_refused() {
	mkdir "$run_dir/without" || return 1
	sed 's/LANGUAGES C)/LANGUAGES CXX)/' "$consumer/CMakeLists.txt" >"$run_dir/without/CMakeLists.txt" || return 1
	cp "$consumer"/*.c "$consumer/calc.idl" "$run_dir/without" || return 1
	! cmake -S "$run_dir/without" -B "$run_dir/without/build" -DCMAKE_PREFIX_PATH="$prefix" >"$run_dir/configured" 2>&1 &&
		grep -F "enable_language(C)" "$run_dir/configured"
}

version_refused() {
	sed 's/pyrite 0.2/pyrite 0.3/' "$consumer/CMakeLists.txt" >"$run_dir/refused/CMakeLists.txt" || return 1
	! cmake -S "$run_dir/refused" -B "$run_dir/refused/build" -DCMAKE_PREFIX_PATH="$prefix"
}

mkdir "$run_dir/refused"
expected='42 ababab
101 times is too often'

check cmake_install_fills_a_prefix_that_may_be_moved install_and_move
check the_prefix_holds_tools_headers_and_idl_and_no_path_of_the_build holds
check a_consumer_builds_with_find_package build_with_cmake "$consumer" "$run_dir/cmake"
check a_newer_version_is_not_promised version_refused
check a_project_without_the_language_c_is_refused without_c_refused
check the_consumer_built_with_cmake_answers serves "$run_dir/cmake" "$expected"

PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name pyrite.pc)")
LD_LIBRARY_PATH=$(dirname "$PKG_CONFIG_PATH")
export PKG_CONFIG_PATH LD_LIBRARY_PATH
check a_consumer_builds_with_pkg_config_and_make build_with_make
check the_consumer_built_with_make_answers serves "$run_dir/plain" "$expected"
unset LD_LIBRARY_PATH
check a_program_links_the_static_library_as_pkg_config_says build_static
check the_static_program_answers serves "$run_dir/static" "$expected"
check the_static_library_shows_public_symbols_alone static_hides

check sample_add_builds_alone build_with_cmake "$sample" "$run_dir/sample"
check sample_add_answers_with_the_installed_name_server sample_answers
tests_end
