/* SPDX-License-Identifier: MIT */
#include "base/hash.h"

uint64_t hash_more(uint64_t hash, const void *data, size_t n)
{
	const uint8_t *p = data, *end = n > 0 ? p + n : p;

	while (p < end)
		hash = (hash ^ *p++) * UINT64_C(0x100000001b3);
	return hash;
}

uint64_t hash_mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}
