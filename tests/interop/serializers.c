/* SPDX-License-Identifier: MIT */
/*
 * Reads what one of Pyro's serializers wrote, and writes it again: serializers-echo, between pipes,
 * for serializers.py. A request is the protocol and the serializer's id (2 bytes each), the length
 * and the payload; an answer is 1 and a payload, or 0 and a message, with a length, too. All
 * numbers are big-endian.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "face/pyro/ser.h"

enum { LARGEST = 64 << 20, MEMORY = 512 << 20 };

struct copying {
	struct ser_source source;
	struct ser_sink sink;
	struct arena arena;
};

static void copy(struct copying *c);

static void copy_array(struct copying *c)
{
	struct source *from = &c->source.source;
	struct sink *to = &c->sink.sink;
	size_t n;

	source_open(from);
	to->kind->array(to);
	for (n = 0; source_more(from, SOURCE_ARRAY, n); n++)
		copy(c);
	to->kind->array_end(to);
}

static void copy_key(struct copying *c)
{
	struct sink *to = &c->sink.sink;
	struct source_key key = { SOURCE_NULL, { NULL, 0 } };

	source_key(&c->source.source, &c->arena, &key);
	to->kind->key(to);
	if (key.kind == SOURCE_STRING)
		to->kind->string(to, (const char *)key.text.p, key.text.n);
	else if (key.kind == SOURCE_NUMBER)
		to->kind->integer(to, strtoll((const char *)key.text.p, NULL, 10), SINK_INT64);
	else
		to->kind->boolean(to, key.kind == SOURCE_TRUE);
}

static void copy_object(struct copying *c)
{
	struct source *from = &c->source.source;
	struct sink *to = &c->sink.sink;
	size_t n;

	source_open(from);
	to->kind->object(to);
	for (n = 0; source_more(from, SOURCE_OBJECT, n); n++) {
		copy_key(c);
		copy(c);
	}
	to->kind->object_end(to);
}

static void copy_number(struct copying *c)
{
	struct sink *to = &c->sink.sink;
	struct source_number number;

	c->source.source.kind->number(&c->source.source, &number);
	if (number.text.p)
		source_fail(&c->source.source, "an integer is too large");
	else if (number.is_real)
		to->kind->real(to, number.real, false);
	else
		to->kind->integer(
			to, (int64_t)(number.is_negative ? 0 - number.magnitude : number.magnitude),
			number.is_negative ? SINK_INT64 : SINK_UINT64);
}

/* As a method sees it that takes what it is given and returns that. */
static void copy(struct copying *c)
{
	struct source *from = &c->source.source;
	struct sink *to = &c->sink.sink;
	enum source_next next = source_peek(from);
	enum ser_class class = ser_class(c->source.data, c->source.at);
	struct span span;

	switch (next) {
	case SOURCE_ARRAY:
		copy_array(c);
		return;
	case SOURCE_OBJECT:
		copy_object(c);
		return;
	case SOURCE_NUMBER:
		copy_number(c);
		return;
	case SOURCE_STRING:
		if (!source_string(from, &c->arena, &span))
			return;
		if (class == SER_PLAIN)
			to->kind->string(to, (const char *)span.p, span.n);
		else if (class == SER_URI)
			ser_put_uri(&c->sink, span_dup(span));
		else
			ser_put_proxy(&c->sink, span_dup(span));
		return;
	case SOURCE_BYTES:
		from->kind->bytes(from, &c->arena, &span);
		to->kind->bytes(to, span.p, span.n);
		return;
	case SOURCE_TRUE:
	case SOURCE_FALSE:
		source_skip(from);
		to->kind->boolean(to, next == SOURCE_TRUE);
		return;
	default:
		source_skip(from);
		to->kind->null(to);
	}
}

static bool answer(enum ser_protocol protocol, unsigned id, struct span payload, struct buf *out)
{
	const struct ser_kind *kind = ser_find(protocol, id);
	struct copying *c = calloc(1, sizeof(*c));
	struct ser_data data;
	const char *why = "";
	char text[200] = "no such serializer";
	bool ok = false;

	if (!c)
		abort();
	arena_init(&c->arena, NULL, 0);
	c->arena.max = MEMORY;
	if (kind && ser_parse(kind, payload, &c->arena, &data, text, sizeof(text))) {
		ser_source(&c->source, &data, 0);
		ser_sink(&c->sink, kind, protocol, out);
		copy(c);
		ok = ser_sink_end(&c->sink, &why) && !c->source.source.wrong;
		snprintf(text, sizeof(text), "%s",
			 c->source.source.wrong ? c->source.source.wrong : why);
	}
	if (!ok) {
		buf_reset(out);
		buf_append(out, text, strlen(text));
	}
	arena_clear(&c->arena);
	free(c);
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
