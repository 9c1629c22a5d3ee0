/* SPDX-License-Identifier: MIT */
/* C values into JSON. They came through the codec, which has bounded how deep they are. */
#include <inttypes.h>
#include <string.h>

#include "value/value_own.h"

static void put_number(struct buf *out, uint8_t kind, const void *value)
{
	int64_t number = codec_integer_get(kind, value);
	char text[32];

	switch (kind) {
	case PYR__INT64:
		snprintf(text, sizeof(text), "\"%" PRId64 "\"", number);
		break;
	case PYR__UINT64:
		snprintf(text, sizeof(text), "\"%" PRIu64 "\"", (uint64_t)number);
		break;
	default:
		snprintf(text, sizeof(text), "%" PRId64, number);
	}
	json_put(out, text);
}

static void put_enum(struct buf *out, const struct pyr__type *type, const void *value)
{
	int32_t number = (int32_t)codec_integer_get(PYR__ENUM, value);
	uint32_t i;

	for (i = 0; i < type->n_enumerators; i++)
		if (type->enumerators[i].value == number) {
			json_put_string(out, type->enumerators[i].name,
					strlen(type->enumerators[i].name));
			return;
		}
	put_number(out, PYR__INT32, value);
}

void value_write_scalar(struct buf *out, const struct pyr__field *field, const void *value)
{
	const struct pyr_bytes *bytes = value;
	const char *text;
	double number;

	switch (field->kind) {
	case PYR__BOOL:
		json_put(out, codec_integer_get(PYR__BOOL, value) ? "true" : "false");
		return;
	case PYR__FLOAT:
		json_put_float(out, *(const float *)value);
		return;
	case PYR__DOUBLE:
		memcpy(&number, value, sizeof(number));
		json_put_double(out, number);
		return;
	case PYR__ENUM:
		put_enum(out, field->type, value);
		return;
	case PYR__STRING:
		memcpy(&text, value, sizeof(text));
		json_put_string(out, text ? text : "", text ? strlen(text) : 0);
		return;
	case PYR__BYTES:
		json_put_base64(out, bytes->items, bytes->n);
		return;
	default:
		put_number(out, field->kind, value);
	}
}

/* ---- members ---- */

static void put_name(struct buf *out, const char *name, bool *is_first)
{
	json_put(out, *is_first ? "" : ", ");
	json_put_string(out, name, strlen(name));
	json_put(out, ": ");
	*is_first = false;
}

static void put_member(const struct value_writing *writing, const struct pyr__type *owner,
		       const struct pyr__field *field, const void *base, bool *is_first)
{
	const char *at = (const char *)base + field->offset;

	if ((field->flags & PYR__OPTIONAL) && !*((const uint8_t *)base + field->has_offset))
		return;
	put_name(writing->out, field->name, is_first);
	value_write(writing, field, value_is_wrapped(owner, field), at);
}

static void put_union(const struct value_writing *writing, const struct pyr__type *type,
		      const void *value, bool *is_first)
{
	const struct pyr__field *discriminator = &type->fields[0];
	const char *at = (const char *)value + discriminator->offset;
	unsigned member = codec_union_member(type, codec_integer_get(discriminator->kind, at));

	if (!type->oneof)
		put_member(writing, type, discriminator, value, is_first);
	if (member > 0)
		put_member(writing, type, &type->fields[member], value, is_first);
}

void value_write_members(const struct value_writing *writing, const struct pyr__type *type,
			 const void *value, bool is_first)
{
	uint32_t i;

	if (type->kind == PYR__UNION) {
		put_union(writing, type, value, &is_first);
		return;
	}
	for (i = 0; i < type->n_fields; i++)
		put_member(writing, type, &type->fields[i], value, &is_first);
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
	const char *entry = list->items;
	bool is_quoted;
	size_t i;

	json_put(writing->out, "{");
	for (i = 0; i < list->n; i++, entry += type->entry_size) {
		is_quoted = key->kind == PYR__STRING || key->kind == PYR__INT64 ||
			    key->kind == PYR__UINT64;
		json_put(writing->out, i > 0 ? ", " : "");
		json_put(writing->out, is_quoted ? "" : "\"");
		value_write_scalar(writing->out, key, entry + key->offset);
		json_put(writing->out, is_quoted ? ": " : "\": ");
		value_write(writing, value, value_is_wrapped(type, value), entry + value->offset);
	}
	json_put(writing->out, "}");
}

static void put_list(const struct value_writing *writing, const struct pyr__type *type,
		     const struct list *list)
{
	const struct pyr__field *item = &type->fields[0];
	size_t step = codec_natural_size(item), i;

	json_put(writing->out, "[");
	for (i = 0; i < list->n; i++) {
		json_put(writing->out, i > 0 ? ", " : "");
		value_write(writing, item, value_is_wrapped(type, item),
			    (const char *)list->items + i * step);
	}
	json_put(writing->out, "]");
}

static void put_collection(const struct value_writing *writing, const struct pyr__type *type,
			   bool is_wrapped, const void *value)
{
	struct list list = { type->bound, value };

	if (type->kind != PYR__ARRAY)
		memcpy(&list, value, sizeof(list));
	json_put(writing->out, is_wrapped ? "{\"items\": " : "");
	if (type->kind == PYR__MAP)
		put_map(writing, type, &list);
	else
		put_list(writing, type, &list);
	json_put(writing->out, is_wrapped ? "}" : "");
}

/* ---- all of it ---- */

static void put_reference(const struct value_writing *writing, const void *value)
{
	const char *uri = value && writing->objects ? writing->objects->uri(value) : NULL;

	if (uri)
		json_put_string(writing->out, uri, strlen(uri));
	else
		json_put(writing->out, "null");
}

void value_write(const struct value_writing *writing, const struct pyr__field *field,
		 bool is_wrapped, const void *value)
{
	const void *pointer = NULL;

	switch (field->kind) {
	case PYR__STRUCT:
	case PYR__UNION:
		json_put(writing->out, "{");
		value_write_members(writing, field->type, value, true);
		json_put(writing->out, "}");
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
		value_write_scalar(writing->out, field, value);
	}
}
