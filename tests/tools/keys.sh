#!/bin/bash
# SPDX-License-Identifier: MIT
# pyrite keys: what it makes, as openssl sees it; what it prints, refuses, and its exit codes.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
umask 0
export PYRITE_KEYS_DIR=$run_dir/keys
dir=$PYRITE_KEYS_DIR

keys() {
	"$PYRITE_BIN/pyrite" keys "$@"
}

# modes: of all that is in the folder.
modes() {
	(cd "$dir" && find . -printf '%m %P\n' | sort -k2)
}

# verify <name> [option...]: as one end of TLS looks at the other's certificate.
verify() {
	openssl verify -x509_strict -crl_check -CAfile "$dir/ca/ca.pem" -CRLfile "$dir/ca/crl.pem" "${@:2}" \
		"$dir/$1/cert.pem"
}

# text <name> <what>...: each is in the certificate.
text() {
	local what

	openssl x509 -in "$dir/$1/cert.pem" -noout -text >"$run_dir/text" || return 1
	for what in "${@:2}"; do
		grep -qF -- "$what" "$run_dir/text" || { echo "no $what in"; cat "$run_dir/text"; return 1; }
	done
}

# pair <name>: the key is that of the certificate.
pair() {
	same "$(openssl x509 -in "$dir/$1/cert.pem" -noout -pubkey)" openssl pkey -in "$dir/$1/key.pem" -pubout
}

# dated <text> <command> [argument...]: prints exactly this, where each date is DATE.
dated() {
	local text=$1

	shift
	"$@" >"$run_dir/dated" && same "$text" sed -E 's/[0-9]{4}-[0-9]{2}-[0-9]{2}/DATE/' "$run_dir/dated"
}

# ends_in <name> <days>: and is listed so.
ends_in() {
	local end

	end=$(date -u -d "$(openssl x509 -in "$dir/$1/cert.pem" -noout -enddate | cut -d= -f2)" +%FT%TZ) || return 1
	lists "(n['$1']['not_after'], n['$1']['days_left']) == ('$end', $2)" && keys list | grep "^$1 .*${end%T*} .* $2  "
}

# lists <python expression>...: true of the list, whose names are in the dict n.
lists() {
	keys list --json >"$run_dir/list" && /usr/bin/python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
n = {x["name"]: x for x in d["names"]}
print(d)
assert all([eval(x) for x in sys.argv[2:]])' "$run_dir/list" "$@"
}

# ---- two commands ----

check without_a_folder_there_is_nothing_to_list complains 2 "$dir: no such folder: 'pyrite keys init'" keys list
check init_says_where_and_until_when dated "$dir/ca: a CA until DATE; keep a backup of this folder" keys init
check a_second_init_is_refused complains 2 "$dir/ca: there is a CA already" keys init
check add_says_where_and_until_when dated "$dir/server: a server's key and certificate until DATE" keys add server
check a_client_needs_no_host dated "$dir/client: a client's key and certificate until DATE" \
	keys client client --days 30 --uri spiffe://example.org/client
check a_server_has_the_hosts_it_is_given same "" keys server --quiet wide --host a.example.org --host '*.example.org' \
	--host 10.0.0.1 --host fd00::1 --uri spiffe://example.org/wide
check modes_are_what_they_should_be_whatever_the_umask same "$(printf '%s\n' '700 ' '600 .lock' '700 ca' '600 ca/ca-key.pem' \
	'644 ca/ca.pem' '644 ca/crl.pem' '600 ca/index' '700 client' '644 client/ca.pem' '644 client/cert.pem' \
	'644 client/crl.pem' '600 client/key.pem' '700 server' '644 server/ca.pem' '644 server/cert.pem' '644 server/crl.pem' \
	'600 server/key.pem' '700 wide' '644 wide/ca.pem' '644 wide/cert.pem' '644 wide/crl.pem' '600 wide/key.pem')" modes
check a_server_is_right_for_strict_eyes verify server -purpose sslserver -verify_hostname localhost
check a_server_makes_calls_as_well verify server -purpose sslclient -verify_ip ::1
check a_client_is_right_for_strict_eyes verify client -purpose sslclient
client_is_no_server() {
	! verify client -purpose sslserver
}
check a_client_is_no_server client_is_no_server
check all_hosts_are_in_the_certificate text wide 'DNS:a.example.org, DNS:*.example.org, IP Address:10.0.0.1' \
	'IP Address:FD00:0:0:0:0:0:0:1' URI:spiffe://example.org/wide 'Subject: CN = wide' CA:FALSE 'id-ecPublicKey' \
	'X509v3 Authority Key Identifier' 'X509v3 Subject Key Identifier' \
	'TLS Web Server Authentication, TLS Web Client Authentication'
