/* SPDX-License-Identifier: MIT */
/* The row of values that a payload becomes. It is made without recursion: what is open is a list of
 * places, SER_DEPTH at most. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "face/pyro/ser_own.h"

enum {
	FIRST_ROOM = 32,
	SHARED_MAX = 1 << 20 /* values that a payload may have by saying "the same again" */
};

bool ser_room(struct ser_builder *b, uint32_t n)
{
	uint64_t room = b->room ? b->room : FIRST_ROOM;
	struct ser_value *values;

	if (b->room - b->n >= n)
		return true;
	while (room < (uint64_t)b->n + n)
		room *= 2;
	values = room < UINT32_MAX ? arena_alloc_raw(b->arena, room * sizeof(*values)) : NULL;
	if (!values)
		return ser_fail(b, "it is too large");
	if (b->n > 0)
		memcpy(values, b->values, b->n * sizeof(*values));
	b->values = values;
	b->room = (uint32_t)room;
	return true;
}

bool ser_add(struct ser_builder *b, struct ser_value value)
{
	if (b->wrong || !ser_room(b, 1))
		return false;
	if (b->depth > 0)
		ser_top(b)->n++;
	b->values[b->n++] = value;
	return true;
}

bool ser_add_text(struct ser_builder *b, enum ser_type type, const void *text, size_t n)
{
	struct ser_value value = { .type = (uint8_t)type, .n = (uint32_t)n, .u.text = text };

	return ser_add(b, value);
}

bool ser_add_integer(struct ser_builder *b, bool is_negative, uint64_t magnitude)
{
	struct ser_value value = { .type = SER_INTEGER,
				   .flags = is_negative ? SER_NEGATIVE : 0,
				   .u.magnitude = magnitude };

	return ser_add(b, value);
}

bool ser_add_digits(struct ser_builder *b, const uint8_t *digits, size_t n)
{
	bool is_negative = n > 0 && digits[0] == '-';
	uint64_t magnitude = 0;
	size_t i;

	for (i = is_negative; i < n; i++) {
		if (magnitude > (UINT64_MAX - (digits[i] - '0')) / 10)
			return ser_add_text(b, SER_LARGE, digits, n);
		magnitude = 10 * magnitude + (digits[i] - '0');
	}
	return ser_add_integer(b, is_negative, magnitude);
}

bool ser_add_real(struct ser_builder *b, double real)
{
	return ser_add(b, (struct ser_value){ .type = SER_REAL, .u.real = real });
}

bool ser_open(struct ser_builder *b, enum ser_type type)
{
	if (b->depth == SER_DEPTH)
		return ser_fail(b, "it is nested too deep");
	if (!ser_add(b, (struct ser_value){ .type = (uint8_t)type }))
		return false;
	b->open[b->depth++] = b->n - 1;
	return true;
}

bool ser_again(struct ser_builder *b, uint32_t at)
{
	uint32_t n = ser_behind(b->values, at) - at, by = b->n - at, i;

	for (i = 0; i < b->depth; i++)
		if (b->open[i] == at)
			return ser_fail(b, "a value is inside itself");
	if (n > SHARED_MAX || b->n > SHARED_MAX + (uint32_t)(b->end - b->begin))
		return ser_fail(b, "it is too large");
	if (!ser_room(b, n))
		return false;
	memcpy(&b->values[b->n], &b->values[at], n * sizeof(*b->values));
	for (i = b->n; i < b->n + n; i++)
		if (ser_is_collection(&b->values[i]))
			b->values[i].u.end += by;
	if (b->depth > 0)
		ser_top(b)->n++;
	b->n += n;
	return true;
}

bool ser_is_utf8(const uint8_t *text, size_t n)
{
	uint32_t c;
	size_t i = 0, length;

	while (i < n) {
		if (text[i] < 0x80) {
			i++;
			continue;
		}
		length = text_char((const char *)text + i, n - i, &c);
		if (length == 0)
			return false;
		i += length;
	}
	return true;
}
