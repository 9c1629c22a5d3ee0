/* SPDX-License-Identifier: MIT */
/* C values into a sink. They came through the codec, which has bounded how deep they are. */
#include <string.h>

#include "value/value_own.h"

static void put_integer(struct sink *sink, uint8_t kind, const void *value)
{
	sink->kind->integer(sink, codec_integer_get(kind, value),
			    kind == PYR__INT64    ? SINK_INT64
			    : kind == PYR__UINT64 ? SINK_UINT64
						  : SINK_NARROW);
}

static void put_text(struct sink *sink, const char *text)
{
	sink->kind->string(sink, text, strlen(text));
}

static void put_enum(struct sink *sink, const struct pyr__type *type, const void *value)
{
	int32_t number = (int32_t)codec_integer_get(PYR__ENUM, value);
	uint32_t i;

	for (i = 0; i < type->n_enumerators; i++)
		if (type->enumerators[i].value == number) {
			put_text(sink, type->enumerators[i].name);
			return;
		}
	put_integer(sink, PYR__INT32, value);
}

void value_write_scalar(struct sink *sink, const struct pyr__field *field, const void *value)
{
	const struct pyr_bytes *bytes = value;
	const char *text;
	double number;

	switch (field->kind) {
	case PYR__BOOL:
		sink->kind->boolean(sink, codec_integer_get(PYR__BOOL, value) != 0);
		return;
	case PYR__FLOAT:
		sink->kind->real(sink, (double)*(const float *)value, true);
		return;
	case PYR__DOUBLE:
		memcpy(&number, value, sizeof(number));
		sink->kind->real(sink, number, false);
		return;
	case PYR__ENUM:
		put_enum(sink, field->type, value);
		return;
	case PYR__STRING:
		memcpy(&text, value, sizeof(text));
		put_text(sink, text ? text : "");
		return;
	case PYR__BYTES:
		sink->kind->bytes(sink, bytes->items, bytes->n);
		return;
	default:
		put_integer(sink, field->kind, value);
	}
}

/* ---- members ---- */

static void put_member(const struct value_writing *writing, const struct pyr__type *owner,
		       const struct pyr__field *field, const void *base)
{
	const char *at = (const char *)base + field->offset;

	if ((field->flags & PYR__OPTIONAL) && !*((const uint8_t *)base + field->has_offset))
		return;
	writing->sink->kind->member(writing->sink, field->name);
	value_write(writing, field, value_is_wrapped(owner, field), at);
}

static void put_union(const struct value_writing *writing, const struct pyr__type *type,
		      const void *value)
{
	const struct pyr__field *discriminator = &type->fields[0];
	const char *at = (const char *)value + discriminator->offset;
	unsigned member = codec_union_member(type, codec_integer_get(discriminator->kind, at));

	if (!type->oneof)
		put_member(writing, type, discriminator, value);
	if (member > 0)
		put_member(writing, type, &type->fields[member], value);
}

void value_write_members(const struct value_writing *writing, const struct pyr__type *type,
			 const void *value)
{
	uint32_t i;

	if (type->kind == PYR__UNION) {
		put_union(writing, type, value);
		return;
	}
	for (i = 0; i < type->n_fields; i++)
		put_member(writing, type, &type->fields[i], value);
}

/* ---- collections ---- */

struct list {
	size_t n;
	const void *items;
};

static void put_map(const struct value_writing *writing, const struct pyr__type *type,
		    const struct list *list)
{
	const struct pyr__field *key = &type->fields[0], *value = &type->fields[1];
	struct sink *sink = writing->sink;
	const char *entry = list->items;
	size_t i;

	sink->kind->object(sink);
	for (i = 0; i < list->n; i++, entry += type->entry_size) {
		sink->kind->key(sink);
		value_write_scalar(sink, key, entry + key->offset);
		value_write(writing, value, value_is_wrapped(type, value), entry + value->offset);
	}
	sink->kind->object_end(sink);
}

static void put_list(const struct value_writing *writing, const struct pyr__type *type,
		     const struct list *list)
{
	const struct pyr__field *item = &type->fields[0];
	size_t step = codec_natural_size(item), i;

	writing->sink->kind->array(writing->sink);
	for (i = 0; i < list->n; i++)
		value_write(writing, item, value_is_wrapped(type, item),
			    (const char *)list->items + i * step);
	writing->sink->kind->array_end(writing->sink);
}

static void put_collection(const struct value_writing *writing, const struct pyr__type *type,
			   bool is_wrapped, const void *value)
{
	struct list list = { type->bound, value };

	if (type->kind != PYR__ARRAY)
		memcpy(&list, value, sizeof(list));
	if (is_wrapped) {
		writing->sink->kind->object(writing->sink);
		writing->sink->kind->member(writing->sink, "items");
	}
	if (type->kind == PYR__MAP)
		put_map(writing, type, &list);
	else
		put_list(writing, type, &list);
	if (is_wrapped)
		writing->sink->kind->object_end(writing->sink);
}

/* ---- all of it ---- */

static void put_reference(const struct value_writing *writing, const void *value)
{
	const char *uri = value && writing->objects ? writing->objects->uri(value) : NULL;

	if (uri)
		writing->sink->kind->reference(writing->sink, uri);
	else
		writing->sink->kind->null(writing->sink);
}

void value_write(const struct value_writing *writing, const struct pyr__field *field,
		 bool is_wrapped, const void *value)
{
	const void *pointer = NULL;

	switch (field->kind) {
	case PYR__STRUCT:
	case PYR__UNION:
		writing->sink->kind->object(writing->sink);
		value_write_members(writing, field->type, value);
		writing->sink->kind->object_end(writing->sink);
		return;
	case PYR__SEQUENCE:
	case PYR__ARRAY:
	case PYR__MAP:
		put_collection(writing, field->type, is_wrapped, value);
		return;
	case PYR__INTERFACE:
	case PYR__OBJECT:
	case PYR__ANY:
		memcpy(&pointer, value, sizeof(pointer));
		if (field->kind == PYR__ANY)
			value_write_any(writing, pointer);
		else
			put_reference(writing, pointer);
		return;
	default:
		value_write_scalar(writing->sink, field, value);
	}
}
