#!/bin/bash
# SPDX-License-Identifier: MIT
# How programs find a name server that nobody names: by the environment, files, DNS and UDP, and what pyrite doctor says
# of each step.
set -u
# shellcheck source=tests/ns/ns.bash
. "$PYRITE_SOURCE/tests/ns/ns.bash"
unset PYRITE_NS_HOST PYRITE_NS_PORT PYRITE_NS_DOMAIN PYRITE_NS_DNS PYRITE_NS_BROADCAST
export XDG_CONFIG_HOME=$run_dir/config
file=$XDG_CONFIG_HOME/pyrite/ns
mkdir -p "$run_dir/config/pyrite"

# is_found <address> [VARIABLE=value...]: pyrite-nsc reaches that one.
is_found() {
	env "${@:2}" "$PYRITE_BIN/pyrite-nsc" -v ping >"$run_dir/found" 2>&1 || { cat "$run_dir/found"; return 1; }
	grep -qF "Name server found: $1" "$run_dir/found" || { cat "$run_dir/found"; return 1; }
}

# step <code> <verdict> <step> <text> [VARIABLE=value...]: pyrite doctor ends with this code, or '-' any, and tells this.
step() {
	local code=$1

	[ "$code" != - ] || { env "${@:5}" "$PYRITE_BIN/pyrite" doctor Pyrite.NameServer >/dev/null; code=$?; }
	exits "$code" env "${@:5}" "$PYRITE_BIN/pyrite" doctor Pyrite.NameServer >"$run_dir/told" || { cat "$run_dir/told"; return 1; }
	grep -E "^$2 +$3 " "$run_dir/told" | grep -qF -- "$4" || { cat "$run_dir/told"; return 1; }
}

# A port for UDP that nobody has: the name server says so if somebody has taken it meanwhile.
udp=$(/usr/bin/python3 -c 'import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
run_start 10 "$PYRITE_BIN/pyrite-ns" --port 0 --storage memory --discovery "$udp" || exit 1
at=${run_line##* }
port=${at##*:}

check the_environment_has_an_address is_found "$at" "PYRITE_NS_HOST=$at"
check or_a_port_alone is_found "$at" "PYRITE_NS_PORT=$port"
check the_doctor_says_so step 0 ok environment "PYRITE_NS_HOST: $at: taken" "PYRITE_NS_HOST=$at"
check and_what_it_has_not_asked step 0 skip DNS "not asked, as an earlier source has addresses" "PYRITE_NS_HOST=$at" \
	PYRITE_NS_DOMAIN=example.test
check of_several_it_says_which_do_not_answer step 0 note "name server" "at 127.0.0.1:1: CommunicationError" "PYRITE_NS_HOST=$at,127.0.0.1:1"
check a_bad_list_is_told step 2 wrong environment "address 'h:x': the port is not a number" PYRITE_NS_HOST=h:x

printf '# ours\n%s  # here\n' "$at" >"$file"
check the_users_file_has_an_address is_found "$at"
check the_doctor_names_the_file step 0 ok file "$file: $at: taken"
check the_environment_comes_before_it step 0 skip file "$file: $at: not taken, as an earlier source has addresses" "PYRITE_NS_HOST=$at"
chmod g+w "$file"
check a_file_that_others_may_write_is_refused complains 2 "$file is not used: users other than its owner can write it" nsc ping
check and_the_doctor_says_what_to_do step 2 wrong file "chmod go-w"
check and_that_nothing_after_it_counts step 2 skip default "not taken, as the search has ended"
chmod g-w "$file"
printf '%s\nbad name\n' "$at,other:0" >"$file"
check a_bad_line_is_told_with_its_number complains 1 "$file:1: address 'other:0'" nsc ping
rm "$file"

run_start 10 "$PYRITE_SOURCE/tests/ns/dns.py" example.test "localhost:$port" second.test:9090 || exit 1
dns=(PYRITE_NS_DNS="$run_line")
check dns_has_an_address is_found "localhost:$port" "${dns[@]}" PYRITE_NS_DOMAIN=example.test
check the_doctor_lists_them step 0 ok DNS "_pyrite._tcp.example.test: localhost:$port,second.test:9090: taken" "${dns[@]}" \
	PYRITE_NS_DOMAIN=example.test
run_start 10 "$PYRITE_SOURCE/tests/ns/dns.py" example.test localhost:1 "localhost:$port" || exit 1
check the_next_of_the_list_is_used_if_the_first_is_dead is_found "localhost:1,localhost:$port" "PYRITE_NS_DNS=$run_line" PYRITE_NS_DOMAIN=example.test
check another_domain_has_none step 3 skip DNS "_pyrite._tcp.other.test: no SRV records" "${dns[@]}" PYRITE_NS_DOMAIN=other.test \
	PYRITE_NS_BROADCAST=127.0.0.1:1 RES_OPTIONS=attempts:1
check dns_that_does_not_answer_ends_the_search complains 3 "_pyrite._tcp.example.test: DNS does not answer" \
	env PYRITE_NS_DNS=127.0.0.1:1 PYRITE_NS_DOMAIN=example.test "$PYRITE_BIN/pyrite-nsc" ping

check who_is_asked_by_udp_answers is_found "$at" "PYRITE_NS_BROADCAST=127.0.0.1:$udp"
check the_doctor_tells_who step 0 ok UDP "UDP to 127.0.0.1:$udp: $at answered: taken" "PYRITE_NS_BROADCAST=127.0.0.1:$udp"
check without_settings_nobody_is_asked step - skip UDP "PYRITE_NS_BROADCAST is not set"
check and_this_host_is_the_default step - ok default "127.0.0.1:9090: taken"
tests_end
