/* SPDX-License-Identifier: MIT */
#include "face/pyro/members.h"

static struct members_sink *own(struct sink *sink)
{
	return (struct members_sink *)sink;
}

static struct sink *into(struct sink *sink)
{
	return own(sink)->into;
}

static void put_object(struct sink *sink)
{
	if (own(sink)->depth++ > 0)
		into(sink)->kind->object(into(sink));
}

static void put_object_end(struct sink *sink)
{
	if (--own(sink)->depth > 0)
		into(sink)->kind->object_end(into(sink));
}

static void put_array(struct sink *sink)
{
	into(sink)->kind->array(into(sink));
}

static void put_array_end(struct sink *sink)
{
	into(sink)->kind->array_end(into(sink));
}

static void put_member(struct sink *sink, const char *name)
{
	into(sink)->kind->member(into(sink), name);
}

static void put_key(struct sink *sink)
{
	into(sink)->kind->key(into(sink));
}

static void put_string(struct sink *sink, const char *text, size_t n)
{
	into(sink)->kind->string(into(sink), text, n);
}

static void put_integer(struct sink *sink, int64_t value, enum sink_width width)
{
	into(sink)->kind->integer(into(sink), value, width);
}

static void put_real(struct sink *sink, double value, bool is_float)
{
	into(sink)->kind->real(into(sink), value, is_float);
}

static void put_boolean(struct sink *sink, bool value)
{
	into(sink)->kind->boolean(into(sink), value);
}

static void put_null(struct sink *sink)
{
	into(sink)->kind->null(into(sink));
}

static void put_bytes(struct sink *sink, const uint8_t *data, size_t n)
{
	into(sink)->kind->bytes(into(sink), data, n);
}

static void put_reference(struct sink *sink, const char *uri)
{
	into(sink)->kind->reference(into(sink), uri);
}

static const struct sink_kind kind = {
	.object = put_object,
	.object_end = put_object_end,
	.array = put_array,
	.array_end = put_array_end,
	.member = put_member,
	.key = put_key,
	.string = put_string,
	.integer = put_integer,
	.real = put_real,
	.boolean = put_boolean,
	.null = put_null,
	.bytes = put_bytes,
	.reference = put_reference,
};

void members_sink(struct members_sink *members, struct sink *into_sink)
{
	*members = (struct members_sink){ .sink = { .kind = &kind }, .into = into_sink };
}
