#!/bin/bash
# SPDX-License-Identifier: MIT
# samples/05-streams: what its README says it prints.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"

prints() {
	same "$(shown 05-streams)" "$PYRITE_BIN/sample-streams-client"
}

run_name_server "$PYRITE_BIN" || exit 1
run_start 10 "$PYRITE_BIN/sample-streams-server" || exit 1
check the_client_prints_what_its_readme_says prints
check and_once_more prints
tests_end
