/* SPDX-License-Identifier: MIT */
/* Values of which no type is known, out of a source into a sink. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "value/value_own.h"

struct copying {
	struct source *from;
	struct arena *arena;
	struct sink *to;
};

static bool copy(const struct copying *c);

/* Integers that JSON's readers may take for reals, too, need no other width. */
static void put_integer(struct sink *to, bool is_negative, uint64_t magnitude)
{
	int64_t value = (int64_t)(is_negative ? 0 - magnitude : magnitude);

	to->kind->integer(to, value,
			  magnitude <= UINT64_C(1) << 53 ? SINK_NARROW
			  : is_negative                  ? SINK_INT64
							 : SINK_UINT64);
}

static bool put_text_number(const struct copying *c, struct span text)
{
	bool is_negative = text.p[0] == '-';
	uint64_t magnitude;
	char copied[400];

	if (text.n >= sizeof(copied))
		return source_fail(c->from, "a number is too long");
	memcpy(copied, text.p, text.n);
	copied[text.n] = '\0';
	errno = 0;
	magnitude = strtoull(copied + is_negative, NULL, 10);
	if (strpbrk(copied, ".eE") || (is_negative && magnitude == 0))
		c->to->kind->real(c->to, strtod(copied, NULL), false);
	else if (errno || (is_negative && magnitude > (uint64_t)INT64_MAX + 1))
		return source_fail(c->from, "an integer is too large");
	else
		put_integer(c->to, is_negative, magnitude);
	return true;
}

static bool copy_number(const struct copying *c)
{
	struct source_number number;

	if (!c->from->kind->number(c->from, &number))
		return false;
	if (number.text.p)
		return put_text_number(c, number.text);
	if (number.is_real)
		c->to->kind->real(c->to, number.real, false);
	else if (number.is_negative && number.magnitude > (uint64_t)INT64_MAX + 1)
		return source_fail(c->from, "an integer is too large");
	else
		put_integer(c->to, number.is_negative, number.magnitude);
	return true;
}

static bool copy_text(const struct copying *c, bool is_bytes)
{
	struct span span;

	if (is_bytes) {
		if (!c->from->kind->bytes(c->from, c->arena, &span))
			return false;
		c->to->kind->bytes(c->to, span.p, span.n);
		return true;
	}
	if (!source_string(c->from, c->arena, &span))
		return false;
	c->to->kind->string(c->to, (const char *)span.p, span.n);
	return true;
}

/* Keys are strings: what is a number is its decimals. */
static bool copy_key(const struct copying *c)
{
	struct source_key key;

	if (!source_key(c->from, c->arena, &key))
		return false;
	c->to->kind->key(c->to);
	c->to->kind->string(c->to, (const char *)key.text.p, key.text.n);
	return true;
}

static bool copy_inside(const struct copying *c, enum source_next in)
{
	bool ok = source_open(c->from);
	size_t n;

	for (n = 0; ok && source_more(c->from, in, n); n++)
		ok = (in == SOURCE_ARRAY || copy_key(c)) && copy(c);
	return ok && !c->from->wrong;
}

static bool copy_collection(const struct copying *c, enum source_next in)
{
	const struct sink_kind *kind = c->to->kind;
	bool ok;

	(in == SOURCE_ARRAY ? kind->array : kind->object)(c->to);
	ok = copy_inside(c, in);
	(in == SOURCE_ARRAY ? kind->array_end : kind->object_end)(c->to);
	return ok;
}

static bool copy(const struct copying *c)
{
	enum source_next next = source_peek(c->from);

	switch (next) {
	case SOURCE_ARRAY:
	case SOURCE_OBJECT:
		return copy_collection(c, next);
	case SOURCE_NUMBER:
		return copy_number(c);
	case SOURCE_STRING:
	case SOURCE_BYTES:
		return copy_text(c, next == SOURCE_BYTES);
	case SOURCE_TRUE:
	case SOURCE_FALSE:
		c->to->kind->boolean(c->to, next == SOURCE_TRUE);
		return source_skip(c->from);
	case SOURCE_NULL:
		c->to->kind->null(c->to);
		return source_skip(c->from);
	default:
		return source_fail(c->from, next == SOURCE_END ? "it ends too early" : "no value");
	}
}

struct work {
	struct copying copying;
	bool is_inside, ok;
};

static void work(void *arg)
{
	struct work *w = arg;
	enum source_next next = source_peek(w->copying.from);

	w->ok = w->is_inside ? copy_inside(&w->copying, next) : copy(&w->copying);
}

bool value_copy(struct source *from, struct arena *arena, struct sink *to)
{
	struct work w = { .copying = { from, arena, to } };

	value_on_stack(work, &w);
	return w.ok;
}

bool value_copy_inside(struct source *from, struct arena *arena, struct sink *to)
{
	struct work w = { .copying = { from, arena, to }, .is_inside = true };

	value_on_stack(work, &w);
	return w.ok;
}
