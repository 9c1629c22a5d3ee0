#!/bin/bash
# SPDX-License-Identifier: MIT
# pyrite doctor, config, bench, watch and complete: what they print, their exit codes, and bash's completion for real.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/samples/samples.bash
. "$PYRITE_SOURCE/tests/samples/samples.bash"
pyrite=$PYRITE_BIN/pyrite
PATH=$PYRITE_BIN:$PATH

# told <python expression of v> <command> [argument...]: a value of what a command prints as JSON.
told() {
	"${@:2}" >"$run_dir/json"
	/usr/bin/python3 -c '
import json, sys
v = json.load(open(sys.argv[1]))
sys.exit(0 if eval(sys.argv[2]) else "not so: %s" % v)' "$run_dir/json" "$1"
}

# says <code> <text> <command> [argument...]: ends with this code, and prints the text among others.
says() {
	exits "$1" "${@:3}" >"$run_dir/printed" || return 1
	grep -qF -- "$2" "$run_dir/printed" || { echo "no '$2' in:"; cat "$run_dir/printed"; return 1; }
}

wrong_step() {
	told "v['ok'] is False and [s['step'] for s in v['steps'] if s['verdict' if 'verdict' in s else 'step'] == 'wrong'] == ['$1']" \
		"$pyrite" doctor --json "${@:2}"
}

every_step() {
	told "v['ok'] and [s['step'] for s in v['steps'] if s['verdict'] == 'ok'] == ['URI', 'environment', 'name server', 'name', 'address', 'daemon', 'object', 'interface']" \
		"$pyrite" doctor --json example.server
}

# A program with rights that its caller has not. Only root can make one here.
set_user_id() {
	[ "$(id -u)" -eq 0 ] || { echo "not tried without root"; return; }
	chmod 711 "$run_dir"
	install -m 4755 "$pyrite" "$run_dir/set-user-id"
	same "host                127.0.0.1  (default)" \
		env PYRITE_HOST=192.0.2.9 setpriv --reuid 65534 --regid 65534 --clear-groups "$run_dir/set-user-id" config host
}

# has <name> <text>: what is printed there has it, sooner or later.
has() {
	within 10000 grep -qF -- "$2" "$run_dir/$1"
}

