#!/bin/bash
# SPDX-License-Identifier: MIT
# Names belong to the first certificate that registers them: over restarts, and whatever another one tries.
set -u
# shellcheck source=tests/ns/ns.bash
. "$PYRITE_SOURCE/tests/ns/ns.bash"

keys=$run_dir/keys
"$PYRITE_BIN/pyrite" keys --quiet --dir "$keys" init || exit 1
for name in ns bank thief op; do
	"$PYRITE_BIN/pyrite" keys --quiet --dir "$keys" add "$name" || exit 1
done
keep_port || exit 1
export PYRITE_NS_HOST=127.0.0.1 PYRITE_NS_PORT=$kept_port

# as <certificate> <command> [argument...]
as() {
	local who=$1

	shift
	PYRITE_KEYS=$keys/$who "$@"
}

# by <certificate> [argument...]: pyrite-nsc as that one.
by() {
	as "$1" "$PYRITE_BIN/pyrite-nsc" "${@:2}"
}

# refute_in <text> <file>
refute_in() {
	! grep -qF -- "$1" "$2"
}

# names_of <certificate> <prefix>
names_of() {
	by "$1" --json list "$2" | grep -o '"name": "[^"]*"'
	return 0
}

# kept_by <certificate> [argument...]: the same as by, and 2 is its exit code.
kept_by() {
	exits 2 by "$@" 2>/dev/null
}

audit=$run_dir/audit
start_ns() {
	run_start 10 env PYRITE_KEYS="$keys/ns" "$PYRITE_BIN/pyrite-ns" --port "$kept_port" --storage "sqlite:$run_dir/ns.db" \
		--audit "$audit" || exit 1
	ns_pid=$run_pid
}

# audited <member=value...>: the audit log has a line with these.
audited() {
	local line word

	while IFS= read -r line; do
		for word; do
			[[ $line == *"\"${word%%=*}\":\"${word#*=}\""* ]] || continue 2
		done
		return 0
	done <"$audit"
	cat "$audit"
	return 1
}

# is_json <file>: each of its lines is.
is_json() {
	/usr/bin/python3 -c 'import json, sys; [json.loads(line)["time"] for line in open(sys.argv[1])]' "$1"
}

uri=PYRO:x@localhost:1
denied="belongs to another certificate"
start_ns
check a_name_is_registered by bank register bank "$uri"
check another_certificate_is_told_the_kind_of_its_owner complains 2 "NamingError: name bank belongs to another certificate" \
	by thief register bank "$uri"
check the_owners_name_is_not_told refute_in cert:bank "$run_dir/err"
check nor_does_force_help complains 2 "$denied" by thief --force register bank PYRO:y@localhost:1
check it_is_not_removed_by_another complains 2 "$denied" by thief --force remove bank
check nor_are_its_tags_set complains 2 "$denied" by thief --force setmeta bank stolen
check of_many_others_names_stay same "0 items removed." kept_by thief --force removematching bank
check the_owner_sees_that_it_is_his same "{\"name\": \"bank\", \"uri\": \"$uri\", \"metadata\": [], \"owner\": \"cert:bank\"}" \
	by bank --json lookup bank
check others_do_not same "{\"name\": \"bank\", \"uri\": \"$uri\", \"metadata\": []}" by thief --json lookup bank
check nor_in_a_list same "{\"names\": [{\"name\": \"bank\", \"uri\": \"$uri\", \"metadata\": []}]}" by thief --json list bank

