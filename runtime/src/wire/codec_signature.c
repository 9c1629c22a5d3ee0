/* SPDX-License-Identifier: MIT */
/*
 * How an operation looks, in the words of the IDL: for refusals that show both ends' idea of it.
 */
#include "base/text.h"
#include "wire/codec_internal.h"

static void put_field(struct text_out *text, const struct pyr__field *field, unsigned depth);

static void put_bound(struct text_out *text, uint32_t bound)
{
	if (bound > 0)
		text_add(text, ", %u", bound);
}

static void put_collection(struct text_out *text, const struct pyr__type *type, unsigned depth)
{
	if (type->kind != PYR__ARRAY)
		text_add(text, type->kind == PYR__MAP ? "map<" : "sequence<");
	put_field(text, &type->fields[0], depth);
	if (type->kind == PYR__MAP) {
		text_add(text, ", ");
		put_field(text, &type->fields[1], depth);
	}
	if (type->kind == PYR__ARRAY) {
		text_add(text, "[%u]", type->bound);
		return;
	}
	put_bound(text, type->bound);
	text_add(text, ">");
}

static void put_field(struct text_out *text, const struct pyr__field *field, unsigned depth)
{
	if (field->flags & PYR__OPTIONAL)
		text_add(text, "@optional ");
	switch (field->kind) {
	case PYR__STRING:
		text_add(text, field->bound > 0 ? "string<%u>" : "string", field->bound);
		break;
	case PYR__BYTES:
		text_add(text, "sequence<octet");
		put_bound(text, field->bound);
		text_add(text, ">");
		break;
	case PYR__SEQUENCE:
	case PYR__ARRAY:
	case PYR__MAP:
		if (depth < CODEC_DEPTH)
			put_collection(text, field->type, depth + 1);
		break;
	default:
		text_add(text, "%s",
			 field->type && field->type->name ? field->type->name
							  : codec_kind_name(field->kind));
	}
}

void codec_signature(const struct pyr__operation *operation, char *buf, size_t n)
{
	const struct pyr__field *item =
		codec_fields_from(operation, operation->n_in + operation->n_out);
	struct text_out text = { buf, buf + n };
	unsigned i;

	if (n == 0)
		return;
	text_add(&text, "(");
	for (i = 0; i < operation->n_in; i++) {
		text_add(&text, i > 0 ? ", " : "");
		put_field(&text, &operation->fields[i], 0);
	}
	if (operation->flags & PYR__STREAM_IN) {
		text_add(&text, operation->n_in > 0 ? ", stream<" : "stream<");
		put_field(&text, item++, 0);
		text_add(&text, ">");
	}
	text_add(&text, ") -> ");
	if (operation->flags & PYR__STREAM_OUT) {
		text_add(&text, "stream<");
		put_field(&text, item, 0);
		text_add(&text, ">");
	} else if (operation->n_out == 0)
		text_add(&text, "void");
	else if (operation->n_out > 1)
		text_add(&text, "(");
	for (i = 0; i < operation->n_out; i++) {
		text_add(&text, i > 0 ? ", " : "");
		put_field(&text, &operation->fields[operation->n_in + i], 0);
	}
	if (operation->n_out > 1)
		text_add(&text, ")");
}
