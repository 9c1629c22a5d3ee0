#!/bin/bash
# SPDX-License-Identifier: MIT
# What root.sh does within the empty system: inside.sh FUNCTION. An engineer would type the same.
# shellcheck disable=SC2317
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
state=/packages/state

# What there is, apart from the records and caches of apt, dpkg, ldconfig and systemd.
files_and_users() {
	find / -xdev \( -path /packages -o -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp \
		-o -path /var/log -o -path /var/cache -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /root \) -prune \
		-o -print | sort
	cat /etc/passwd /etc/group
}

install_deb() {
	apt-get -qq install -y "$@" >"$state/apt" 2>&1 || { cat "$state/apt"; return 1; }
}

# gcc, make and cmake are not part of Pyrite; python3 takes the programs out of the README.
prepare() {
	mkdir "$state"
	apt-get -qq update
	install_deb --no-install-recommends gcc libc6-dev make cmake pkg-config python3-minimal
	files_and_users >"$state/before"
}

install_packages() {
	install_deb /packages/*.deb
	pyrite --version
	test -e /etc/default/pyrite-ns
}

# answers <server> <client>: the example prints what the README says.
answers() {
	: >"$state/ns" # what the ones before said
	: >"$state/server"
	pyrite-ns --storage memory >"$state/ns" &
	ns=$!
	until grep -q . "$state/ns"; do kill -0 "$ns"; done
	"$1" >"$state/server" &
	server=$!
	until grep -qx Ready "$state/server"; do kill -0 "$server"; done
	[ "$("$2")" = 3 ]
	kill "$server"
	wait "$server"
	kill "$ns"
	wait "$ns"
}

example() {
	local way part

	cd "$(mktemp -d)"
	python3 /packages/blocks.py /usr/share/doc/pyrite-doc/README.md .
	cd README
	pyrite-idl --c . example.idl
	for part in server client; do
		# shellcheck disable=SC2046
		gcc -o "$part-shared" "$part.c" example.c $(pkg-config --cflags --libs pyrite)
		# shellcheck disable=SC2046
		gcc -o "$part-static" "$part.c" example.c \
			$(pkg-config --static --cflags --libs pyrite | sed 's/-lpyrite /-l:libpyrite.a /')
		! ldd "$part-static" | grep libpyrite || return 1
	done
	cat >CMakeLists.txt <<-END
		cmake_minimum_required(VERSION 3.25)
		project(example LANGUAGES C)
		find_package(pyrite CONFIG REQUIRED)
		foreach(part server client)
			add_executable(\${part}-cmake \${part}.c)
			pyrite_generate(TARGET \${part}-cmake IDL example.idl)
			target_link_libraries(\${part}-cmake PRIVATE pyrite::pyrite)
		endforeach()
	END
	cmake -S . -B build
	cmake --build build
	for way in ./server-shared:./client-shared ./server-static:./client-static build/server-cmake:build/client-cmake; do
		answers "${way%:*}" "${way#*:}"
	done
	cmake -S /usr/share/doc/pyrite-doc/samples/01-add -B sample
	cmake --build sample
	[ "$(pkg-config --cflags --libs pyrite | xargs)" = -lpyrite ] # nothing that the compiler knows
}

purge_packages() {
	apt-get -qq purge -y --auto-remove libpyrite0 libpyrite-dev pyrite-tools pyrite-nameserver pyrite-doc >"$state/apt" 2>&1
	files_and_users | diff "$state/before" -
}

names() {
	pyrite-nsc list 2>&1
}

service_starts() {
	files_and_users >"$state/before"
	install_deb /packages/pyrite-nameserver_*.deb /packages/libpyrite0_*.deb /packages/pyrite-tools_*.deb /packages/pyrite-doc_*.deb
	systemctl is-enabled pyrite-ns.service
	systemctl is-active pyrite-ns.service
	[ "$(systemctl is-enabled pyrite-ns.socket)" = disabled ]
	names
}

service_serves() {
	local pid

	pid=$(systemctl show -P MainPID pyrite-ns.service)
	[ "$(stat -c %U "/proc/$pid")" != root ]
	grep -x "CapEff:	0000000000000000" "/proc/$pid/status"
	pyrite-nsc register test.kept PYRO:obj@127.0.0.1:4000
	systemctl restart pyrite-ns.service
	names | grep test.kept
	echo 'OPTIONS="--port 9191"' >>/etc/default/pyrite-ns
	systemctl restart pyrite-ns.service
	PYRITE_NS_PORT=9191 pyrite-nsc list | grep test.kept
	systemctl reset-failed pyrite-ns.service # it starts more often in 10 s than systemd allows by itself
}

# A later version is installed over the running one: the names and the administrator's settings stay.
service_upgraded() {
	local pid

	pid=$(systemctl show -P MainPID pyrite-ns.service)
	dpkg --install /packages/pyrite-nameserver_*.deb
	[ "$(systemctl show -P MainPID pyrite-ns.service)" != "$pid" ]
	PYRITE_NS_PORT=9191 pyrite-nsc list | grep test.kept
	sed -i '$d' /etc/default/pyrite-ns
	systemctl restart pyrite-ns.service
	systemctl reset-failed pyrite-ns.service
}

# As the page says: root's keys are handed over.
service_has_keys() {
	local drop_in=/etc/systemd/system/pyrite-ns.service.d

	mkdir -p /etc/pyrite
	pyrite keys --dir /etc/pyrite/keys init
	pyrite keys --dir /etc/pyrite/keys add nameserver
	mkdir "$drop_in"
	sed -n '/^\[Service\]$/,/^```$/p' /usr/share/doc/pyrite-doc/docs/packaging.md | sed '$d' >"$drop_in/keys.conf"
	systemctl daemon-reload
	systemctl restart pyrite-ns.service
	! names | grep test.kept || return 1 # without keys
	PYRITE_KEYS=/etc/pyrite/keys/nameserver pyrite-nsc list | grep test.kept
	rm -r "$drop_in" /etc/pyrite
	systemctl daemon-reload
	systemctl restart pyrite-ns.service
	systemctl reset-failed pyrite-ns.service
}

socket_starts() {
	systemctl stop pyrite-ns.service
	! systemctl is-active pyrite-ns.service || return 1
	systemctl start pyrite-ns.socket
	! systemctl is-active pyrite-ns.service || return 1
	names | grep test.kept
	systemctl is-active pyrite-ns.service
	systemctl stop pyrite-ns.socket pyrite-ns.service
	systemctl reset-failed pyrite-ns.service
	systemctl start pyrite-ns.service
}

service_purged() {
	apt-get -qq purge -y --auto-remove libpyrite0 pyrite-tools pyrite-nameserver pyrite-doc >"$state/apt" 2>&1
	files_and_users | diff "$state/before" -
	! systemctl list-unit-files --no-legend | grep pyrite || return 1
	! getent passwd pyrite-ns || return 1
	[ -z "$(systemctl list-units --no-legend --all '*pyrite*')" ]
}

"$@"
