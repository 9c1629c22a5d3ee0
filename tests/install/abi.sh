#!/bin/bash
# SPDX-License-Identifier: MIT
# Programs that were built with the library of runtime/pyrite.abi can use this one, and the file knows all that it has.
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
abi=$PYRITE_SOURCE/scripts/abi
library=$PYRITE_BUILD/lib/libpyrite.so

if [ "$(uname -m)" != x86_64 ]; then
	echo "ok the_dump_is_of_another_machine"
	tests_end
fi
check what_programs_use_has_not_changed "$abi" broken "$PYRITE_SOURCE/runtime/pyrite.abi" "$library"
check the_dump_knows_all_that_is_exported "$abi" added "$PYRITE_SOURCE/runtime/pyrite.abi" "$library"

# What the check finds, with a small library in the place of the real one: a public header, and one inside of the same name.
mkdir -p "$run_dir/include/pyrite" "$run_dir/src"
cat >"$run_dir/include/pyrite/thing.h" <<-END
	typedef struct pyr_inside pyr_inside;
	struct pyr_thing {
		int first;
		#ifdef LATER_MEMBER
		long wider;
		#endif
		int last;
	};
	enum pyr_kind {
		#ifdef LATER_VALUE
		PYR_NONE_YET,
		#endif
		PYR_SOME
	};
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
	int pyr_use(struct pyr_thing *thing, enum pyr_kind kind, pyr_inside *inside);
	int pyr_use(struct pyr_thing *thing, enum pyr_kind kind, pyr_inside *inside)
	{
		return thing->last + (int)kind + inside->n;
	}
	#ifdef LATER_FUNCTION
	int pyr_more(void);
	int pyr_more(void) { return 1; }
	#endif
	#ifndef LATER_LESS
	int pyr_less(void);
	int pyr_less(void) { return 1; }
	#endif
END

# make <change>: the library with that change, in $run_dir/<change>.so
make() {
	(cd "$run_dir" && "$PYRITE_CC" -g -shared -fPIC -D"$1" -I. -o "$1.so" thing.c)
}

# finds <what> <rule> <change>: the rule fails of the library with this change, and names what.
finds() {
	make "$3" || return 1
	! "$abi" "$2" "$run_dir/before.abi" "$run_dir/$3.so" >"$run_dir/found" || {
		echo "nothing was found"
		return 1
	}
	grep -F -- "$1" "$run_dir/found" || {
		cat "$run_dir/found"
		return 1
	}
}

# fits <rule> <change>
fits() {
	make "$2" && "$abi" "$1" "$run_dir/before.abi" "$run_dir/$2.so"
}

make NOW && "$abi" dump "$run_dir/NOW.so" >"$run_dir/before.abi"
check the_same_library_fits fits broken NOW
check a_struct_that_changed_is_named finds "struct pyr_thing" broken LATER_MEMBER
check an_enum_that_changed_is_named finds "pyr_kind" broken LATER_VALUE
check a_function_that_is_gone_is_named finds "pyr_less" broken LATER_LESS
check a_struct_that_nobody_outside_sees_may_change fits broken LATER_INSIDE
check a_function_that_came_breaks_nothing fits broken LATER_FUNCTION
check and_is_named_until_the_dump_knows_it finds "pyr_more" added LATER_FUNCTION
tests_end