# Two at once: one has it, and it is his.
race() {
	local i pids=() winner

	for i in 1 2 3; do
		by bank register "race.$i" PYRO:bank@localhost:1 >/dev/null 2>&1 &
		pids+=($!)
		by thief register "race.$i" PYRO:thief@localhost:1 >/dev/null 2>&1 &
		pids+=($!)
	done
	wait "${pids[@]}"
	for i in 1 2 3; do
		winner=$(by bank lookup "race.$i") && winner=${winner#PYRO:} && winner=${winner%@*} || return 1
		by "$winner" --json lookup "race.$i" | grep -q "\"owner\": \"cert:$winner\"" || return 1
	done
}
check of_two_at_once_one_has_the_name_and_owns_it race

# A program that is gone, killed or stopped, finds its name again.
run_start 10 env PYRITE_KEYS="$keys/bank" "$PYRITE_BIN/test-owner" --stuck leased || exit 1
crash "$run_pid"
check a_name_whose_program_was_killed_is_not_taken complains 2 "$denied" by thief register leased "$uri"
run_start 10 env PYRITE_KEYS="$keys/bank" "$PYRITE_BIN/test-owner" leased || exit 1
check the_program_starts_again by bank lookup leased
check it_stops run_stop "$run_pid"
check its_name_is_not_there same "" names_of bank leased
check but_is_kept_for_it complains 2 "$denied" by thief register leased "$uri"
crash "$ns_pid"
start_ns
check it_is_kept_over_a_restart complains 2 "$denied" by thief register leased "$uri"
check and_so_are_names_that_are_there complains 2 "$denied" by thief register bank PYRO:y@localhost:1
check its_owner_gives_it_up by bank remove leased
check then_anybody_has_it by thief register leased "$uri"
check a_private_key_is_in_no_core_dump grep -q "^Max core file size  *0  *0 " "/proc/$ns_pid/limits"
check who_shows_no_certificate_is_not_let_in exits 3 nsc ping
check and_owns_it complains 2 "$denied" by bank --force remove leased
check it_ends_well run_stop "$ns_pid"
check the_audit_log_has_who_registered_what audited who=cert:bank action=register target=bank decision=done
check and_who_was_refused_it audited who=cert:thief action=replace target=bank decision=refused \
	"why=NamingError: name bank belongs to another certificate"
check and_who_removed_it audited who=cert:bank action=remove target=leased decision=done
check and_of_many_each audited who=cert:thief action=remove target=bank decision=refused
check and_whom_it_did_not_let_in audited action=connect decision=refused "why=it does not speak TLS"
check each_line_is_json is_json "$audit"
check it_is_for_its_owner_alone same 600 stat -c %a "$audit"

# With rules: an operator overrides, others share.
cat >"$run_dir/rules" <<-END
	allow *        call     pyrite.NameServer.*
	allow *        register *
	allow *        remove   *
	allow *        replace  *
	allow cert:op  override *
	allow cert:ba* share    web
END
export PYRITE_RULES=$run_dir/rules
start_ns
check force_needs_a_rule_where_there_are_rules complains 2 "SecurityError: cert:thief may not override the owner of bank (no rule allows it)" \
	by thief --force remove bank
check an_operator_is_told_the_owner complains 2 "NamingError: name bank belongs to cert:bank" by op register bank PYRO:y@localhost:1
check and_overrides_on_purpose by op --force register bank PYRO:y@localhost:1
check then_it_is_his complains 2 "$denied" by bank register bank "$uri"
mv "$audit" "$audit.1"
echo "allow cert:nobody inspect" >>"$run_dir/rules"
check an_audit_log_that_was_moved_is_begun_anew within 10 audited action=reload "target=$run_dir/rules" decision=done
check a_shared_name_has_an_owner by thief --shared register web "$uri"
check who_may_share_it_does by bank --shared register web PYRO:y@localhost:1
check others_do_not_share_it complains 2 "NamingError: name web belongs to" by op --shared register web PYRO:z@localhost:1
check nor_does_a_sharer_have_it_alone complains 2 "NamingError: name web belongs to another certificate" by bank register web "$uri"
check it_ends_well_with_rules run_stop "$ns_pid"
audit=$audit.1
check the_audit_log_has_the_rule_that_refused audited who=cert:thief action=override target=bank decision=refused \
	"rule=$run_dir/rules" "why=no rule allows it"
check and_who_overrode audited who=cert:op action=replace target=bank decision=done

# The same with shared keys that have names.
unset PYRITE_RULES
for name in ann bob; do
	echo "$name:$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')"
done >"$run_dir/both"
chmod 600 "$run_dir/both"
install -m 600 <(grep ann "$run_dir/both") "$run_dir/ann"
install -m 600 <(grep bob "$run_dir/both") "$run_dir/bob"
echo "eve:$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')" >"$run_dir/eve"
chmod 600 "$run_dir/eve"
audit=$run_dir/audit.keys
run_start 10 env PYRITE_SHARED_KEY_FILE="$run_dir/both" "$PYRITE_BIN/pyrite-ns" --port "$kept_port" --storage memory --audit "$audit" || exit 1
check a_name_is_registered_by_a_key env PYRITE_SHARED_KEY_FILE="$run_dir/ann" "$PYRITE_BIN/pyrite-nsc" register x "$uri"
check and_not_by_another complains 2 "NamingError: name x belongs to another key" \
	env PYRITE_SHARED_KEY_FILE="$run_dir/bob" "$PYRITE_BIN/pyrite-nsc" --force remove x
check nor_by_one_that_is_not_known exits 3 env PYRITE_SHARED_KEY_FILE="$run_dir/eve" "$PYRITE_BIN/pyrite-nsc" remove x
check that_name_server_ends_well_as_well run_stop "$run_pid"
check the_audit_log_has_the_keys_names audited who=key:bob action=remove target=x decision=refused
check and_who_proved_none audited action=connect decision=refused "why=this end does not have its shared key"
check but_no_key refute_in "$(cut -d: -f2 "$run_dir/ann")" "$audit"

# On a unix socket everybody is somebody: as before, names are nobody's, unless there are rules.
unset PYRITE_RULES PYRITE_NS_PORT
export PYRITE_NS_HOST=./u:$run_dir/ns
run_start 10 "$PYRITE_BIN/pyrite-ns" --storage memory --unix-socket "$run_dir/ns" || exit 1
check a_users_name_is_registered nsc register x "$uri"
check it_is_nobodys same "{\"name\": \"x\", \"uri\": \"$uri\", \"metadata\": []}" nsc --json lookup x
check that_name_server_ends_well run_stop "$run_pid"
PYRITE_RULES=$run_dir/rules run_start 10 "$PYRITE_BIN/pyrite-ns" --storage memory --unix-socket "$run_dir/ns" || exit 1
check with_rules_it_is_registered nsc register x "$uri"
check and_is_the_users same "{\"name\": \"x\", \"uri\": \"$uri\", \"metadata\": [], \"owner\": \"uid:$(id -u)\"}" nsc --json lookup x
check that_name_server_ends_well_too run_stop "$run_pid"
tests_end_crashed
