/* SPDX-License-Identifier: MIT */
#include "base/array.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 16 };

bool array_reserve(void *array, size_t *cap, size_t n, size_t size)
{
	size_t wanted = *cap ? 2 * *cap : FIRST;
	void *grown;

	if (n <= *cap)
		return true;
	if (wanted < n)
		wanted = n;
	if (wanted > PTRDIFF_MAX / size)
		return false;
	memcpy(&grown, array, sizeof(grown)); /* a pointer of any type */
	grown = realloc(grown, wanted * size);
	if (!grown)
		return false;
	memcpy(array, &grown, sizeof(grown));
	*cap = wanted;
	return true;
}
