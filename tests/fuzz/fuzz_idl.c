/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: whatever bytes a file holds, the front end answers, and what it accepts goes
 * through all emitters. A good corpus: tests/corpus, tests/bad and the .idl of tests/golden.
 */
#include <stdio.h>

#include "idl_through.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static FILE *nowhere;
	static char path[80];
	struct idl_unit *unit;

	if (!nowhere) {
		nowhere = fopen("/dev/null", "w");
		snprintf(path, sizeof(path), "%s/x.idl", through_folder());
	}
	through_write(path, (const char *)data, n);
	unit = through_front(path, ".", nowhere);
	if (unit)
		through_emitters(unit);
	idl_unit_free(unit);
	return 0;
}