check a_wrong_host_is_refused complains 2 "hostname mismatch" verify wide -verify_hostname b.example.com
check key_and_certificate_belong_together pair wide
check the_list_is_for_people dated "NAME    KIND    UNTIL         DAYS  STATE
ca      ca      DATE    3650  valid
server  server  DATE     365  valid
client  client  DATE      30  valid
wide    server  DATE     365  valid" keys list
check a_certificate_ends_when_it_says ends_in client 30
check the_list_is_for_programs lists 'list(n) == ["server", "client", "wide"] and d["ca"]["days_left"] == 3650' \
	'n["client"]["kind"] == "client" and n["client"]["revoked"] is None and n["client"]["state"] == "valid"'

# ---- names ----

check the_name_ca_is_taken complains 1 "'ca': the CA's own folder has this name" keys add ca
check a_name_is_no_path complains 1 "'../x': a name does not begin with '.'" keys add ../x
check a_name_is_ascii complains 1 "'größe': a name has printable ASCII characters only" keys add größe
check for_clients_too complains 1 "'größe': a name has printable ASCII characters only" keys client größe
check and_no_folder_is_made test ! -e "$dir/größe"
odd='size "1" \'
long=$(printf '%0200d' 0)
check other_names_are_right keys add "$odd" --days 13
check and_stay_so_in_json lists 'n["size \"1\" \\"]["state"] == "ending"'
check long_names_are_right keys add "$long"
check and_verified verify "$long"
echo "# and others" >>"$dir/wide/ca.pem"
check a_name_that_is_there_is_refused complains 2 "$dir/server: this exists: 'pyrite keys renew'" keys add server
check a_host_is_one_host complains 1 "'a,DNS:b': a host is" keys add x --host a,DNS:b
check a_uri_has_a_scheme complains 1 "'example.org': a URI is" keys add x --uri example.org

# ---- again, and no more ----

before=$(cat "$dir/wide/cert.pem" "$dir/wide/key.pem")
check renew_says_until_when dated "$dir/wide: a server's key and certificate until DATE" keys renew wide --days 90
changed() {
	! cmp <(echo "$before") <(cat "$dir/wide/cert.pem" "$dir/wide/key.pem") &&
		[ "$(head -n 1 <<<"$before")" = "$(head -n 1 "$dir/wide/cert.pem")" ]
}
check a_renewed_pair_is_another changed
check and_belongs_together pair wide
check and_has_the_same_names text wide 'DNS:a.example.org, DNS:*.example.org, IP Address:10.0.0.1' \
	URI:spiffe://example.org/wide
