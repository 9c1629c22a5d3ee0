/* SPDX-License-Identifier: MIT */
#include "value/json_write.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void json_put(struct buf *out, const char *text)
{
	buf_append(out, text, strlen(text));
}

static void put_escape(struct buf *out, uint32_t c)
{
	static const char names[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *name = c < 128 && c > 0 ? strchr(names, (int)c) : NULL;
	char text[8];

	if (name)
		snprintf(text, sizeof(text), "\\%c", letters[name - names]);
	else
		snprintf(text, sizeof(text), "\\u%04x", (unsigned)c);
	json_put(out, text);
}

void json_put_string(struct buf *out, const char *text, size_t n)
{
	size_t from = 0, at = 0, length;
	uint32_t c;

	json_put(out, "\"");
	while (at < n) {
		length = text_char(text + at, n - at, &c);
		if (length == 0) { /* not from the codec, which checks */
			c = 0xfffd;
			length = 1;
		} else if (c != '"' && c != '\\' && (c > 0xffff || !text_is_control(c))) {
			at += length;
			continue;
		}
		buf_append(out, text + from, at - from);
		put_escape(out, c);
		from = at += length;
	}
	buf_append(out, text + from, at - from);
	json_put(out, "\"");
}

/* ---- base64 ---- */

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void json_put_base64(struct buf *out, const uint8_t *data, size_t n)
{
	uint8_t *p = n < SIZE_MAX / 2 ? buf_grow(out, 2 + (n + 2) / 3 * 4) : NULL;
	uint32_t group;
	size_t i, j;

	if (!p) {
		out->broken = true;
		return;
	}
	*p++ = '"';
	for (i = 0; i < n; i += 3) {
		group = (uint32_t)data[i] << 16;
		group |= i + 1 < n ? (uint32_t)data[i + 1] << 8 : 0;
		group |= i + 2 < n ? data[i + 2] : 0;
		for (j = 0; j < 4; j++)
			*p++ = i + j > n ? '=' : (uint8_t)letters[group >> (18 - 6 * j) & 63];
	}
	*p = '"';
}

static int digit_of(uint8_t c)
{
	const char *letter;

	if (c == '-' || c == '_')
		return c == '-' ? 62 : 63;
	letter = c ? strchr(letters, c) : NULL;
	return letter ? (int)(letter - letters) : -1;
}

size_t json_base64(const uint8_t *text, size_t n, uint8_t *dst)
{
	size_t i, n_out = 0;
	uint32_t bits = 0;
	int n_bits = 0, digit;

	while (n > 0 && text[n - 1] == '=' && n % 4 != 1)
		n--;
	if (n % 4 == 1)
		return SIZE_MAX;
	for (i = 0; i < n; i++) {
		if ((digit = digit_of(text[i])) < 0)
			return SIZE_MAX;
		bits = bits << 6 | (uint32_t)digit;
		n_bits += 6;
		if (n_bits < 8)
			continue;
		n_bits -= 8;
		dst[n_out++] = (uint8_t)(bits >> n_bits);
	}
	return n_out;
}

/* ---- numbers ---- */

static bool put_odd(struct buf *out, double value)
{
	if (isfinite(value))
		return false;
	json_put(out, isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
	return true;
}

void json_put_double(struct buf *out, double value)
{
	char text[40];
	int digits = 15;

	if (put_odd(out, value))
		return;
	do
		snprintf(text, sizeof(text), "%.*g", digits, value);
	while (strtod(text, NULL) != value && ++digits <= 17);
	json_put(out, text);
}

void json_put_float(struct buf *out, float value)
{
	char text[40];
	int digits = 6;

	if (put_odd(out, (double)value))
		return;
	do
		snprintf(text, sizeof(text), "%.*g", digits, (double)value);
	while (strtof(text, NULL) != value && ++digits <= 9);
	json_put(out, text);
}

/* ---- as a sink ---- */

static struct buf *out_of(struct sink *sink)
{
	return ((struct json_sink *)sink)->out;
}

/* Before a value: what separates it from the one before. A key is followed by its value. */
static struct buf *begin(struct sink *sink)
{
	struct json_sink *json = (struct json_sink *)sink;

	if (!json->is_first)
		json_put(json->out, ", ");
	json->is_first = false;
	return json->out;
}

static void end(struct sink *sink)
{
	struct json_sink *json = (struct json_sink *)sink;

	if (json->is_key)
		json_put(json->out, ": ");
	json->is_first = json->is_key;
	json->is_key = false;
	json->sink.broken = json->out->broken;
}

static void open_it(struct sink *sink, const char *bracket)
{
	json_put(begin(sink), bracket);
	((struct json_sink *)sink)->is_first = true;
}

static void close_it(struct sink *sink, const char *bracket)
{
	json_put(out_of(sink), bracket);
	end(sink);
}

static void object(struct sink *sink)
{
	open_it(sink, "{");
}

static void object_end(struct sink *sink)
{
	close_it(sink, "}");
}

static void array(struct sink *sink)
{
	open_it(sink, "[");
}

static void array_end(struct sink *sink)
{
	close_it(sink, "]");
}

static void key(struct sink *sink)
{
	((struct json_sink *)sink)->is_key = true;
}

static void string(struct sink *sink, const char *text, size_t n)
{
	json_put_string(begin(sink), text, n);
	end(sink);
}

static void member(struct sink *sink, const char *name)
{
	key(sink);
	string(sink, name, strlen(name));
}

static void integer(struct sink *sink, int64_t value, enum sink_width width)
{
	bool is_quoted = width != SINK_NARROW || ((struct json_sink *)sink)->is_key;
	struct buf *out = begin(sink);
	char text[32];

	if (width == SINK_UINT64)
		snprintf(text, sizeof(text), "\"%" PRIu64 "\"", (uint64_t)value);
	else
		snprintf(text, sizeof(text), is_quoted ? "\"%" PRId64 "\"" : "%" PRId64, value);
	json_put(out, text);
	end(sink);
}

static void real(struct sink *sink, double value, bool is_float)
{
	struct buf *out = begin(sink);

	if (is_float)
		json_put_float(out, (float)value);
	else
		json_put_double(out, value);
	end(sink);
}

static void boolean(struct sink *sink, bool value)
{
	const char *quote = ((struct json_sink *)sink)->is_key ? "\"" : "";
	struct buf *out = begin(sink);

	json_put(out, quote);
	json_put(out, value ? "true" : "false");
	json_put(out, quote);
	end(sink);
}

static void null(struct sink *sink)
{
	json_put(begin(sink), "null");
	end(sink);
}

static void bytes(struct sink *sink, const uint8_t *data, size_t n)
{
	json_put_base64(begin(sink), data, n);
	end(sink);
}

static void reference(struct sink *sink, const char *uri)
{
	string(sink, uri, strlen(uri));
}

static const struct sink_kind kind = {
	.object = object,
	.object_end = object_end,
	.array = array,
	.array_end = array_end,
	.member = member,
	.key = key,
	.string = string,
	.integer = integer,
	.real = real,
	.boolean = boolean,
	.null = null,
	.bytes = bytes,
	.reference = reference,
};

void json_sink(struct json_sink *sink, struct buf *out)
{
	*sink = (struct json_sink){ .sink = { .kind = &kind }, .out = out, .is_first = true };
}

/* ---- locale ---- */

locale_t json_locale(void)
{
	locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);

	return c ? uselocale(c) : (locale_t)0;
}

void json_locale_back(locale_t before)
{
	if (before)
		freelocale(uselocale(before));
}
