/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FUZZ_TMP_H
#define PYRITE_FUZZ_TMP_H
/* Where fuzzers keep files: scripts/fuzz gives each run a folder and removes it afterwards, also
 * when the run has crashed. */
#include <stdlib.h>
#include <string.h>

enum { FUZZ_TMP_MAX = 40 }; /* a socket there has a path that fits into an address */

static inline const char *fuzz_tmp(void)
{
	const char *tmp = getenv("TMPDIR");

	return tmp && tmp[0] && strlen(tmp) <= FUZZ_TMP_MAX ? tmp : "/tmp";
}
#endif