check and_trusts_whom_it_trusted grep '# and others' "$dir/wide/ca.pem"
check the_list_has_it_once_as_it_is_now lists 'len(d["names"]) == 5 and n["wide"]["days_left"] == 90'
check revoke_says_so same "$dir/ca/crl.pem: 'wide' is revoked; copy it to programs on other machines" keys revoke wide
check what_is_revoked_is_refused complains 2 "certificate revoked" verify wide
check so_is_what_was_renewed_before lists 'n["wide"]["state"] == "revoked"'
both_revoked() {
	same 2 grep -c $'\twide\t.*Z$' "$dir/ca/index" && openssl crl -in "$dir/client/crl.pem" -noout -text >"$run_dir/crl" &&
		same 2 grep -c 'Serial Number' "$run_dir/crl" && grep -A1 'CRL Number' "$run_dir/crl" | grep -qw 3
}
check all_certificates_of_the_name_are_in_the_list both_revoked
check others_are_not verify server
all_have_it() {
	local crl

	for crl in "$dir"/*/crl.pem; do
		cmp "$crl" "$dir/ca/crl.pem" || return 1
	done
}
check every_folder_has_the_list all_have_it
check what_is_revoked_may_be_revoked_again keys revoke wide
check and_is_not_renewed complains 2 "$dir/wide: it is revoked" keys renew wide
mv "$dir/wide" "$run_dir/wide"
check but_added_anew keys add wide
check and_is_then_right verify wide
check an_unknown_name_is_not_renewed complains 2 "$dir/nobody: no such folder" keys renew nobody
check nor_revoked complains 2 "$dir/nobody: no certificate was ever issued" keys revoke nobody
other_folder() {
	rm -rf "$dir/nobody" && cp -r "$dir/$1" "$dir/nobody"
}
other_folder server
check nor_with_anothers_certificate complains 2 "the certificate in it was issued to 'server'" keys renew nobody
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=nobody \
	-out "$dir/nobody/cert.pem" 2>/dev/null
check nor_with_one_of_another_ca complains 2 "$dir/nobody/cert.pem: this is not a certificate of the CA" keys renew nobody
rm -rf "$dir/nobody"

# ---- usage ----

check no_command_is_wrong_usage complains 1 "no command given" "$PYRITE_BIN/pyrite"
check an_unknown_command_is_wrong_usage complains 1 "unknown command 'bogus'" "$PYRITE_BIN/pyrite" bogus
check keys_need_a_command complains 1 "pyrite keys: no command given" keys
check which_there_is complains 1 "pyrite keys: unknown command 'bogus'" keys bogus
check add_needs_a_name complains 1 "add requires one argument: name" keys add
check list_needs_none complains 1 "list requires no arguments" keys list x
check options_of_other_commands_are_wrong_usage complains 1 "--host is not for client" keys client x --host h
check days_are_a_number complains 1 "'-1' is not a number of days from 1 to 36500" keys add x --days=-1
check a_type_of_key_is_one_of_two complains 1 "'rsa' is not a type of key" keys init --type rsa
check help_is_no_error exits 0 keys --help
check a_full_disk_under_the_list_is_told complains 2 "No space left on device" eval 'keys list >/dev/full'

# ---- what others may do, and what is damaged ----

damaged() {
	local what=$1 file=$2 text=$3

	cp -p "$dir/$file" "$run_dir/kept" && eval "$what" && complains 2 "$dir/$text" keys add x
	local code=$?
	cp -p "$run_dir/kept" "$dir/$file"
	[ "$code" -eq 0 ] && [ ! -e "$dir/x" ]
}
check a_key_that_others_may_read_is_refused damaged 'chmod 640 "$dir/$file"' ca/ca-key.pem \
	"ca/ca-key.pem: others may read this secret"
check a_line_of_the_index_that_is_damaged_is_refused damaged 'sed -i "3s/client/severe/2" "$dir/$file"' ca/index \
	"ca/index: line 3 is damaged"
check an_index_that_is_cut_is_refused damaged 'truncate -s -5 "$dir/$file"' ca/index "ca/index: its end is missing"
check an_empty_index_is_refused damaged 'true >"$dir/$file"' ca/index "ca/index: this is not an index"
check a_key_of_another_ca_is_refused damaged 'cp "$dir/server/key.pem" "$dir/$file"' ca/ca-key.pem "ca: restore"
check a_certificate_that_is_none_is_refused damaged 'echo >"$dir/$file"' ca/ca.pem "ca: restore"
chmod 770 "$dir"
check a_folder_where_others_may_write_is_refused complains 2 "$dir: others may write here" keys add x
chmod 700 "$dir"

# ---- no room, and two at once ----

all_files() {
	(cd "$1" && find . -type f -exec sha256sum {} + | sort)
}
before=$(all_files "$dir")
# Through a pipe: the limit is also that of a file that took its messages.
no_room() {
	local said code=0

	said=$(ulimit -f 0 && keys "$@" 2>&1) || code=$?
	echo "$said"
	[ "$code" -eq 2 ] && [[ $said == *"File too large" ]]
}
check without_room_nothing_is_added no_room add x
check nor_renewed no_room renew server
check nor_revoked_by_halves no_room revoke server
check and_all_is_as_before same "$before" all_files "$dir"
check with_room_it_is keys add x
at_once() {
	local i pids=()

	for i in 1 2 3 4; do
		keys add "twin$i" --quiet &
		pids+=($!)
	done
	wait "${pids[@]}" && verify twin1 && same 4 grep -c twin "$dir/ca/index"
}
check several_at_once_lose_nothing at_once

# A program of another user reads what root renews; only root can give folders away.
if [ "$(id -u)" -eq 0 ]; then
	chown -R nobody "$dir/client"
	keys renew client --quiet
	check what_is_renewed_belongs_to_the_owner_of_its_folder same "nobody" eval \
		'stat -c %U "$dir"/client/*.pem | uniq'
fi

# A name of UTF-8 may have been issued before.
older() {
	sed -i $'s/\tclient\tclient\t/\tgröße\tclient\t/' "$dir/ca/index" && mv "$dir/client" "$dir/größe" &&
		lists 'n["größe"]["state"] == "valid"'
}
check a_name_that_was_issued_before_is_known older
check and_renewed keys renew größe
check and_revoked same "$dir/ca/crl.pem: 'größe' is revoked; copy it to programs on other machines" keys revoke größe

# ---- Ed25519 ----

dir=$run_dir/other
cd "$run_dir" || exit 1
check another_ca_is_in_another_folder keys init --dir "$dir" --type ed25519 --days 20
check its_certificates_end_with_it dated "$dir/e: a server's key and certificate until DATE, as the CA" \
	keys add e -d "$dir"
check ed25519_is_right_for_strict_eyes verify e -purpose sslserver -verify_hostname localhost
check all_its_keys_are_ed25519 text e "Public Key Algorithm: ED25519" "Signature Algorithm: ED25519"

# ---- what the page shows ----

unset PYRITE_KEYS_DIR
shown() {
	sed -n '/^## Two commands/,/^## /{/^pyrite /p}' "$PYRITE_SOURCE/docs/security.md" >"$run_dir/shown" &&
		PATH=$PYRITE_BIN:$PATH bash -e "$run_dir/shown" &&
		same "alice bank ca example names" eval 'echo $(ls pyrite-keys)'
}
check the_commands_of_the_page_do_what_it_says shown
tests_end
