/* SPDX-License-Identifier: MIT */
/* A sink that puts the pieces of a notation together: it separates, counts and closes. */
#include "face/pyro/ser.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "face/pyro/ser_own.h"
#include "value/json_write.h"

/* ---- pieces ---- */

void ser_append(struct ser_sink *sink, const char *text)
{
	buf_append(sink->out, text, strlen(text));
}

void ser_append_byte(struct ser_sink *sink, unsigned byte)
{
	uint8_t one = (uint8_t)byte;

	buf_append(sink->out, &one, 1);
}

void ser_append_big(struct ser_sink *sink, uint64_t value, unsigned n)
{
	while (n-- > 0)
		ser_append_byte(sink, (unsigned)(value >> (8 * n)) & 0xff);
}

void ser_append_little(struct ser_sink *sink, uint64_t value, unsigned n)
{
	for (; n > 0; n--, value >>= 8)
		ser_append_byte(sink, (unsigned)value & 0xff);
}

void ser_append_real(struct ser_sink *sink, double value)
{
	locale_t before = json_locale();
	char text[40];
	int digits = 15;

	do
		snprintf(text, sizeof(text), "%.*g", digits, value);
	while (strtod(text, NULL) != value && ++digits <= 17);
	if (!strpbrk(text, ".en"))
		snprintf(text + strlen(text), 3, ".0");
	json_locale_back(before);
	ser_append(sink, text);
}

void ser_append_integer(struct ser_sink *sink, bool is_negative, uint64_t magnitude)
{
	char text[24];

	snprintf(text, sizeof(text), "%s%" PRIu64, is_negative ? "-" : "", magnitude);
	ser_append(sink, text);
}

/* ---- what is open ---- */

static struct ser_sink *of(struct sink *sink)
{
	return (struct ser_sink *)sink;
}

static const struct ser_writer *writer_of(struct sink *sink)
{
	return of(sink)->kind->writer;
}

static struct ser_open *top(struct ser_sink *s)
{
	return s->depth > 0 ? &s->open[s->depth - 1] : NULL;
}

/* Before a value or a key. */
static void begin(struct ser_sink *s)
{
	const struct ser_writer *writer = s->kind->writer;
	struct ser_open *open = top(s);
	bool is_value;

	if (!open)
		return;
	is_value = open->is_object && open->n % 2 != 0;
	if (is_value && writer->colon)
		ser_append(s, writer->colon);
	else if (!is_value && open->n > 0 && writer->separator)
		ser_append(s, writer->separator);
	open->n++;
}

static void end(struct ser_sink *s)
{
	s->is_key = false;
	s->sink.broken |= s->out->broken;
}

static void open_it(struct ser_sink *s, enum ser_type type)
{
	begin(s);
	if (s->depth == SER_OPEN || s->is_key) {
		s->refused = "the value is nested too deep for Pyro";
		s->sink.broken = true;
		return;
	}
	s->open[s->depth++] =
		(struct ser_open){ s->out->n, 0, type == SER_DICT, type == SER_TUPLE };
	s->kind->writer->open(s, type);
}

static void close_it(struct ser_sink *s)
{
	struct ser_open closed;

	if (s->refused || s->depth == 0)
		return;
	closed = s->open[--s->depth];
	if (!s->out->broken)
		s->kind->writer->close(s, &closed);
	end(s);
}

/* ---- as a sink ---- */

static void object(struct sink *sink)
{
	open_it(of(sink), SER_DICT);
}

static void array(struct sink *sink)
{
	open_it(of(sink), SER_LIST);
}

static void close_sink(struct sink *sink)
{
	close_it(of(sink));
}

static void string(struct sink *sink, const char *text, size_t n)
{
	begin(of(sink));
	writer_of(sink)->string(of(sink), text, n);
	end(of(sink));
}

static void key(struct sink *sink)
{
	of(sink)->is_key = true;
}

static void member(struct sink *sink, const char *name)
{
	string(sink, name, strlen(name));
}

static void integer(struct sink *sink, int64_t value, enum sink_width width)
{
	bool is_negative = width != SINK_UINT64 && value < 0;

	begin(of(sink));
	writer_of(sink)->integer(of(sink), is_negative,
				 is_negative ? 0 - (uint64_t)value : (uint64_t)value);
	end(of(sink));
}

