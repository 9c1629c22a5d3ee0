/* SPDX-License-Identifier: MIT */
#include "copy_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct copying {
	struct ser_source source;
	struct ser_sink sink;
	struct arena arena;
};

static void copy(struct copying *c);

static const char *terminated(struct copying *c, struct span text)
{
	char *ret = arena_alloc(&c->arena, text.n + 1);

	if (!ret)
		return "";
	memcpy(ret, text.p, text.n);
	return ret;
}

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
			ser_put_uri(&c->sink, terminated(c, span));
		else
			ser_put_proxy(&c->sink, terminated(c, span));
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
		source_skip(from); /* also when something is wrong */
		to->kind->null(to);
	}
}

bool copy_value(const struct ser_data *data, enum ser_protocol protocol, struct buf *out,
		char *text, size_t n)
{
	struct copying *c = calloc(1, sizeof(*c));
	const char *why;
	bool ok;

	if (!c)
		abort();
	arena_init(&c->arena, NULL, 0);
	ser_source(&c->source, data, 0);
	ser_sink(&c->sink, data->kind, protocol, out);
	copy(c);
	ok = ser_sink_end(&c->sink, &why) && !c->source.source.wrong;
	snprintf(text, n, "%s", c->source.source.wrong ? c->source.source.wrong : why);
	arena_clear(&c->arena);
	free(c);
	return ok;
}
