/* SPDX-License-Identifier: MIT */
/*
 * serpent: an expression of Python's literals, in UTF-8. Of Python's grammar this much: tuples,
 * lists, sets, dicts, strings and bytes with their escapes, decimal numbers, True, False, None, and
 * comments. Complex numbers and all else are refused by name.
 * Source: serpent, which writes it; Python's reference, "Lexical analysis".
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "face/pyro/ser_own.h"
#include "value/json_read.h"

/* ---- strings ---- */

static bool is_octal(uint8_t c)
{
	return c >= '0' && c <= '7';
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* n digits. Returns false if there are fewer. */
static bool read_hex(struct ser_builder *b, unsigned n, uint32_t *ret)
{
	int digit;

	for (*ret = 0; n > 0; n--, b->at++) {
		digit = b->at < b->end ? hex_digit(*b->at) : -1;
		if (digit < 0)
			return ser_fail(b, "an escape with too few hexadecimal digits");
		*ret = *ret << 4 | (uint32_t)digit;
	}
	return true;
}

static void read_octal(struct ser_builder *b, uint32_t *ret)
{
	unsigned n;

	for (n = 0, *ret = 0; n < 3 && b->at < b->end && is_octal(*b->at); n++, b->at++)
		*ret = *ret << 3 | (uint32_t)(*b->at - '0');
}

static bool put_character(struct ser_builder *b, bool is_bytes, uint32_t c, uint8_t **p)
{
	if (is_bytes) {
		*(*p)++ = (uint8_t)c;
		return c <= 0xff || ser_fail(b, "an escape that is not a byte");
	}
	if ((c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
		return ser_fail(b, "an escape that is not a character");
	*p = json_put_utf8(*p, c);
	return true;
}

/* Behind a backslash. What Python has no escape for is left as it is. */
static bool read_escape(struct ser_builder *b, bool is_bytes, uint8_t **p)
{
	static const char names[] = "\\'\"abfnrtv", meant[] = "\\'\"\a\b\f\n\r\t\v";
	const char *name;
	uint32_t c;
	uint8_t letter;

	if (b->at == b->end)
		return ser_fail(b, "a string is not closed");
	letter = *b->at;
	if (is_octal(letter)) {
		read_octal(b, &c);
		return put_character(b, is_bytes, c, p);
	}
	b->at++;
	if (letter == 'x')
		return read_hex(b, 2, &c) && put_character(b, is_bytes, c, p);
	if ((letter == 'u' || letter == 'U') && !is_bytes)
		return read_hex(b, letter == 'u' ? 4 : 8, &c) && put_character(b, false, c, p);
	if (letter == 'N' && !is_bytes)
		return ser_fail(b, "named characters are not supported");
	if (letter == '\n')
		return true;
	name = letter ? strchr(names, letter) : NULL;
	if (!name)
		*(*p)++ = '\\';
	*(*p)++ = name ? (uint8_t)meant[name - names] : letter;
	return true;
}

/* The quote that closes what begins at b->at; *ret_plain: no escapes come before. */
static const uint8_t *find_end(struct ser_builder *b, uint8_t quote, bool *ret_plain)
{
	const uint8_t *p = b->at;

	for (*ret_plain = true; p < b->end && *p != quote; p++) {
		if (*p == '\n' || *p == '\r' || *p == 0) {
			b->at = p;
			ser_fail(b, "a string goes over the end of its line");
			return NULL;
		}
		if (*p != '\\')
			continue;
		*ret_plain = false;
		if (++p == b->end)
			break;
	}
	if (p >= b->end)
		ser_fail(b, "a string is not closed");
	return p < b->end ? p : NULL;
}

static bool unescape(struct ser_builder *b, bool is_bytes, const uint8_t *end, uint8_t **p)
{
	while (b->at < end) {
		if (*b->at != '\\') {
			*(*p)++ = *b->at++;
			continue;
		}
		b->at++;
		if (!read_escape(b, is_bytes, p))
			return false;
	}
	return true;
}

static bool is_ascii(const uint8_t *p, const uint8_t *end)
{
	while (p < end && *p < 0x80)
		p++;
	return p == end;
}

/* At a quote. */
static bool read_string(struct ser_builder *b, bool is_bytes)
{
	uint8_t quote = *b->at++, *copy, *p;
	const uint8_t *begin = b->at, *end;
	bool is_plain;

	if (!(end = find_end(b, quote, &is_plain)))
		return false;
	if (is_bytes ? !is_ascii(begin, end) : !ser_is_utf8(begin, (size_t)(end - begin)))
		return ser_fail(b, is_bytes ? "bytes are ASCII" : "a string is not UTF-8");
	if (is_plain) {
		b->at = end + 1;
		return ser_add_text(b, is_bytes ? SER_BYTES : SER_STRING, begin,
				    (size_t)(end - begin));
	}
	copy = p = arena_alloc_raw(b->arena, (size_t)(end - begin));
	if (!copy)
		return ser_fail(b, "it is too large");
	if (!unescape(b, is_bytes, end, &p))
		return false;
	b->at = end + 1;
	return ser_add_text(b, is_bytes ? SER_BYTES : SER_STRING, copy, (size_t)(p - copy));
}

/* ---- numbers ---- */

static bool skip_digits(struct ser_builder *b)
{
	const uint8_t *begin = b->at;

	while (b->at < b->end && *b->at >= '0' && *b->at <= '9')
		b->at++;
	return b->at > begin;
}

static bool take(struct ser_builder *b, char a, char other)
{
	if (b->at == b->end || (*b->at != a && *b->at != other))
		return false;
	b->at++;
	return true;
}

enum { DIGITS_MAX = 4300 }; /* of an integer, as Python has it */

static bool add_real(struct ser_builder *b, const uint8_t *begin)
{
	size_t n = (size_t)(b->at - begin);
	char text[400];

	if (n >= sizeof(text))
		return ser_fail(b, "a number is too long");
	memcpy(text, begin, n);
	text[n] = '\0';
	return ser_add_real(b, strtod(text, NULL));
}

/* What comes behind a number, and is part of it. */
static bool is_complex(const struct ser_builder *b)
{
	return b->at < b->end && (*b->at == 'j' || *b->at == 'J' || *b->at == '+' || *b->at == '-');
}

static bool read_number(struct ser_builder *b)
{
	const uint8_t *begin = b->at, *digits;
	bool is_real = false, ok;

	if (!take(b, '-', '-'))
		begin += take(b, '+', '+');
	digits = b->at;
	ok = skip_digits(b);
	if (take(b, '.', '.')) {
		is_real = true;
		ok |= skip_digits(b);
	}
	if (ok && take(b, 'e', 'E')) {
		is_real = true;
		take(b, '+', '-');
		ok = skip_digits(b);
	}
	if (is_complex(b))
		return ser_fail(b, "complex numbers are not supported");
	if (!ok || (!is_real && *digits == '0' && b->at > digits + 1))
		return ser_fail(b, "a malformed number");
	if (is_real)
		return add_real(b, begin);
	if (b->at - digits > DIGITS_MAX)
		return ser_fail(b, "a number is too long");
	return ser_add_digits(b, begin, (size_t)(b->at - begin));
}

/* ---- words ---- */

static bool is_word(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_' || c >= 0x80;
}

static bool read_word(struct ser_builder *b)
{
	struct span word = { b->at, 0 };

	while (b->at + word.n < b->end && is_word(b->at[word.n]))
		word.n++;
	if (b->at + word.n < b->end && (b->at[word.n] == '\'' || b->at[word.n] == '"')) {
		if (!span_is(word, "b") && !span_is(word, "B") && !span_is(word, "u"))
			return ser_fail(b, "the only prefixes of strings are b and u");
		b->at++;
		return read_string(b, *word.p != 'u');
	}
	if (word.n == 0)
		return ser_fail(b, "no value");
	if (!span_is(word, "None") && !span_is(word, "True") && !span_is(word, "False"))
		return ser_fail(b, "a name, not a value");
	b->at += word.n;
	return ser_add(b, (struct ser_value){ .type = *word.p == 'N'   ? SER_NULL
						      : *word.p == 'T' ? SER_TRUE
								       : SER_FALSE });
}

/* ---- collections ---- */

static void skip_space(struct ser_builder *b)
{
	for (; b->at < b->end; b->at++) {
		if (*b->at == '#')
			while (b->at < b->end && *b->at != '\n')
				b->at++;
		if (b->at == b->end || !strchr(" \t\r\n\f", *b->at) || !*b->at)
			return;
	}
}

static char closing(enum ser_type type)
{
	return type == SER_TUPLE ? ')' : type == SER_LIST ? ']' : '}';
}

/* A value, or the beginning of one. */
static bool read_value(struct ser_builder *b)
{
	if (b->at == b->end)
		return ser_fail(b, "it ends too early");
	switch (*b->at) {
	case '(':
		b->at++;
		return ser_open(b, SER_TUPLE);
	case '[':
		b->at++;
		return ser_open(b, SER_LIST);
	case '{':
		b->at++;
		return ser_open(b, SER_DICT);
	case '\'':
	case '"':
		return read_string(b, false);
	default:
		return strchr("+-.0123456789", *b->at) && *b->at ? read_number(b) : read_word(b);
	}
}

static bool close_one(struct ser_builder *b)
{
	b->at++;
	return ser_close(b);
}

/* Behind a value of a collection: what stands between it and the next, or what closes. */
static bool read_separator(struct ser_builder *b, bool *ret_closed)
{
	struct ser_value *top = ser_top(b);
	bool is_key = top->type == SER_DICT && top->n % 2 != 0;

	*ret_closed = false;
	if (b->at == b->end)
		return ser_fail(b, "it ends too early");
	if (is_key && *b->at == ':') {
		b->at++;
		return true;
	}
	if (is_key && top->n > 1)
		return ser_fail(b, "':' is missing");
	if (is_key)
		top->type = SER_SET;
	if (*b->at == closing((enum ser_type)top->type)) {
		if (top->type == SER_TUPLE && top->n == 1)
			return ser_fail(b, "a value in parentheses is not a tuple");
		*ret_closed = true;
		return close_one(b);
	}
	if (*b->at != ',')
		return ser_fail(b, "',' is missing");
	b->at++;
	return true;
}

/* Before a value of a collection: closes it if there is none. */
static bool close_if_over(struct ser_builder *b, bool *ret_closed)
{
	struct ser_value *top = ser_top(b);

	*ret_closed = b->at < b->end && *b->at == closing((enum ser_type)top->type);
	if (*ret_closed && top->type == SER_DICT && top->n % 2 != 0)
		return ser_fail(b, "a key has no value");
	return !*ret_closed || close_one(b);
}

/* Behind a value: separators and brackets, up to where another value stands. */
static bool after_value(struct ser_builder *b)
{
	bool is_closed = true;

	while (is_closed && b->depth > 0) {
		skip_space(b);
		if (!read_separator(b, &is_closed))
			return false;
	}
	return true;
}

static bool parse(struct ser_builder *b)
{
	bool is_closed;
	uint32_t depth;

	do {
		skip_space(b);
		is_closed = false;
		if (b->depth > 0 && !close_if_over(b, &is_closed))
			return false;
		depth = b->depth;
		if (!is_closed && !read_value(b))
			return false;
		if ((is_closed || b->depth == depth) && !after_value(b))
			return false;
	} while (b->depth > 0);
	skip_space(b);
	return b->at == b->end || ser_fail(b, "something follows the value");
}

/* ---- writing ---- */

static void open_it(struct ser_sink *sink, enum ser_type type)
{
	ser_append(sink, type == SER_DICT ? "{" : type == SER_TUPLE ? "(" : "[");
}

static void close_it(struct ser_sink *sink, const struct ser_open *open)
{
	if (open->is_tuple)
		ser_append(sink, open->n == 1 ? ",)" : ")");
	else
		ser_append(sink, open->is_object ? "}" : "]");
}

static void put_escape(struct ser_sink *sink, uint32_t c)
{
	static const char digits[] = "0123456789abcdef";
	char text[5] = { '\\', (char)c, '\0' };

	if (c == '\n' || c == '\r' || c == '\t') {
		text[1] = c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
	} else if (c != '\'' && c != '\\') {
		text[1] = 'x';
		text[2] = digits[c >> 4 & 15];
		text[3] = digits[c & 15];
	}
	ser_append(sink, text);
}

static void string(struct ser_sink *sink, const char *text, size_t n)
{
	size_t from = 0, at = 0, length;
	uint32_t c;

	ser_append(sink, "'");
	while (at < n) {
		length = text_char(text + at, n - at, &c);
		if (length > 0 && c >= 0x20 && c != '\'' && c != '\\' && (c < 0x7f || c > 0x9f)) {
			at += length;
			continue;
		}
		buf_append(sink->out, text + from, at - from);
		if (length > 0)
			put_escape(sink, c);
		else
			ser_append(sink, "\xef\xbf\xbd");
		from = at += length > 0 ? length : 1;
	}
	buf_append(sink->out, text + from, at - from);
	ser_append(sink, "'");
}

static void real(struct ser_sink *sink, double value)
{
	if (isnan(value))
		ser_append(sink, "{'__class__':'float','value':'nan'}");
	else if (isinf(value))
		ser_append(sink, value > 0 ? "1e30000" : "-1e30000");
	else
		ser_append_real(sink, value);
}

static void boolean(struct ser_sink *sink, bool value)
{
	ser_append(sink, value ? "True" : "False");
}

static void null(struct ser_sink *sink)
{
	ser_append(sink, "None");
}

static const struct ser_writer writer = {
	.header = "# serpent utf-8 python3.2\n",
	.separator = ",",
	.colon = ":",
	.open = open_it,
	.close = close_it,
	.string = string,
	.integer = ser_append_integer,
	.real = real,
	.boolean = boolean,
	.null = null,
};

const struct ser_kind ser_serpent = {
	.name = "serpent", .id4 = 1, .id5 = 1, .parse = parse, .writer = &writer
};