as_documented() { # the settings are those of docs/limits.md
	diff <("$pyrite" config --json | /usr/bin/python3 -c '
import json, sys
for s in json.load(sys.stdin)["settings"]:
    print("| %s | %s | `%s` | %s |" % (s["name"], s["default"], s["variable"], s["help"]))') \
		<(sed -n '/^| name | default/,/^$/p' "$PYRITE_SOURCE/docs/limits.md" | tail -n +3 | sed '/^$/d')
}

hides_the_key() {
	! PYRITE_SHARED_KEY=$(printf 'k%.0s' {1..40}) "$pyrite" config | grep kkk
}

watched() {
	"$pyrite" watch --changes 3 --json example.se >"$run_dir/watched" 2>/dev/null &
	local watcher=$! uri=PYRO:x@127.0.0.1:1

	has watched '"example.server"' || return 1
	"$PYRITE_BIN/pyrite-nsc" register example.second "$uri" || return 1
	has watched '"added"' || return 1
	"$PYRITE_BIN/pyrite-nsc" setmeta example.second tag || return 1
	has watched '"changed"' || return 1
	"$PYRITE_BIN/pyrite-nsc" remove example.second || return 1
	wait "$watcher" || return 1
	same "present example.server
added example.second
changed example.second
removed example.second" /usr/bin/python3 -c '
import json, sys
for line in open(sys.argv[1]):
    v = json.loads(line)
    print(v["change"], v["name"])' "$run_dir/watched"
}

watch_ends_by_a_signal() {
	"$pyrite" watch >"$run_dir/ending" 2>/dev/null &
	local watcher=$!

	has ending example.server || return 1
	kill "$watcher"
	wait "$watcher"
}

# bash's own completion of a line.
completed() {
	(
		# shellcheck source=tools/completion/pyrite.bash
		. "$PYRITE_SOURCE/tools/completion/pyrite.bash"
		COMP_LINE=$1 COMP_POINT=${#1}
		read -ra COMP_WORDS <<<"$1"
		[[ $1 != *' ' ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		compopt() { :; } # outside of a completion there is none
		"$(complete -p "${COMP_WORDS[0]}" | grep -oE '_pyrite[a-z_]*')" "${COMP_WORDS[0]}"
		echo "${COMPREPLY[@]}"
	)
}

# bash puts a completion into the line as it is: a stranger's name must be no command there.
completes_no_commands() {
	local name names=('hostile;{touch,x}' 'hostile&x' 'hostile|x' 'hostile>x' 'hostile<(x)' 'hostile!x' 'hostile*' '~root')

	for name in "${names[@]}"; do
		"$PYRITE_BIN/pyrite-nsc" register "$name" PYRO:x@127.0.0.1:1 >/dev/null || return 1
	done
	same "" completed 'pyrite call hostile' && same "" completed 'pyrite call PYRONAME:hostile' &&
		same "" completed 'pyrite-nsc lookup ~' || return 1
	for name in "${names[@]}"; do
		"$PYRITE_BIN/pyrite-nsc" remove "$name" >/dev/null || return 1
	done
}

run_name_server "$PYRITE_BIN" || exit 1
check the_server_starts start add "$PYRITE_BIN/sample-add-server"
check the_shelf_starts start shelf "$PYRITE_BIN/sample-streams-server"
uri=$("$PYRITE_BIN/pyrite-nsc" --json lookup example.server | grep -oE 'PYRO:[^"]*')
"$PYRITE_BIN/pyrite-nsc" register example.dead PYRO:x@127.0.0.1:1 >/dev/null
"$PYRITE_BIN/pyrite-nsc" register example.lost "PYRO:lost@${uri#*@}" >/dev/null
"$PYRITE_BIN/pyrite-nsc" register example.nosocket "PYRO:x@./u:$run_dir/none" >/dev/null
"$PYRITE_BIN/pyrite-nsc" register example.nohost "PYRO:x@no-such-host.invalid:1" >/dev/null

check doctor_takes_every_step every_step
check doctor_is_content says 0 "example.Server" "$pyrite" doctor example.server
check doctor_finds_no_name wrong_step name example.servr
check doctor_tells_a_name_that_is_like_it says 2 "there is a name 'example.server'" "$pyrite" doctor exmaple.servr
check doctor_finds_nobody_listening says 3 "nothing listens there" "$pyrite" doctor example.dead
check doctor_finds_no_socket says 3 "the socket is not there" "$pyrite" doctor example.nosocket
check doctor_finds_no_host says 3 "does not know that name" env RES_OPTIONS="timeout:1 attempts:1" "$pyrite" doctor example.nohost
check doctor_finds_no_object wrong_step object example.lost
check doctor_says_where_the_objects_are says 2 "pyrite list 127.0.0.1" "$pyrite" doctor example.lost
check doctor_finds_no_name_server env PYRITE_NS_PORT=1 bash -c '"$1" doctor x; [ $? -eq 3 ]' - "$pyrite"
check doctor_needs_no_name says 0 "interface" "$pyrite" doctor "$uri"
check doctor_refuses_what_is_no_uri exits 1 "$pyrite" doctor 'PYRO:@'
check doctor_reads_the_certificate env PYRITE_KEYS="$run_dir/keys" bash -c '
	"$1" keys --dir "$2" init && "$1" keys --dir "$2" add --days 3 me && PYRITE_KEYS=$2/me "$1" doctor x | grep "note .*valid for [23] days"' \
	- "$pyrite" "$run_dir/keys"
check doctor_of_nothing_is_wrong_usage exits 1 "$pyrite" doctor

check config_is_as_documented as_documented
check config_tells_what_comes_from_the_environment env PYRITE_MAX_MESSAGE=1M "$pyrite" config max_message
check config_says_so same "max_message         1M  (PYRITE_MAX_MESSAGE)" env PYRITE_MAX_MESSAGE=1M "$pyrite" config max_message
check config_finds_what_makes_no_sense says 2 "is 'many', which is invalid" env PYRITE_THREADS=many "$pyrite" config
check config_does_not_print_a_key hides_the_key
check a_set_user_id_program_ignores_the_environment set_user_id
check config_knows_no_other_setting exits 2 "$pyrite" config colour

check bench_counts_its_calls told "v['calls'] == 500 and v['failed'] == 0 and 0 < v['p50_us'] <= v['p99_us'] <= v['most_us']" \
	"$pyrite" bench --json -n 500 example.server add 1 2
check bench_has_clients_with_calls_in_flight told "v['calls'] == 1000 and v['clients'] == 2 and v['in_flight'] == 3" \
	"$pyrite" bench --json -n 1000 --clients 2 --in-flight 3 example.server add 1 2
check bench_prints_for_people says 0 "calls/s" "$pyrite" bench -n 10 example.server add x=1 y=2
check bench_refuses_an_operation_that_is_not_there complains 2 "no operation 'sub'" "$pyrite" bench example.server sub 1
check bench_refuses_streams complains 1 "has streams" "$pyrite" bench example.shelf get text
check bench_reaches_nobody complains 3 "" "$pyrite" bench PYRO:x@127.0.0.1:1 add 1 2
check bench_has_limits exits 1 "$pyrite" bench --clients 100000 example.server add 1 2

check watch_tells_changes watched
check watch_ends_when_told watch_ends_by_a_signal
check watch_needs_a_name_server env PYRITE_NS_PORT=1 bash -c '"$1" watch; [ $? -eq 3 ]' - "$pyrite"

check bash_completes_commands same "describe doctor" completed 'pyrite d'
check bash_completes_names same example.server completed 'pyrite call example.se'
check bash_completes_names_behind_a_colon same example.server completed 'pyrite describe PYRONAME:example.se'
check bash_completes_no_commands completes_no_commands
check bash_completes_operations same add completed 'pyrite call example.server a'
check bash_completes_operations_behind_options same add completed 'pyrite call --timeout 100 example.server '
check bash_completes_options same "--clients --calls" completed 'pyrite bench --c'
check bash_completes_settings same threads completed 'pyrite config th'
check bash_completes_nsc same "example.dead" completed 'pyrite-nsc lookup example.d'
check bash_completes_options_of_the_others same "--proto" completed 'pyrite-idl --pr'
check bash_completes_nothing_without_a_name_server env PYRITE_NS_PORT=1 "$pyrite" complete pyrite call ex
check bash_completes_nothing_of_a_command_that_is_not_there same "" completed 'pyrite sing '
tests_end