/* A float is the same number in all notations: as many digits as a double has. */
static void real(struct sink *sink, double value, bool is_float)
{
	(void)is_float;
	begin(of(sink));
	writer_of(sink)->real(of(sink), value);
	end(of(sink));
}

static void boolean(struct sink *sink, bool value)
{
	begin(of(sink));
	writer_of(sink)->boolean(of(sink), value);
	end(of(sink));
}

static void null(struct sink *sink)
{
	begin(of(sink));
	writer_of(sink)->null(of(sink));
	end(of(sink));
}

static void put_base64(struct sink *sink, const uint8_t *data, size_t n)
{
	struct buf text = { 0 };

	json_put_base64(&text, data, n); /* in quotes */
	object(sink);
	member(sink, "data");
	if (text.broken)
		sink->broken = true;
	else
		string(sink, (const char *)text.data + 1, text.n - 2);
	member(sink, "encoding");
	ser_put_text(of(sink), "base64");
	close_sink(sink);
	buf_free(&text);
}

static void bytes(struct sink *sink, const uint8_t *data, size_t n)
{
	if (!writer_of(sink)->bytes) {
		put_base64(sink, data, n);
		return;
	}
	begin(of(sink));
	writer_of(sink)->bytes(of(sink), data, n);
	end(of(sink));
}

bool ser_is_4(const struct ser_sink *sink)
{
	return sink->protocol == SER_PYRO4;
}

struct sink *ser_begin_class(struct ser_sink *sink, const char *name)
{
	struct sink *to = &sink->sink;

	to->kind->object(to);
	to->kind->member(to, "__class__");
	ser_put_text(sink, name);
	return to;
}

static void put_empty(struct ser_sink *sink, unsigned n)
{
	while (n-- > 0) {
		ser_tuple(sink);
		sink->sink.kind->array_end(&sink->sink);
	}
}

/* Pyro4's state: URI, oneway, methods, attrs, timeout, hmac, handshake, retries, serializer;
 * Pyro5's: URI, oneway, methods, attrs, handshake, serializer. */
void ser_put_proxy(struct ser_sink *sink, const char *uri)
{
	struct sink *to =
		ser_begin_class(sink, ser_is_4(sink) ? "Pyro4.core.Proxy" : "Pyro5.client.Proxy");

	to->kind->member(to, "state");
	ser_tuple(sink);
	ser_put_text(sink, uri);
	put_empty(sink, 3);
	if (ser_is_4(sink)) {
		to->kind->real(to, 0, false);
		to->kind->null(to);
	}
	ser_put_text(sink, "hello");
	if (ser_is_4(sink))
		to->kind->integer(to, 0, SINK_NARROW);
	to->kind->null(to);
	to->kind->array_end(to);
	to->kind->object_end(to);
}

/* Pyro's proxies connect: what can be called over the connection that it came by alone is none. */
static void reference(struct sink *sink, const char *uri)
{
	if (strncmp(uri, "PYRO", 4) == 0) {
		ser_put_proxy(of(sink), uri);
		return;
	}
	if (!of(sink)->refused)
		of(sink)->refused = "an object that is not registered cannot be passed to Pyro";
	sink->kind->null(sink);
}

static const struct sink_kind kind = {
	.object = object,
	.object_end = close_sink,
	.array = array,
	.array_end = close_sink,
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

void ser_sink(struct ser_sink *sink, const struct ser_kind *of_kind, enum ser_protocol protocol,
	      struct buf *out)
{
	sink->sink = (struct sink){ .kind = &kind };
	sink->kind = of_kind;
	sink->protocol = protocol;
	sink->out = out;
	sink->depth = 0;
	sink->is_key = false;
	sink->refused = NULL;
	if (of_kind->writer->header)
		ser_append(sink, of_kind->writer->header);
}

bool ser_sink_end(struct ser_sink *sink, const char **why)
{
	*why = sink->refused ? sink->refused : "out of memory";
	return !sink->refused && !sink->sink.broken && !sink->out->broken;
}

void ser_tuple(struct ser_sink *sink)
{
	open_it(sink, SER_TUPLE);
}

void ser_put_text(struct ser_sink *sink, const char *text)
{
	string(&sink->sink, text, strlen(text));
}

void ser_put_member(struct ser_sink *sink, const char *name)
{
	member(&sink->sink, name);
}
