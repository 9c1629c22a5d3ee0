/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_VARINT_H
#define PYRITE_VARINT_H
/*
 * protobuf's numbers of variable length: seven bits in a byte, the lowest first; at most ten bytes.
 * Inline, for each field of each message has two or three.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VARINT_MAX = 10 };

/* Length of the varint at p, at most max bytes; 0: it does not end in time. */
static inline size_t varint_length(const uint8_t *p, const uint8_t *end, size_t max)
{
	size_t n = (size_t)(end - p) < max ? (size_t)(end - p) : max;
	size_t i;

	if (n > 0 && p[0] < 0x80)
		return 1;
	for (i = 1; i < n; i++)
		if (p[i] < 0x80)
			return i + 1;
	return 0;
}

static inline uint64_t varint_value(const uint8_t *p, size_t length)
{
	uint64_t ret = length > 0 ? p[0] & 0x7f : 0;
	size_t i;

	for (i = 1; i < length; i++)
		ret |= (uint64_t)(p[i] & 0x7f) << (7 * i);
	return ret;
}

/* Reads the one at *p, and goes behind it. False: it does not end in time. */
static inline bool varint_get(const uint8_t **p, const uint8_t *end, uint64_t *ret)
{
	size_t length;

	if (*p < end && **p < 0x80) { /* nearly all are this short */
		*ret = *(*p)++;
		return true;
	}
	length = varint_length(*p, end, VARINT_MAX);
	*ret = varint_value(*p, length);
	*p += length;
	return length > 0;
}

static inline size_t varint_size(uint64_t value)
{
	return (size_t)(70 - __builtin_clzll(value | 1)) / 7;
}

/* Returns where it ends. */
static inline uint8_t *varint_put(uint8_t *p, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*p++ = (uint8_t)(value | 0x80);
	*p++ = (uint8_t)value;
	return p;
}
#endif
