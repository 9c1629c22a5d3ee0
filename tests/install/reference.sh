#!/bin/bash
# SPDX-License-Identifier: MIT
# Every public name is documented: doxygen finds nothing to complain about.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
cd "$PYRITE_SOURCE" || exit 1

documented() {
	{
		cat docs/Doxyfile
		echo "OUTPUT_DIRECTORY = $run_dir"
	} | doxygen -
}

check everything_public_is_documented documented
tests_end
