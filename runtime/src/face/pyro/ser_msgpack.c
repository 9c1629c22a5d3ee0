/* SPDX-License-Identifier: MIT */
/*
 * msgpack: a byte for the type, often with a small number or length in it, then big-endian
 * numbers. Of its extensions Pyro has 0x30 complex, 0x31 large integers as text, 0x32 datetimes and
 * 0x33 dates; the integers are taken, the others refused by name.
 * Source: msgpack's specification; Pyro4/util.py, Pyro5/serializers.py.
 */
#include <string.h>

#include "face/pyro/ser_own.h"

struct parsing {
	struct ser_builder *b;
	uint64_t left[SER_DEPTH]; /* values that are still to come of what is open */
};

static bool take(struct ser_builder *b, size_t n, const uint8_t **ret)
{
	if ((size_t)(b->end - b->at) < n)
		return ser_fail(b, "it ends too early");
	*ret = b->at;
	b->at += n;
	return true;
}

static bool big(struct ser_builder *b, unsigned n, uint64_t *ret)
{
	const uint8_t *p;
	unsigned i;

	if (!take(b, n, &p))
		return false;
	for (*ret = 0, i = 0; i < n; i++)
		*ret = *ret << 8 | p[i];
	return true;
}

/* ---- numbers ---- */

static bool read_unsigned(struct ser_builder *b, unsigned n)
{
	uint64_t value;

	return big(b, n, &value) && ser_add_integer(b, false, value);
}

