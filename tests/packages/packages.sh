#!/bin/bash
# SPDX-License-Identifier: MIT
# Rules of the Debian packages that need no package to be built: what is in which, and what packaging/debian says.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
debian=$PYRITE_SOURCE/packaging/debian
sbom=$PYRITE_SOURCE/packaging/sbom.py
whole=$run_dir/whole
parts=$run_dir/parts

# package:component, as debian/rules has them
read -ra pairs <<<"$(sed -n 's/^components := //p' "$debian/rules")"

# files <folder>: what is in it, sorted.
files() {
	(cd "$1" && find . ! -type d | sort)
}

install_parts() {
	local pair

	[ ${#pairs[@]} -ge 5 ] && cmake --install "$PYRITE_BUILD" --prefix "$whole" >/dev/null || return 1
	for pair in "${pairs[@]}"; do
		cmake --install "$PYRITE_BUILD" --prefix "$parts/${pair%:*}" --component "${pair#*:}" >/dev/null || return 1
		[ -n "$(files "$parts/${pair%:*}")" ] || { echo "${pair%:*} is empty"; return 1; }
	done
}

each_file_once() {
	local part

	files "$whole" >"$run_dir/all"
	for part in "$parts"/*; do
		files "$part"
	done | sort | diff -u "$run_dir/all" -
}

# Multi-Arch: same, and two versions of the library side by side
library_alone() {
	! files "$parts/libpyrite0" | grep -vE '/libpyrite\.so\.[0-9.]+$'
}

# Multi-Arch: same
no_program_in_dev() {
	! find "$parts/libpyrite-dev" -path '*/bin/*' | grep . &&
		! find "$parts/libpyrite-dev" -type f ! -path '*/lib/*' -exec grep -lE '^.ELF' {} +
}

programs_described() {
	local program part

	for program in "$parts"/*/bin/*; do
		part=${program%/bin/*}
		[ -e "$part/share/man/man1/${program##*/}.1" ] || { echo "no manual page beside $program"; return 1; }
		[ -e "$part/share/bash-completion/completions/${program##*/}" ] || { echo "no completion beside $program"; return 1; }
	done
}

units_start_programs_of_their_package() {
	local units

	units=$(find "$parts" -name '*.service') && [ -n "$units" ] || return 1
	for unit in $units; do
		sed -n 's/^Exec[A-Za-z]*=\([^ ]*\).*/\1/p' "$unit" >"$run_dir/programs"
		[ -s "$run_dir/programs" ] || return 1
		while read -r program; do
			[ "$program" = "$parts/pyrite-nameserver/bin/pyrite-ns" ] && [ -x "$program" ] || {
				echo "$unit starts $program"
				return 1
			}
		done <"$run_dir/programs"
	done
}

control_knows_all_packages() {
	same "$(printf '%s\n' "${pairs[@]%:*}" | sort)" bash -c "sed -n 's/^Package: //p' '$debian/control' | sort"
}

named_by_soname() {
	local soname

	soname=$(readelf -d "$parts"/libpyrite0/lib*/libpyrite.so.* 2>/dev/null | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p' | sort -u)
	[ -n "$soname" ] || soname=$(readelf -d "$PYRITE_BUILD"/lib/libpyrite.so | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
	grep -x "Package: libpyrite${soname##*.}" "$debian/control" &&
		grep -x "$soname libpyrite${soname##*.} #MINVER#" "$debian/libpyrite${soname##*.}.symbols" &&
		grep -F "(symver)$(sed -n 's/^\(PYRITE_[0-9]*\) {$/\1/p' "$PYRITE_SOURCE/runtime/pyrite.map") " \
			"$debian/libpyrite${soname##*.}.symbols"
}

version_written_once() {
	local version

	version=$(sed -n 's/^project(pyrite VERSION \([0-9.]*\) .*/\1/p' "$PYRITE_SOURCE/CMakeLists.txt")
	[ -n "$version" ] && ! grep -rnF -- "$version" "$PYRITE_SOURCE/packaging" "$PYRITE_SOURCE/scripts/package"
}

build_needs_what_deps_has() {
	local name

	for name in $(awk '/^Build-Depends/ { on = 1 } /^[A-Z]/ && !/^Build-Depends/ { on = 0 } on' "$debian/control" |
		sed 's/^Build[A-Za-z-]*://; s/([^)]*)//; s/debhelper-compat/debhelper/; s/,//'); do
		grep -qwF -- "$name" "$PYRITE_SOURCE/scripts/deps" || { echo "scripts/deps lacks $name"; return 1; }
	done
}

# What cmake --install wrote goes, with the directories of Pyrite; what else is there stays.
undone() {
	find "$whole" ! -type d >"$run_dir/manifest" && mkdir "$whole/share/empty" && touch "$whole/share/of-another" || return 1
	cmake -DMANIFEST="$run_dir/manifest" -P "$PYRITE_SOURCE/cmake/uninstall.cmake" &&
		same ./share/of-another files "$whole" && [ -d "$whole/share/empty" ] && same "" find "$whole" -name pyrite &&
		complains 1 "nothing was installed" cmake -DMANIFEST="$run_dir/none" -P "$PYRITE_SOURCE/cmake/uninstall.cmake"
}

# deb <name> <depends>: a package of this build's library.
deb() {
	rm -rf "$run_dir/tree" && mkdir -p "$run_dir/tree/DEBIAN" "$run_dir/tree/usr/lib" || return 1
	cp "$PYRITE_BUILD"/lib/libpyrite.so "$run_dir/tree/usr/lib" || return 1
	printf '%s\n' "Package: $1" "Version: 9.8-1" "Architecture: $(dpkg --print-architecture)" \
		"Maintainer: me <me@pyrite.example>" "Depends: $2" "Description: short" >"$run_dir/tree/DEBIAN/control"
	dpkg-deb --root-owner-group -Znone --build "$run_dir/tree" "$run_dir/$1.deb"
}

sbom_made() {
	deb libpyrite0 "libc6, libssl3, libprotobuf-c1 (>= 1.0), zlib1g" &&
		SOURCE_DATE_EPOCH=1 "$sbom" "$debian/control" "$run_dir/libpyrite0.deb" >"$run_dir/sbom.json" &&
		python3 "$PYRITE_SOURCE/tests/packages/sbom.py" "$run_dir/sbom.json" "$run_dir/libpyrite0.deb"
}

sbom_refuses() {
	deb careless "libc6, libssl3, zlib1g" &&
		SOURCE_DATE_EPOCH=1 complains 1 "careless is linked with libprotobuf-c.so.1" "$sbom" "$debian/control" "$run_dir/careless.deb"
}

# The check itself is no rubber stamp.
sbom_check_finds() {
	sed "$1" "$run_dir/sbom.json" >"$run_dir/wrong.json"
	! cmp -s "$run_dir/sbom.json" "$run_dir/wrong.json" &&
		complains 1 "$2" python3 "$PYRITE_SOURCE/tests/packages/sbom.py" "$run_dir/wrong.json" "$run_dir/libpyrite0.deb"
}

check each_component_can_be_installed_alone install_parts
check each_installed_file_belongs_to_one_package each_file_once
check the_library_package_holds_the_library_alone library_alone
check the_development_package_holds_no_program no_program_in_dev
check each_program_has_a_manual_page_and_a_completion_in_its_package programs_described
check units_start_programs_of_their_own_package units_start_programs_of_their_package
check control_and_rules_name_the_same_packages control_knows_all_packages
check the_library_package_is_named_by_the_soname named_by_soname
check the_version_is_in_CMakeLists_alone version_written_once
check scripts_deps_installs_what_packages_are_built_with build_needs_what_deps_has
check an_installation_can_be_undone undone
check the_list_of_parts_names_what_the_library_is_linked_with sbom_made
check a_package_that_lacks_a_dependency_is_refused_by_name sbom_refuses
check an_invented_version_is_found sbom_check_finds '/"name": "zlib1g"/,/versionInfo/s/"versionInfo": "/&7/' "zlib1g"
check a_relation_to_nothing_is_found sbom_check_finds 's/"relatedSpdxElement": "SPDXRef-zlib1g"/"relatedSpdxElement": "SPDXRef-gone"/' SPDXRef-gone
check a_wrong_checksum_is_found sbom_check_finds 's/"checksumValue": "./&0/' "checksum"
tests_end
