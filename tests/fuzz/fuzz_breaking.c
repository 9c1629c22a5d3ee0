/* SPDX-License-Identifier: MIT */
/* Two versions of an IDL file, with a line "====" between them: what --breaking says of both. A
 * version compared with itself has no change that breaks. */
#include <stdio.h>
#include <unistd.h>

#include "idl_through.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char between[] = "====\n";

static size_t find_end(const uint8_t *data, size_t n)
{
	size_t i;

	for (i = 0; i + sizeof(between) - 1 <= n; i++)
		if (memcmp(data + i, between, sizeof(between) - 1) == 0)
			return i;
	return n;
}

/* Returns how many changes break. */
static size_t compare(const struct idl_unit *old_unit, const struct idl_unit *new_unit, FILE *out)
{
	struct diag *diag = diag_new();
	size_t n;

	if (!diag || !breaking_compare(old_unit, new_unit, diag, out))
		abort();
	n = (size_t)diag_errors(diag);
	diag_print(diag, out);
	diag_free(diag);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static char path[80];
	size_t n_old = find_end(data, n), skip = n_old < n ? sizeof(between) - 1 : 0;
	struct idl_unit *old_unit, *new_unit;
	FILE *nowhere = fopen("/dev/null", "w");

	if (!nowhere)
		abort();
	if (!path[0])
		snprintf(path, sizeof(path), "%s/x.idl", through_folder());
	through_write(path, (const char *)data, n_old);
	old_unit = through_front(path, through_made, NULL);
	through_write(path, (const char *)data + n_old + skip, n - n_old - skip);
	new_unit = old_unit ? through_front(path, through_made, NULL) : NULL;
	if (old_unit && new_unit) {
		(void)compare(old_unit, new_unit, nowhere);
		if (compare(old_unit, old_unit, nowhere) != 0)
			abort();
	}
	idl_unit_free(new_unit);
	idl_unit_free(old_unit);
	fclose(nowhere);
	return 0;
}
