#!/bin/bash
# SPDX-License-Identifier: MIT
# samples/06-errors: all three programs print what its README shows, but for the numbers of ports and lines.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"

plain() {
	sed -E 's/127\.0\.0\.1:[0-9]+/<address>/g; s/\.c:[0-9]+/.c:<line>/g'
}

the_client_prints() {
	"$PYRITE_BIN/sample-errors-client" >"$run_dir/client" && diff <(shown 06-errors | plain) <(plain <"$run_dir/client")
}

# has_printed <program> <block>
has_printed() {
	within 10000 diff <(shown 06-errors "$2") "$run_dir/$1"
}

run_name_server "$PYRITE_BIN" || exit 1
check the_bank_starts start bank "$PYRITE_BIN/sample-errors-bank"
check the_shop_starts start shop "$PYRITE_BIN/sample-errors-shop"
check the_client_prints_what_the_readme_shows the_client_prints
check the_shop_heard_of_both_errors has_printed shop 2
check the_bank_knew_the_order has_printed bank 3
tests_end
