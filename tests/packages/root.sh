#!/bin/bash
# SPDX-License-Identifier: MIT
# tests/packages/root.sh: makes the packages twice and compares them, asks lintian, and installs them in an empty Debian
# system, where the README's example is built and run and the name server is a service; in the end nothing is left of
# them. Takes some minutes, needs root, the network, and what `scripts/deps --long` installs.
# shellcheck disable=SC2317
set -u
: "${PYRITE_SOURCE:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
inside=$PYRITE_SOURCE/tests/packages/inside.sh
root=$run_dir/root
first=$run_dir/first
second=$run_dir/second
machine=

missing=$(for tool in dpkg-buildpackage lintian mmdebstrap systemd-nspawn; do
	command -v "$tool" >/dev/null || echo "$tool"
done)
if [ "$(id -u)" -ne 0 ] || [ -n "$missing" ]; then
	echo "tests/packages/root.sh needs root${missing:+, and ${missing//$'\n'/, }: run scripts/deps --long}" >&2
	echo "not ok the_packages_can_be_tried_here"
	exit 1
fi

# The same files somewhere else, without git, by somebody with other habits.
make_again() {
	local other=$run_dir/somewhere/quite/different

	mkdir -p "$other" || return 1
	(cd "$PYRITE_SOURCE" && git ls-files -z | tar --null --files-from=- -cf -) | tar -C "$other" -xf - || return 1
	touch -d "@$(git -C "$PYRITE_SOURCE" log -1 --format=%ct)" "$other/CMakeLists.txt"
	(umask 077 && cd / && env -u SOURCE_DATE_EPOCH TZ=Asia/Tokyo LC_ALL=tr_TR.UTF-8 HOME=/nonexistent USER=other \
		PACKAGE_JOBS=1 "$other/scripts/package" --out "$second")
}

same_bytes() {
	[ "$(find "$first" -name '*.deb' | wc -l)" -ge 8 ] && diff -r "$first" "$second"
}

lintian_clean() {
	same "" lintian --allow-root --no-cfg --pedantic -I "$first"/*.deb "$first"/debug/*.deb
}

sbom_true() {
	python3 "$PYRITE_SOURCE/tests/packages/sbom.py" "$first"/*.spdx.json "$first"/*.deb
}

# A system with nothing but apt, and the packages in its /packages.
make_root() {
	mmdebstrap --quiet --variant=apt --mode=root --include=systemd,systemd-sysv bookworm "$root" \
		/etc/apt/sources.list.d/*.sources || return 1
	mkdir "$root/packages" && cp "$first"/*.deb "$inside" "$PYRITE_SOURCE/tests/install/blocks.py" "$root/packages"
}

# in_root <function of inside.sh> [option]: with the network of this machine, as apt needs it, or --private-network.
in_root() {
	systemd-nspawn --quiet --register=no --keep-unit --pipe "${@:2}" -D "$root" /packages/inside.sh "$1"
}

boot() {
	local i

	systemd-nspawn --quiet --register=no --keep-unit --private-network --console=pipe -D "$root" --boot \
		</dev/null >"$run_dir/console" 2>&1 &
	machine=$!
	run_pids+=("$machine")
	run_names[$machine]=systemd-nspawn
	for ((i = 0; i < 600; i++)); do
		leader=$(pgrep -P "$machine") && in_machine systemctl is-system-running 2>/dev/null |
			grep -qxE 'running|degraded' && return 0
		kill -0 "$machine" && sleep 0.1 || break
	done
	tail -n 20 "$run_dir/console"
	return 1
}

in_machine() {
	nsenter --target "$leader" --all -- "$@"
}

halt_machine() {
	in_machine systemctl --no-block poweroff && timeout 60 tail --pid="$machine" -s 0.1 -f /dev/null
}

check packages_are_made_in_one_command "$PYRITE_SOURCE/scripts/package" --out "$first"
check they_are_made_somewhere_else_without_git make_again
check both_have_the_same_bytes same_bytes
check lintian_finds_nothing lintian_clean
check the_list_of_parts_is_valid_and_true sbom_true

check an_empty_system_is_made make_root
check packages_for_building_are_installed in_root prepare
check the_packages_are_installed in_root install_packages
check the_example_of_the_readme_is_built_and_answers in_root example --private-network
check a_purge_leaves_no_file_user_or_unit in_root purge_packages --private-network

check the_system_starts boot
check the_name_server_starts_when_it_is_installed in_machine /packages/inside.sh service_starts
check it_has_no_rights_and_keeps_its_names in_machine /packages/inside.sh service_serves
check an_upgrade_restarts_it_and_keeps_names_and_settings in_machine /packages/inside.sh service_upgraded
check it_takes_keys_as_the_page_says in_machine /packages/inside.sh service_has_keys
check it_stops_and_starts_by_its_socket in_machine /packages/inside.sh socket_starts
check a_purge_of_the_running_service_leaves_nothing in_machine /packages/inside.sh service_purged
check the_system_stops halt_machine
tests_end
