/* SPDX-License-Identifier: MIT */
/*
 * marshal, as Python 3's module of that name writes it in its versions 0 to 4: a letter for the
 * type, then little-endian numbers. From version 3 on a value with FLAG may come again, by its
 * number among those. Code objects, complex numbers and what Python 2 alone has are refused.
 * Source: CPython, Python/marshal.c.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "face/pyro/ser_own.h"

enum { FLAG = 0x80, DIGIT_BITS = 15, DIGITS_MAX = 68 /* more is beyond a double */ };

struct parsing {
	struct ser_builder *b;
	uint32_t *shared; /* places of values with FLAG */
	uint32_t n_shared, room;
	uint32_t left[SER_DEPTH]; /* values that are still to come of what is open; of a dict: - */
};

/* ---- numbers ---- */

static bool take(struct ser_builder *b, size_t n, const uint8_t **ret)
{
	if ((size_t)(b->end - b->at) < n)
		return ser_fail(b, "it ends too early");
	*ret = b->at;
	b->at += n;
	return true;
}

static bool little(struct ser_builder *b, unsigned n, uint64_t *ret)
{
	const uint8_t *p;

	if (!take(b, n, &p))
		return false;
	for (*ret = 0; n > 0; n--)
		*ret = *ret << 8 | p[n - 1];
	return true;
}

