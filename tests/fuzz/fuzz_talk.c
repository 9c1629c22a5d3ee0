/* SPDX-License-Identifier: MIT */
/* What is said for a key, and protobuf by hand: the model does not trust the codec. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_caller.h"

char *talk_item(int64_t key, uint64_t i, unsigned size)
{
	char *item = malloc(size + 64);
	int n;

	if (!item)
		abort();
	n = snprintf(item, 64, "%lld:%llu:", (long long)key, (unsigned long long)i);
	if ((unsigned)n < size)
		memset(item + n, 'a' + (int)(i % 26), size - (unsigned)n);
	item[(unsigned)n < size ? size : (unsigned)n] = '\0';
	return item;
}

unsigned talk_size_up(int64_t key, uint64_t i)
{
	uint64_t x = fuzz_mix((uint64_t)key, i);

	if (x % 19 == 0)
		return 66000 + (unsigned)(x >> 32) % 70000;
	if (x % 7 == 0)
		return (unsigned)(x >> 32) % 30000;
	return (unsigned)(x >> 32) % 100;
}

int64_t talk_result(int64_t key)
{
	return (int64_t)(fuzz_mix((uint64_t)key, 7) >> 2) + 1;
}

static void put_varint(struct buf *buf, uint64_t value)
{
	uint8_t byte;

	do {
		byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
		buf_append(buf, &byte, 1);
		value >>= 7;
	} while (value);
}

void talk_put_number(struct buf *buf, uint32_t field, uint64_t value)
{
	put_varint(buf, field << 3);
	put_varint(buf, value);
}

void talk_put_text(struct buf *buf, uint32_t field, const char *text)
{
	put_varint(buf, field << 3 | 2);
	put_varint(buf, strlen(text));
	buf_append(buf, text, strlen(text));
}

static bool get_varint(struct span *from, uint64_t *ret)
{
	unsigned shift = 0;
	uint8_t byte = 0x80;

	for (*ret = 0; (byte & 0x80) && shift < 70; shift += 7) {
		if (from->n == 0)
			return false;
		byte = *from->p++;
		from->n--;
		*ret |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
	}
	return !(byte & 0x80);
}

bool talk_get_number(struct span message, int64_t *ret)
{
	uint64_t tag, value = 0;

	if (message.n > 0 && (!get_varint(&message, &tag) || tag != 1 << 3 ||
			      !get_varint(&message, &value) || message.n > 0))
		return false;
	*ret = (int64_t)value;
	return true;
}

bool talk_get_text(struct span message, struct span *ret)
{
	uint64_t tag, n;

	*ret = (struct span){ 0 };
	if (message.n == 0)
		return true;
	if (!get_varint(&message, &tag) || tag != (1 << 3 | 2) || !get_varint(&message, &n) ||
	    n != message.n)
		return false;
	*ret = message;
	return true;
}