static bool read_signed(struct ser_builder *b, unsigned n)
{
	unsigned shift = 64 - 8 * n;
	uint64_t bits;
	int64_t value;

	if (!big(b, n, &bits))
		return false;
	value = (int64_t)(bits << shift) >> shift;
	return ser_add_integer(b, value < 0, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static bool read_real(struct ser_builder *b, unsigned n)
{
	uint64_t bits;
	uint32_t narrow;
	double value;
	float single;

	if (!big(b, n, &bits))
		return false;
	narrow = (uint32_t)bits;
	memcpy(&single, &narrow, sizeof(single));
	memcpy(&value, &bits, sizeof(value));
	return ser_add_real(b, n == 4 ? (double)single : value);
}

/* ---- texts ---- */

static bool read_text(struct ser_builder *b, enum ser_type type, uint64_t n)
{
	const uint8_t *p;

	if (!take(b, n, &p))
		return false;
	if (type == SER_STRING && !ser_is_utf8(p, n))
		return ser_fail(b, "a string is not UTF-8");
	return ser_add_text(b, type, p, n);
}

/* Its length, then the text. */
static bool read_long_text(struct ser_builder *b, enum ser_type type, unsigned n_length)
{
	uint64_t n;

	return big(b, n_length, &n) && read_text(b, type, n);
}

static bool read_digits(struct ser_builder *b, const uint8_t *p, size_t n)
{
	size_t i = n > 0 && p[0] == '-';

	if (i == n || n > 4300)
		return ser_fail(b, "a malformed integer");
	for (; i < n; i++)
		if (p[i] < '0' || p[i] > '9')
			return ser_fail(b, "a malformed integer");
	return ser_add_digits(b, p, n);
}

/* Its type, then n bytes. */
static bool read_extension(struct ser_builder *b, uint64_t n)
{
	const uint8_t *p;
	uint64_t type;

	if (!big(b, 1, &type) || !take(b, n, &p))
		return false;
	switch (type) {
	case 0x30:
		return ser_fail(b, "complex numbers are not supported");
	case 0x31:
		return read_digits(b, p, n);
	case 0x32:
		return ser_fail(b, "a datetime is not supported: pass a string");
	case 0x33:
		return ser_fail(b, "a date is not supported: pass a string");
	default:
		return ser_fail(b, "an extension type that is not supported");
	}
}

static bool read_long_extension(struct ser_builder *b, unsigned n_length)
{
	uint64_t n;

	return big(b, n_length, &n) && read_extension(b, n);
}

/* ---- collections ---- */

static bool open_it(struct parsing *p, enum ser_type type, uint64_t n)
{
	if (n > (uint64_t)(p->b->end - p->b->at))
		return ser_fail(p->b, "a collection of more values than there are bytes");
	if (!ser_open(p->b, type))
		return false;
	p->left[p->b->depth - 1] = type == SER_DICT ? 2 * n : n;
	return true;
}

static bool open_long(struct parsing *p, enum ser_type type, unsigned n_length)
{
	uint64_t n;

	return big(p->b, n_length, &n) && open_it(p, type, n);
}

/* ---- all of it ---- */

/* Types from 0xc0 to 0xdf. */
static bool read_typed(struct parsing *p, unsigned type)
{
	struct ser_builder *b = p->b;

	if (type == 0xc0)
		return ser_add(b, (struct ser_value){ .type = SER_NULL });
	if (type == 0xc1)
		return ser_fail(b, "a type of value that msgpack does not have");
	if (type <= 0xc3)
		return ser_add(b,
			       (struct ser_value){ .type = type == 0xc3 ? SER_TRUE : SER_FALSE });
	if (type <= 0xc6)
		return read_long_text(b, SER_BYTES, 1U << (type - 0xc4));
	if (type <= 0xc9)
		return read_long_extension(b, 1U << (type - 0xc7));
	if (type <= 0xcb)
		return read_real(b, type == 0xca ? 4 : 8);
	if (type <= 0xcf)
		return read_unsigned(b, 1U << (type - 0xcc));
	if (type <= 0xd3)
		return read_signed(b, 1U << (type - 0xd0));
	if (type <= 0xd8)
		return read_extension(b, 1U << (type - 0xd4));
	if (type <= 0xdb)
		return read_long_text(b, SER_STRING, 1U << (type - 0xd9));
	return open_long(p, type <= 0xdd ? SER_LIST : SER_DICT, type % 2 == 0 ? 2 : 4);
}

static bool read_value(struct parsing *p)
{
	struct ser_builder *b = p->b;
	uint64_t type;

	if (!big(b, 1, &type))
		return false;
	if (type < 0x80)
		return ser_add_integer(b, false, type);
	if (type >= 0xe0)
		return ser_add_integer(b, true, 0x100 - type);
	if (type < 0x90)
		return open_it(p, SER_DICT, type & 0x0f);
	if (type < 0xa0)
		return open_it(p, SER_LIST, type & 0x0f);
	if (type < 0xc0)
		return read_text(b, SER_STRING, type & 0x1f);
	return read_typed(p, (unsigned)type);
}

static bool parse(struct ser_builder *b)
{
	struct parsing p = { .b = b };

	do {
		if (b->depth > 0)
			p.left[b->depth - 1]--;
		if (!read_value(&p))
			return false;
		while (b->depth > 0 && p.left[b->depth - 1] == 0)
			if (!ser_close(b))
				return false;
	} while (b->depth > 0);
	return b->at == b->end || ser_fail(b, "something follows the value");
}

/* ---- writing ---- */

static void open_sink(struct ser_sink *sink, enum ser_type type)
{
	ser_append_byte(sink, type == SER_DICT ? 0xdf : 0xdd);
	ser_append_big(sink, 0, 4); /* told when it is closed */
}

static void close_sink(struct ser_sink *sink, const struct ser_open *open)
{
	uint8_t *p = sink->out->data + open->at + 1;
	uint32_t n = open->is_object ? open->n / 2 : open->n;
	unsigned i;

	for (i = 0; i < 4; i++)
		p[i] = (uint8_t)(n >> (24 - 8 * i));
}

static void string(struct ser_sink *sink, const char *text, size_t n)
{
	if (n < 32) {
		ser_append_byte(sink, 0xa0 | (unsigned)n);
	} else {
		ser_append_byte(sink, 0xdb);
		ser_append_big(sink, n, 4);
	}
	buf_append(sink->out, text, n);
}

static void bytes(struct ser_sink *sink, const uint8_t *data, size_t n)
{
	ser_append_byte(sink, 0xc6);
	ser_append_big(sink, n, 4);
	buf_append(sink->out, data, n);
}

static void integer(struct ser_sink *sink, bool is_negative, uint64_t magnitude)
{
	if (!is_negative && magnitude < 0x80) {
		ser_append_byte(sink, (unsigned)magnitude);
		return;
	}
	ser_append_byte(sink, is_negative ? 0xd3 : 0xcf);
	ser_append_big(sink, is_negative ? 0 - magnitude : magnitude, 8);
}

static void real(struct ser_sink *sink, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	ser_append_byte(sink, 0xcb);
	ser_append_big(sink, bits, 8);
}

static void boolean(struct ser_sink *sink, bool value)
{
	ser_append_byte(sink, value ? 0xc3 : 0xc2);
}

static void null(struct ser_sink *sink)
{
	ser_append_byte(sink, 0xc0);
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

const struct ser_kind ser_msgpack = {
	.name = "msgpack", .id4 = 6, .id5 = 4, .parse = parse, .writer = &writer
};
