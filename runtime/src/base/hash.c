/* SPDX-License-Identifier: MIT */
#include "base/hash.h"

uint64_t hash_more(uint64_t hash, const void *data, size_t n)
{
	const uint8_t *p = data, *end = n > 0 ? p + n : p;

	while (p < end)
		hash = (hash ^ *p++) * UINT64_C(0x100000001b3);
	return hash;
}