static bool read_int(struct ser_builder *b, unsigned n)
{
	uint64_t bits;
	int64_t value;

	if (!little(b, n, &bits))
		return false;
	value = n == 4 ? (int32_t)(uint32_t)bits : (int64_t)bits;
	return ser_add_integer(b, value < 0, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

/* One beyond 64 bits: its decimals, of which those count that a double has. */
static bool add_large(struct ser_builder *b, bool is_negative, double value)
{
	char text[400];
	int n = snprintf(text, sizeof(text), "%s%.0f", is_negative ? "-" : "", value);
	const char *copy = isfinite(value) ? arena_copy(b->arena, text, (size_t)n) : NULL;

	return copy ? ser_add_text(b, SER_LARGE, copy, (size_t)n)
		    : ser_fail(b, "an integer is too large");
}

/* Digits of 15 bits; how many, negative for a negative integer. */
static bool read_long(struct ser_builder *b)
{
	uint64_t bits, magnitude = 0;
	double value = 0;
	const uint8_t *p;
	int32_t n;
	unsigned i, n_digits;

	if (!little(b, 4, &bits))
		return false;
	n = (int32_t)(uint32_t)bits;
	n_digits = n < 0 ? 0 - (unsigned)n : (unsigned)n;
	if (n_digits > DIGITS_MAX)
		return ser_fail(b, "an integer is too large");
	if (!take(b, 2 * (size_t)n_digits, &p))
		return false;
	for (i = n_digits; i > 0; i--) {
		bits = (uint64_t)(p[2 * i - 2] | p[2 * i - 1] << 8);
		if (bits >> DIGIT_BITS)
			return ser_fail(b, "a malformed integer");
		value = value * (1 << DIGIT_BITS) + (double)bits;
		magnitude = magnitude << DIGIT_BITS | bits;
	}
	return n_digits < 5 || (n_digits == 5 && p[8] < 16 && p[9] == 0) /* 64 bits */
		       ? ser_add_integer(b, n < 0, magnitude)
		       : add_large(b, n < 0, value);
}

static bool read_real(struct ser_builder *b)
{
	uint64_t bits;
	double value;

	if (!little(b, 8, &bits))
		return false;
	memcpy(&value, &bits, sizeof(value));
	return ser_add_real(b, value);
}

/* Of versions 0 and 1: text. */
static bool read_real_text(struct ser_builder *b)
{
	const uint8_t *p;
	uint64_t n;
	char text[256], *end;
	double value;

	if (!little(b, 1, &n) || !take(b, n, &p))
		return false;
	memcpy(text, p, n);
	text[n] = '\0';
	value = strtod(text, &end);
	return n > 0 && !*end && strlen(text) == n ? ser_add_real(b, value)
						   : ser_fail(b, "a malformed number");
}

/* ---- texts ---- */

static bool read_text(struct ser_builder *b, enum ser_type type, unsigned n_length)
{
	const uint8_t *p;
	uint64_t n;

	if (!little(b, n_length, &n) || !take(b, n, &p))
		return false;
	if (type == SER_STRING && !ser_is_utf8(p, n))
		return ser_fail(b, "a string is not UTF-8");
	return ser_add_text(b, type, p, n);
}

/* ---- collections ---- */

static bool open_it(struct parsing *p, enum ser_type type, unsigned n_length)
{
	uint64_t n = 0;

	if (!little(p->b, n_length, &n))
		return false;
	if (n > (uint64_t)(p->b->end - p->b->at))
		return ser_fail(p->b, "a collection of more values than there are bytes");
	if (!ser_open(p->b, type))
		return false;
	p->left[p->b->depth - 1] = (uint32_t)n;
	return true;
}

/* ---- values that come again ---- */

static bool share(struct parsing *p, uint32_t place)
{
	uint32_t room = p->room ? 2 * p->room : 16, *shared;

	if (p->n_shared == p->room) {
		shared = arena_alloc_raw(p->b->arena, (size_t)room * sizeof(*shared));
		if (!shared)
			return ser_fail(p->b, "it is too large");
		if (p->n_shared > 0)
			memcpy(shared, p->shared, p->n_shared * sizeof(*shared));
		p->shared = shared;
		p->room = room;
	}
	p->shared[p->n_shared++] = place;
	return true;
}

static bool read_again(struct parsing *p)
{
	uint64_t number;

	if (!little(p->b, 4, &number))
		return false;
	if (number >= p->n_shared)
		return ser_fail(p->b, "a reference to a value that was not sent before");
	return ser_again(p->b, p->shared[number]);
}

/* ---- all of it ---- */

static bool read_scalar(struct parsing *p, uint8_t type)
{
	struct ser_builder *b = p->b;

	switch (type) {
	case 'N':
		return ser_add(b, (struct ser_value){ .type = SER_NULL });
	case 'T':
		return ser_add(b, (struct ser_value){ .type = SER_TRUE });
	case 'F':
		return ser_add(b, (struct ser_value){ .type = SER_FALSE });
	case 'i':
		return read_int(b, 4);
	case 'I':
		return read_int(b, 8);
	case 'l':
		return read_long(b);
	case 'g':
		return read_real(b);
	case 'f':
		return read_real_text(b);
	case 's':
		return read_text(b, SER_BYTES, 4);
	case 'r':
		return read_again(p);
	case 'x':
	case 'y':
		return ser_fail(b, "complex numbers are not supported");
	case 'c':
		return ser_fail(b, "code is not supported");
	default:
		return ser_fail(b, "a type of value that is not supported");
	}
}

static bool read_value(struct parsing *p, uint8_t type)
{
	switch (type) {
	case 'u': /* str */
	case 't':
	case 'a':
	case 'A':
		return read_text(p->b, SER_STRING, 4);
	case 'z':
	case 'Z':
		return read_text(p->b, SER_STRING, 1);
	case '(':
		return open_it(p, SER_TUPLE, 4);
	case ')':
		return open_it(p, SER_TUPLE, 1);
	case '[':
		return open_it(p, SER_LIST, 4);
	case '<':
	case '>':
		return open_it(p, SER_SET, 4);
	case '{':
		return open_it(p, SER_DICT, 0);
	default:
		return read_scalar(p, type);
	}
}

/* Steps over the zero that ends a dict, where a key would stand. */
static bool is_over(struct parsing *p)
{
	struct ser_builder *b = p->b;

	if (ser_top(b)->type != SER_DICT)
		return p->left[b->depth - 1] == 0;
	if (b->at == b->end || *b->at != '0' || ser_top(b)->n % 2 != 0)
		return false;
	b->at++;
	return true;
}

static bool read_next(struct parsing *p)
{
	struct ser_builder *b = p->b;
	uint64_t type;
	uint32_t place = b->n;
	bool is_shared;

	if (b->depth > 0 && ser_top(b)->type != SER_DICT)
		p->left[b->depth - 1]--;
	if (!little(b, 1, &type))
		return false;
	is_shared = type & FLAG;
	return read_value(p, (uint8_t)(type & ~(unsigned)FLAG)) && (!is_shared || share(p, place));
}

static bool parse(struct ser_builder *b)
{
	struct parsing p = { .b = b };

	do {
		if (!read_next(&p))
			return false;
		while (b->depth > 0 && is_over(&p))
			if (!ser_close(b))
				return false;
	} while (b->depth > 0);
	return b->at == b->end || ser_fail(b, "something follows the value");
}

/* ---- writing: version 2, which all of Python 3 read ---- */

static void open_sink(struct ser_sink *sink, enum ser_type type)
{
	ser_append_byte(sink, type == SER_DICT ? '{' : type == SER_TUPLE ? '(' : '[');
	if (type != SER_DICT)
		ser_append_little(sink, 0, 4); /* told when it is closed */
}

static void close_sink(struct ser_sink *sink, const struct ser_open *open)
{
	uint8_t *n = sink->out->data + open->at + 1;
	unsigned i;

	if (open->is_object)
		ser_append_byte(sink, '0');
	else
		for (i = 0; i < 4; i++)
			n[i] = (uint8_t)(open->n >> (8 * i));
}

static void put_text(struct ser_sink *sink, unsigned type, const void *text, size_t n)
{
	ser_append_byte(sink, type);
	ser_append_little(sink, n, 4);
	buf_append(sink->out, text, n);
}

static void string(struct ser_sink *sink, const char *text, size_t n)
{
	put_text(sink, 'u', text, n);
}

static void bytes(struct ser_sink *sink, const uint8_t *data, size_t n)
{
	put_text(sink, 's', data, n);
}

static void put_long(struct ser_sink *sink, bool is_negative, uint64_t magnitude)
{
	uint32_t n = 0;
	uint64_t rest;

	for (rest = magnitude; rest > 0; rest >>= DIGIT_BITS)
		n++;
	ser_append_byte(sink, 'l');
	ser_append_little(sink, is_negative ? 0 - n : n, 4);
	for (rest = magnitude; rest > 0; rest >>= DIGIT_BITS)
		ser_append_little(sink, rest & ((1 << DIGIT_BITS) - 1), 2);
}

static void integer(struct ser_sink *sink, bool is_negative, uint64_t magnitude)
{
	if (magnitude > (uint64_t)INT32_MAX + is_negative) {
		put_long(sink, is_negative, magnitude);
		return;
	}
	ser_append_byte(sink, 'i');
	ser_append_little(sink, is_negative ? 0 - magnitude : magnitude, 4);
}

static void real(struct ser_sink *sink, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	ser_append_byte(sink, 'g');
	ser_append_little(sink, bits, 8);
}

static void boolean(struct ser_sink *sink, bool value)
{
	ser_append_byte(sink, value ? 'T' : 'F');
}

static void null(struct ser_sink *sink)
{
	ser_append_byte(sink, 'N');
}

static const struct ser_writer writer = {
	.open = open_sink,
	.close = close_sink,
	.string = string,
	.integer = integer,
	.real = real,
	.boolean = boolean,
	.null = null,
	.bytes = bytes,
};

const struct ser_kind ser_marshal = {
	.name = "marshal", .id4 = 3, .id5 = 2, .parse = parse, .writer = &writer
};
