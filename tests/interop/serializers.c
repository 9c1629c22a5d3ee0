/* SPDX-License-Identifier: MIT */
/*
 * Reads what one of Pyro's serializers wrote, and writes it again: serializers-echo, between pipes,
 * for serializers.py. A request is the protocol and the serializer's id (2 bytes each), the length
 * and the payload; an answer is 1 and a payload, or 0 and a message, with a length, too. All
 * numbers are big-endian.
 */
#include "copy_value.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 64 << 20, MEMORY = 512 << 20 };

static bool answer(enum ser_protocol protocol, unsigned id, struct span payload, struct buf *out)
{
	const struct ser_kind *kind = ser_find(protocol, id);
	char text[200] = "no such serializer";
	struct ser_data data;
	struct arena arena;
	bool ok;

	arena_init(&arena, NULL, 0);
	arena.max = MEMORY;
	ok = kind && ser_parse(kind, payload, &arena, &data, text, sizeof(text)) &&
	     copy_value(&data, protocol, out, text, sizeof(text));
	if (!ok) {
		buf_reset(out);
		buf_append(out, text, strlen(text));
	}
	arena_clear(&arena);
	return ok;
}

static bool read_number(unsigned n, uint32_t *ret)
{
	int c;

	for (*ret = 0; n > 0; n--) {
		if ((c = getchar()) == EOF)
			return false;
		*ret = *ret << 8 | (uint32_t)c;
	}
	return true;
}

static void give(bool ok, const struct buf *out)
{
	int i;

	putchar(ok);
	for (i = 24; i >= 0; i -= 8)
		putchar((int)(out->n >> i & 0xff));
	fwrite(out->data, 1, out->n, stdout);
	fflush(stdout);
}

int main(void)
{
	uint32_t protocol, id, n;
	struct buf out = { 0 };
	uint8_t *payload;

	while (read_number(2, &protocol) && read_number(2, &id) && read_number(4, &n)) {
		payload = n <= LARGEST ? malloc(n + 1) : NULL;
		if (!payload || fread(payload, 1, n, stdin) != n)
			return 1;
		buf_reset(&out);
		give(answer((enum ser_protocol)protocol, id, (struct span){ payload, n }, &out),
		     &out);
		free(payload);
	}
	buf_free(&out);
	return 0;
}
