#!/bin/bash
# SPDX-License-Identifier: MIT
# A name server with rules: who may register, replace and remove which names. Over a unix socket, where callers are known.
set -u
# shellcheck source=tests/ns/ns.bash
. "$PYRITE_SOURCE/tests/ns/ns.bash"

me=uid:$(id -u)
cat >"$run_dir/rules" <<-END
	allow $me call     pyrite.NameServer.*
	allow $me register bank.*
	allow $me remove   bank.a*
	allow $me metadata bank.a*
END
export PYRITE_NS_HOST=./u:$run_dir/ns
PYRITE_RULES=$run_dir/rules PYRITE_LOG=warning run_start 10 "$PYRITE_BIN/pyrite-ns" --storage memory --unix-socket "$run_dir/ns" \
	|| exit 1

uri=PYRO:x@localhost:1
check a_name_that_the_rules_allow_is_registered nsc register bank.abc "$uri"
check and_another nsc register bank.b "$uri"
check others_are_refused_with_the_reason complains 2 "SecurityError: $me may not register shop.x (no rule allows it)" \
	nsc register shop.x "$uri"
check force_needs_a_right_of_its_own complains 2 "SecurityError: $me may not replace bank.b" \
	nsc --force register bank.b PYRO:y@localhost:1
check tags_need_one complains 2 "SecurityError: $me may not set the metadata of bank.b" nsc setmeta bank.b new
check tags_are_set_by_who_has_it nsc setmeta bank.abc new
check names_are_removed_by_who_may_only complains 2 "SecurityError: $me may not remove bank.b" nsc remove bank.b
check of_many_those_that_may_not_go_stay exits 2 bash -c 'echo y | "$PYRITE_BIN/pyrite-nsc" removematching "bank[.].*"'
check one_is_left same "PYRO:x@localhost:1" nsc lookup bank.b
check the_other_is_gone is_gone bank.abc
check a_rule_that_comes_later_holds_within_a_moment bash -c '
	printf "allow * call *\nallow * remove *\n" >"$1/new" && mv "$1/new" "$1/rules"' _ "$run_dir"
check then_it_may_go within 10 nsc remove bank.b
check a_file_with_a_mistake_is_named complains 2 "line begins with allow, deny or group" \
	"$PYRITE_BIN/pyrite" rules check "$PYRITE_SOURCE/README.md"
tests_end
