/* SPDX-License-Identifier: MIT */
/*
 * How an operation looks, in the words of the IDL: for refusals that show both ends' idea of it.
 */
#include "wire/codec_internal.h"

#include <stdio.h>

struct text {
	char *at, *end; /* at < end: what is written is always terminated */
};

static void put(struct text *text, const char *format, ...) PYR_PRINTF(2, 3);
static void put_field(struct text *text, const struct pyr__field *field, unsigned depth);

static void put(struct text *text, const char *format, ...)
{
	size_t room = (size_t)(text->end - text->at);
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text->at, room, format, args);
	va_end(args);
	if (n > 0)
		text->at += (size_t)n < room ? (size_t)n : room - 1;
}

static void put_bound(struct text *text, uint32_t bound)
{
	if (bound > 0)
		put(text, ", %u", bound);
}

static void put_collection(struct text *text, const struct pyr__type *type, unsigned depth)
{
	if (type->kind != PYR__ARRAY)
		put(text, type->kind == PYR__MAP ? "map<" : "sequence<");
	put_field(text, &type->fields[0], depth);
	if (type->kind == PYR__MAP) {
		put(text, ", ");
		put_field(text, &type->fields[1], depth);
	}
	if (type->kind == PYR__ARRAY) {
		put(text, "[%u]", type->bound);
		return;
	}
	put_bound(text, type->bound);
	put(text, ">");
}

static void put_field(struct text *text, const struct pyr__field *field, unsigned depth)
{
	if (field->flags & PYR__OPTIONAL)
		put(text, "@optional ");
	switch (field->kind) {
	case PYR__STRING:
		put(text, field->bound > 0 ? "string<%u>" : "string", field->bound);
		break;
	case PYR__BYTES:
		put(text, "sequence<octet");
		put_bound(text, field->bound);
		put(text, ">");
		break;
	case PYR__SEQUENCE:
	case PYR__ARRAY:
	case PYR__MAP:
		if (depth < CODEC_DEPTH)
			put_collection(text, field->type, depth + 1);
		break;
	default:
		put(text, "%s",
		    field->type && field->type->name ? field->type->name
						     : codec_kind_name(field->kind));
	}
}

void codec_signature(const struct pyr__operation *operation, char *buf, size_t n)
{
	const struct pyr__field *item =
		operation->fields ? operation->fields + operation->n_in + operation->n_out : NULL;
	struct text text = { buf, buf + n };
	unsigned i;

	if (n == 0)
		return;
	put(&text, "(");
	for (i = 0; i < operation->n_in; i++) {
		put(&text, i > 0 ? ", " : "");
		put_field(&text, &operation->fields[i], 0);
	}
	if (operation->flags & PYR__STREAM_IN) {
		put(&text, operation->n_in > 0 ? ", stream<" : "stream<");
		put_field(&text, item++, 0);
		put(&text, ">");
	}
	put(&text, ") -> ");
	if (operation->flags & PYR__STREAM_OUT) {
		put(&text, "stream<");
		put_field(&text, item, 0);
		put(&text, ">");
	} else if (operation->n_out == 0)
		put(&text, "void");
	else if (operation->n_out > 1)
		put(&text, "(");
	for (i = 0; i < operation->n_out; i++) {
		put(&text, i > 0 ? ", " : "");
		put_field(&text, &operation->fields[operation->n_in + i], 0);
	}
	if (operation->n_out > 1)
		put(&text, ")");
}
