#!/bin/bash
# SPDX-License-Identifier: MIT
# Programs that were built with the library of the last release can use this one, and the dump of a release that is not made
# yet has all that this library has.
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
abi=$PYRITE_SOURCE/scripts/abi
library=$PYRITE_BUILD/lib/libpyrite.so

if [ "$(uname -m)" != x86_64 ]; then
	echo "ok the_dump_is_of_another_machine"
	tests_end
fi
last=$(find "$PYRITE_SOURCE/tests/promises" -maxdepth 1 -name '[0-9]*' | sort -V | tail -n 1)
version=$(sed -n 's/^project(pyrite VERSION \([0-9.]*\) .*/\1/p' "$PYRITE_SOURCE/CMakeLists.txt")

# The version of CMakeLists.txt moves on after a release; until then the dump and the library are of one version.
of_one_version() {
	[ "$(printf '%s\n' "$version" "${last##*/}" | sort -V | tail -n 1)" = "${last##*/}" ]
}

check programs_built_with_the_last_release_can_use_the_library "$abi" broken "$last/pyrite.abi" "$library"
if of_one_version; then
	check the_dump_of_this_version_has_all_that_is_exported "$abi" added "$last/pyrite.abi" "$library"
fi

# What the check finds, with a small library in the place of the real one: a public header, and one inside of the same name.
mkdir -p "$run_dir/include/pyrite" "$run_dir/src"
cat >"$run_dir/include/pyrite/thing.h" <<-END
	typedef struct pyr_inside pyr_inside;
	#ifdef LATER_TYPE
	typedef long pyr_number;
	#else
	typedef int pyr_number;
	#endif
	struct pyr_thing {
		int first;
		#ifdef LATER_MEMBER
		long wider;
		#endif
		#ifdef LATER_LESS_MEMBERS
		int last;
		#else
		int middle, last;
		#endif
		#ifdef LATER_END
		long more;
		#endif
	};
	enum pyr_only_here {
		#ifdef LATER_ENUM_OF_OPTION
		PYR_B, PYR_A
		#else
		PYR_A, PYR_B
		#endif
	};
	struct pyr_call_options {
		#ifdef LATER_OPTION_WIDER
		long first;
		#else
		int first;
		#endif
		enum pyr_only_here here;
		#ifdef LATER_OPTION_WITHIN
		int within;
		#endif
		#ifdef LATER_OPTION_SWAPPED
		char *text; int last;
		#else
		int last; char *text;
		#endif
		#ifdef LATER_OPTION
		char *more;
		#endif
	};
	struct pyr_pool_options {
		char *text; int last;
		#ifdef LATER_OPTION_IN_PADDING
		int more;
		#endif
	};
	struct pyr_key {
		int first;
		#ifdef LATER_RESERVED_MOVED
		int within;
		#endif
		#ifdef LATER_RESERVED_USED
		const char *text; const void *reserved[3];
		#elif defined LATER_RESERVED_GROWN
		const char *text; const void *reserved[4];
		#else
		const void *reserved[4];
		#endif
	};
	enum pyr_kind {
		#ifdef LATER_VALUE
		PYR_NONE_YET,
		#endif
		#ifdef LATER_ORDER
		PYR_OTHER, PYR_SOME
		#else
		PYR_SOME, PYR_OTHER
		#endif
		#ifdef LATER_LAST_VALUE
		, PYR_MORE
		#endif
	};
	typedef void (*pyr_thing_cb)(const struct pyr_thing *thing
		#ifdef LATER_CALLBACK
		, int more
		#endif
		);
END
cat >"$run_dir/src/thing.h" <<-END
	#include "include/pyrite/thing.h"
	struct pyr_inside {
		#ifdef LATER_INSIDE
		long more;
		#endif
		int n;
	};
END
cat >"$run_dir/thing.c" <<-END
	#include "src/thing.h"
	pyr_number pyr_use(struct pyr_thing *thing, enum pyr_kind kind, pyr_inside *inside);
	pyr_number pyr_use(struct pyr_thing *thing, enum pyr_kind kind, pyr_inside *inside)
	{
		return thing->last + (int)kind + inside->n;
	}
	int pyr_lock(const struct pyr_key *key, const struct pyr_pool_options *options);
	int pyr_lock(const struct pyr_key *key, const struct pyr_pool_options *options)
	{
		return key->first + options->last;
	}
	int pyr_with(const struct pyr_call_options *options, pyr_thing_cb callback);
	int pyr_with(const struct pyr_call_options *options, pyr_thing_cb callback)
	{
		return options->last + (callback != 0);
	}
	#ifdef LATER_FUNCTION
	int pyr_more(void);
	int pyr_more(void) { return 1; }
	#endif
	#ifndef LATER_LESS
	#ifdef LATER_PARAMETER
	int pyr_less(int more);
	int pyr_less(int more) { return more; }
	#else
	int pyr_less(void);
	int pyr_less(void) { return 1; }
	#endif
	#endif
	extern int pyr_variable;
	#ifndef LATER_NO_VARIABLE
	int pyr_variable;
	#endif
END

# make <change> [soname]: the library with that change, in $run_dir/<change>.so
make() {
	(cd "$run_dir" && "$PYRITE_CC" -g -shared -fPIC "-Wl,-soname,${2-libthing.so.3}" -D"$1" -I. -o "$1.so" thing.c)
}

# finds <what> <rule> <change> [soname]: the rule fails of the library with this change, and names what.
finds() {
	make "$3" "${@:4}" || return 1
	! "$abi" "$2" "$run_dir/before.abi" "$run_dir/$3.so" >"$run_dir/found" || {
		echo "nothing was found"
		return 1
	}
	grep -F -- "$1" "$run_dir/found" || {
		cat "$run_dir/found"
		return 1
	}
}

# fits <rule> <change> [soname]
fits() {
	make "$2" "${@:3}" && "$abi" "$1" "$run_dir/before.abi" "$run_dir/$2.so"
}

make NOW && "$abi" dump "$run_dir/NOW.so" >"$run_dir/before.abi"
check the_same_library_fits fits broken NOW
check a_struct_with_a_new_member_is_named finds "struct pyr_thing" broken LATER_MEMBER
check a_struct_that_lost_a_member_is_named finds "struct pyr_thing" broken LATER_LESS_MEMBERS
check a_struct_that_programs_allocate_may_not_grow finds "struct pyr_thing" broken LATER_END
check a_struct_of_options_may_grow_at_its_end fits broken LATER_OPTION
check but_not_within finds "struct pyr_call_options" broken LATER_OPTION_WITHIN
check nor_in_the_padding_at_its_end finds "struct pyr_pool_options" broken LATER_OPTION_IN_PADDING
check nor_may_its_members_change_places finds "struct pyr_call_options" broken LATER_OPTION_SWAPPED
check nor_be_of_another_type finds "struct pyr_call_options" broken LATER_OPTION_WIDER
check nor_may_what_they_are_of_change finds "pyr_only_here" broken LATER_ENUM_OF_OPTION
check a_reserved_member_may_be_used fits broken LATER_RESERVED_USED
check but_the_struct_may_not_grow finds "struct pyr_key" broken LATER_RESERVED_GROWN
check nor_may_a_member_come_before_it finds "struct pyr_key" broken LATER_RESERVED_MOVED
check an_enum_with_a_new_first_value_is_named finds "pyr_kind" broken LATER_VALUE
check an_enum_in_another_order_is_named finds "pyr_kind" broken LATER_ORDER
check a_new_last_value_breaks_nothing fits broken LATER_LAST_VALUE
check a_type_that_changed_is_named finds "pyr_number" broken LATER_TYPE
check a_callback_with_another_parameter_is_named finds "pyr_with" broken LATER_CALLBACK
check a_function_that_is_gone_is_named finds "pyr_less" broken LATER_LESS
check a_function_with_another_parameter_is_named finds "pyr_less" broken LATER_PARAMETER
check a_variable_that_is_gone_is_named finds "pyr_variable" broken LATER_NO_VARIABLE
check a_struct_that_only_the_library_knows_may_change fits broken LATER_INSIDE
check a_new_function_breaks_nothing fits broken LATER_FUNCTION
check and_is_named_until_the_dump_has_it finds "pyr_more" added LATER_FUNCTION
check all_may_change_with_a_higher_soname fits broken LATER_LESS libthing.so.4
check but_not_with_a_lower_one finds "pyr_less" broken LATER_LESS libthing.so.2
check nor_with_another_name finds "pyr_less" broken LATER_LESS libother.so.4
tests_end
