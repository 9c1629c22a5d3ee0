#!/bin/bash
# SPDX-License-Identifier: MIT
# Which folder scripts/release-promises means, in a repository with nothing but versions.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
root=$run_dir/root

# version VERSION: that of CMakeLists.txt from now on.
version() {
	echo "project(pyrite VERSION $1 LANGUAGES C)" >"$root/CMakeLists.txt"
}

folder() {
	"$root/scripts/release-promises" folder
}

mkdir -p "$root/scripts" "$root/tests/promises/0.2.0" && cp "$PYRITE_SOURCE/scripts/release-promises" "$root/scripts/"
git -C "$root" init -q
git -C "$root" -c user.name=x -c user.email=x@localhost commit -q --allow-empty -m x
version 0.1.0
check a_folder_that_is_ahead_is_the_one_in_preparation same "$root/tests/promises/0.2.0" folder
version 0.2.0
check so_is_that_of_the_version same "$root/tests/promises/0.2.0" folder
git -C "$root" tag v0.2.0
check it_stays_as_it_is_once_there_is_a_tag complains 1 "0.2.0 is released: set the next version" folder
check nor_can_it_be_frozen_again complains 1 "0.2.0 is released" "$root/scripts/release-promises"
version 0.10.0
check the_next_has_none_yet complains 1 "0.10.0 is not frozen yet: run scripts/release-promises" folder
mkdir "$root/tests/promises/0.10.0"
check versions_are_compared_as_numbers same "$root/tests/promises/0.10.0" folder
check it_tells_how_it_is_used complains 2 "release-promises folder" "$root/scripts/release-promises" strange
: >"$root/CMakeLists.txt"
rm -r "$root/tests/promises/0.10.0" "$root/tests/promises/0.2.0"
check without_a_version_it_says_so complains 1 "has no version" folder
tests_end
