/* SPDX-License-Identifier: MIT */
/*
 * json, as Python's module of that name writes it: JSON, and NaN, Infinity and -Infinity. Tuples
 * and sets are lists, keys are strings, and there are no bytes.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "face/pyro/ser_own.h"
#include "value/json_read.h"
#include "value/json_write.h"

struct parsing {
	struct ser_builder *b;
	struct json json;
	size_t n[SER_DEPTH]; /* members or items of what is open, so far */
};

static bool wrong(struct parsing *p)
{
	p->b->at = (const uint8_t *)p->json.at;
	return ser_fail(p->b, p->json.source.wrong ? p->json.source.wrong : "no value");
}

/* Numbers that JSON does not have. Where JSON expects a value. */
static bool take_word(struct parsing *p, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(p->json.end - p->json.at) < n || memcmp(p->json.at, word, n) != 0)
		return false;
	p->json.at += n;
	return true;
}

static bool read_number(struct parsing *p)
{
	struct source_number number;
	struct span text;
	char copy[400];

	if (take_word(p, "-Infinity"))
		return ser_add_real(p->b, -(double)INFINITY);
	if (!p->json.source.kind->number(&p->json.source, &number))
		return wrong(p);
	text = number.text;
	if (text.n >= 4300)
		return ser_fail(p->b, "a number is too long");
	if (!memchr(text.p, '.', text.n) && !memchr(text.p, 'e', text.n) &&
	    !memchr(text.p, 'E', text.n))
		return ser_add_digits(p->b, text.p, text.n);
	if (text.n >= sizeof(copy))
		return ser_fail(p->b, "a number is too long");
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	return ser_add_real(p->b, strtod(copy, NULL));
}

static bool read_word(struct parsing *p)
{
	if (take_word(p, "NaN"))
		return ser_add_real(p->b, (double)NAN);
	if (take_word(p, "Infinity"))
		return ser_add_real(p->b, (double)INFINITY);
	return wrong(p);
}

static bool read_string(struct parsing *p)
{
	struct span text;

	return p->json.source.kind->string(&p->json.source, p->b->arena, &text)
		       ? ser_add_text(p->b, SER_STRING, text.p, text.n)
		       : wrong(p);
}

static bool open_it(struct parsing *p, enum ser_type type)
{
	if (!source_open(&p->json.source))
		return wrong(p);
	if (!ser_open(p->b, type))
		return false;
	p->n[p->b->depth - 1] = 0;
	return true;
}

/* A value, or the beginning of one. */
static bool read_value(struct parsing *p)
{
	enum source_next next = json_peek(&p->json);

	switch (next) {
	case SOURCE_OBJECT:
		return open_it(p, SER_DICT);
	case SOURCE_ARRAY:
		return open_it(p, SER_LIST);
	case SOURCE_STRING:
		return read_string(p);
	case SOURCE_NUMBER:
		return read_number(p);
	case SOURCE_TRUE:
	case SOURCE_FALSE:
	case SOURCE_NULL:
		json_skip(&p->json);
		return ser_add(p->b,
			       (struct ser_value){ .type = next == SOURCE_TRUE    ? SER_TRUE
							   : next == SOURCE_FALSE ? SER_FALSE
										  : SER_NULL });
	default:
		return read_word(p);
	}
}

static bool read_key(struct parsing *p)
{
	struct source_key key;

	return source_key(&p->json.source, p->b->arena, &key)
		       ? ser_add_text(p->b, SER_STRING, key.text.p, key.text.n)
		       : wrong(p);
}

/* Closes what is over, up to where a value stands, or the end. */
static bool next_value(struct parsing *p)
{
	bool is_dict;

	while (p->b->depth > 0) {
		is_dict = ser_top(p->b)->type == SER_DICT;
		if (source_more(&p->json.source, is_dict ? SOURCE_OBJECT : SOURCE_ARRAY,
				p->n[p->b->depth - 1]++))
			return !is_dict || read_key(p);
		if (p->json.source.wrong)
			return wrong(p);
		p->b->at = (const uint8_t *)p->json.at;
		if (!ser_close(p->b))
			return false;
	}
	return true;
}

static bool parse(struct ser_builder *b)
{
	struct parsing p = { .b = b };

	json_begin(&p.json, (const char *)b->begin, (size_t)(b->end - b->begin));
	do
		if (!read_value(&p) || !next_value(&p))
			return false;
	while (b->depth > 0);
	return json_at_end(&p.json) || wrong(&p);
}

/* ---- writing ---- */

static void open_sink(struct ser_sink *sink, enum ser_type type)
{
	ser_append(sink, type == SER_DICT ? "{" : "[");
}

static void close_sink(struct ser_sink *sink, const struct ser_open *open)
{
	ser_append(sink, open->is_object ? "}" : "]");
}

static void string(struct ser_sink *sink, const char *text, size_t n)
{
	json_put_string(sink->out, text, n);
}

/* Keys are strings, as Python's json makes them. */
static void quote(struct ser_sink *sink)
{
	if (sink->is_key)
		ser_append(sink, "\"");
}

static void integer(struct ser_sink *sink, bool is_negative, uint64_t magnitude)
{
	quote(sink);
	ser_append_integer(sink, is_negative, magnitude);
	quote(sink);
}

static void real(struct ser_sink *sink, double value)
{
	if (isnan(value))
		ser_append(sink, "NaN");
	else if (isinf(value))
		ser_append(sink, value > 0 ? "Infinity" : "-Infinity");
	else
		ser_append_real(sink, value);
}

static void boolean(struct ser_sink *sink, bool value)
{
	quote(sink);
	ser_append(sink, value ? "true" : "false");
	quote(sink);
}

static void null(struct ser_sink *sink)
{
	ser_append(sink, "null");
}

static const struct ser_writer writer = {
	.separator = ", ",
	.colon = ": ",
	.open = open_sink,
	.close = close_sink,
	.string = string,
	.integer = integer,
	.real = real,
	.boolean = boolean,
	.null = null,
};

const struct ser_kind ser_json = { .name = "json",
				   .id4 = 2,
				   .id5 = 3,
				   .has_named_calls = true,
				   .parse = parse,
				   .writer = &writer };
