/* SPDX-License-Identifier: MIT */
/*
 * Lays out a shadow and its descriptor from a list of table lines. A message is entered in the
 * cache before its fields are built, and built from a work list, so a type may hold itself and a
 * long chain of types needs no stack.
 */
#include "wire/codec_build.h"

#include <stdlib.h>
#include <string.h>

struct layout { /* how the fields of one message are meant */
	const char *name, *role;
	const struct pyr__type *type; /* STRUCT, UNION; NULL: slots, wrapper, entry */
	const struct pyr__field *fields;
	unsigned n;
	bool slots, wrapper, in_collection;
};

static const struct {
	uint8_t type, wire;
} kinds[] = {
	[PYR__BOOL] = { PROTOBUF_C_TYPE_BOOL, PROTOBUF_C_WIRE_TYPE_VARINT },
	[PYR__CHAR] = { PROTOBUF_C_TYPE_UINT32, PROTOBUF_C_WIRE_TYPE_VARINT },
	[PYR__WCHAR] = { PROTOBUF_C_TYPE_UINT32, PROTOBUF_C_WIRE_TYPE_VARINT },
	[PYR__INT8] = { PROTOBUF_C_TYPE_INT32, PROTOBUF_C_WIRE_TYPE_VARINT },
	[PYR__UINT8] = { PROTOBUF_C_TYPE_UINT32, PROTOBUF_C_WIRE_TYPE_VARINT },
	[PYR__INT16] = { PROTOBUF_C_TYPE_INT32, PROTOBUF_C_WIRE_TYPE_VARINT },
	[PYR__UINT16] = { PROTOBUF_C_TYPE_UINT32, PROTOBUF_C_WIRE_TYPE_VARINT },
	[PYR__INT32] = { PROTOBUF_C_TYPE_INT32, PROTOBUF_C_WIRE_TYPE_VARINT },
	[PYR__UINT32] = { PROTOBUF_C_TYPE_UINT32, PROTOBUF_C_WIRE_TYPE_VARINT },
	[PYR__INT64] = { PROTOBUF_C_TYPE_INT64, PROTOBUF_C_WIRE_TYPE_VARINT },
	[PYR__UINT64] = { PROTOBUF_C_TYPE_UINT64, PROTOBUF_C_WIRE_TYPE_VARINT },
	[PYR__FLOAT] = { PROTOBUF_C_TYPE_FLOAT, PROTOBUF_C_WIRE_TYPE_32BIT },
	[PYR__DOUBLE] = { PROTOBUF_C_TYPE_DOUBLE, PROTOBUF_C_WIRE_TYPE_64BIT },
	[PYR__ENUM] = { PROTOBUF_C_TYPE_ENUM, PROTOBUF_C_WIRE_TYPE_VARINT },
	[PYR__STRING] = { PROTOBUF_C_TYPE_STRING, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED },
	[PYR__BYTES] = { PROTOBUF_C_TYPE_BYTES, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED },
};

static bool is_collection(uint8_t kind)
{
	return kind == PYR__SEQUENCE || kind == PYR__ARRAY || kind == PYR__MAP;
}

const struct codec_message *codec_build_message(struct codec_build *build,
						const struct pyr__type *type, enum codec_form form)
{
	return codec_cache_get(build, type, form, sizeof(struct codec_message));
}

/* What the field is on the wire: one value or many, of what, and how its absence shows. */
static bool classify(struct codec_build *build, const struct layout *layout,
		     const struct pyr__field *table, struct codec_field *field)
{
	bool is_union = layout->type && layout->type->kind == PYR__UNION;
	bool is_member = is_union && table != layout->fields;
	bool is_oneof = is_member && layout->type->oneof;
	bool optional = table->flags & PYR__OPTIONAL;
	const struct pyr__type *type = table->type;

	field->table = field->value = table;
	field->name = layout->wrapper ? NULL : table->name;
	field->id = table->id;
	if (is_oneof)
		field->presence = CODEC_ONEOF;
	else if (table->flags || is_member)
		field->presence = CODEC_HAS;
	if (is_collection(table->kind) && (layout->wrapper || !(optional || is_oneof)) &&
	    !layout->in_collection) {
		field->many = true;
		field->presence = CODEC_PLAIN;
		if (table->kind != PYR__MAP)
			field->value = &type->fields[0];
		if (table->kind == PYR__MAP)
			field->message = codec_build_message(build, type, CODEC_ENTRY);
		else if (field->value->kind >= PYR__STRUCT && field->value->kind <= PYR__MAP)
			field->message = codec_build_message(build, field->value->type, CODEC_TYPE);
	} else if (table->kind >= PYR__STRUCT && table->kind <= PYR__MAP) {
		field->message = codec_build_message(build, type, CODEC_TYPE);
	}
	if (!field->message && field->value->kind >= PYR__STRUCT && field->value->kind <= PYR__MAP)
		return false; /* out of memory */
	field->reference = !field->message && field->value->kind >= PYR__INTERFACE;
	if (field->reference && field->presence == CODEC_PLAIN)
		field->presence = CODEC_HAS;
	field->by_value =
		layout->slots && !(table->flags & PYR__OPTIONAL) && table->kind <= PYR__STRING;
	field->wire = field->message || field->reference ? PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED
							 : kinds[field->value->kind].wire;
	field->packable = field->many && !field->message && field->value->kind < PYR__STRING;
	return true;
}

/* Gives the field its place in the shadow; *end grows. oneof: place of the case, the value behind
 * it is shared. */
static void place(struct codec_field *field, uint32_t oneof, uint32_t *end)
{
	if (field->presence == CODEC_ONEOF) {
		field->quantifier = oneof;
		field->offset = oneof + 8;
		return;
	}
	if (field->many || field->presence == CODEC_HAS) {
		field->quantifier = *end;
		*end += 8;
	}
	field->offset = *end;
	*end += !field->many && !field->message &&
				(field->reference || field->value->kind == PYR__BYTES)
			? sizeof(ProtobufCBinaryData)
			: 8;
}

static void describe(const struct codec_field *field, ProtobufCFieldDescriptor *ret)
{
	bool flag_needed;

	ret->name = field->table->name;
	ret->id = field->id;
	ret->offset = field->offset;
	if (field->message) {
		ret->type = PROTOBUF_C_TYPE_MESSAGE;
		ret->descriptor = &field->message->pb;
	} else {
		ret->type =
			field->reference ? PROTOBUF_C_TYPE_BYTES : kinds[field->value->kind].type;
	}
	flag_needed = ret->type != PROTOBUF_C_TYPE_MESSAGE && ret->type != PROTOBUF_C_TYPE_STRING;
	if (field->many) {
		ret->label = PROTOBUF_C_LABEL_REPEATED;
		ret->quantifier_offset = field->quantifier;
		ret->flags = field->packable ? PROTOBUF_C_FIELD_FLAG_PACKED : 0;
	} else if (field->presence == CODEC_ONEOF) {
		ret->label = PROTOBUF_C_LABEL_OPTIONAL;
		ret->quantifier_offset = field->quantifier;
		ret->flags = PROTOBUF_C_FIELD_FLAG_ONEOF;
	} else if (field->presence == CODEC_HAS) {
		ret->label = PROTOBUF_C_LABEL_OPTIONAL;
		ret->quantifier_offset = flag_needed ? field->quantifier : 0;
	} else {
		ret->label = PROTOBUF_C_LABEL_NONE;
	}
}

static int compare_ids(const void *a, const void *b)
{
	const struct codec_field *x = *(const struct codec_field *const *)a;
	const struct codec_field *y = *(const struct codec_field *const *)b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* Descriptors in the order of ids, with what writing needs: nothing is ever read by them. */
static bool index_fields(struct codec_build *build, struct codec_message *message)
{
	bool oneof = message->union_type && message->union_type->oneof;
	unsigned first = oneof ? 1 : 0; /* its discriminator is in the table, not on the wire */
	unsigned i, n = message->n_fields - first;
	ProtobufCFieldDescriptor *fields = arena_alloc(build->memory, n * sizeof(*fields));

	message->by_id = arena_alloc(build->memory, n * sizeof(*message->by_id));
	if (!fields || !message->by_id)
		return false;
	for (i = 0; i < n; i++)
		message->by_id[i] = &message->fields[first + i];
	qsort(message->by_id, n, sizeof(*message->by_id), compare_ids);
	for (i = 0; i < n; i++)
		describe(message->by_id[i], &fields[i]);
	message->pb.fields = fields;
	message->pb.n_fields = n;
	return true;
}

/* Whether slots can stand in the shadow as they are, and which of them need a look all the same. */
static bool find_fixups(struct codec_build *build, struct codec_message *message)
{
	const struct codec_field *field;
	unsigned i;

	message->fixups = arena_alloc(build->memory, message->n_fields * sizeof(*message->fixups));
	if (!message->fixups)
		return false;
	message->direct = message->numbers = message->slots;
	for (i = 0; i < message->n_fields; i++) {
		field = &message->fields[i];
		if (!field->by_value || field->table->flags)
			message->direct = message->numbers = false;
		else if (field->table->kind == PYR__STRING ||
			 !codec_same_layout(field->table->kind))
			message->fixups[message->n_fixups++] = field;
		if (field->table->kind == PYR__STRING || field->table->kind == PYR__WCHAR)
			message->numbers = false;
	}
	return true;
}

/* Whether codec_flat.c can do it: a few required numbers in the order of their ids, whose tags are
 * one byte each. */
static bool is_flat(const struct codec_message *message)
{
	const struct codec_field *field;
	unsigned i;

	if (!message->direct || message->n_fields > CODEC_FLAT_MAX)
		return false;
	for (i = 0; i < message->n_fields; i++) {
		field = &message->fields[i];
		if (field->value->kind >= PYR__STRING || field->value->kind == PYR__WCHAR ||
		    field->id > 15 || (i > 0 && field->id <= field[-1].id))
			return false;
	}
	return true;
}

static bool build_fields(struct codec_build *build, const struct layout *layout,
			 struct codec_message *message)
{
	uint32_t end = sizeof(ProtobufCMessage), oneof = 0;
	unsigned i;

	message->role = layout->role;
	message->type = layout->type;
	message->slots = layout->slots;
	message->n_fields = layout->n;
	message->fields = arena_alloc(build->memory, layout->n * sizeof(*message->fields));
	if (!message->fields)
		return false;
	if (layout->type && layout->type->kind == PYR__UNION) {
		message->union_type = layout->type;
		oneof = end; /* also for a union that has none: 24 bytes of no use */
		end += 8 + sizeof(ProtobufCBinaryData);
	}
	for (i = 0; i < layout->n; i++) {
		if (!classify(build, layout, &layout->fields[i], &message->fields[i]))
			return false;
		place(&message->fields[i], oneof, &end);
	}
	message->pb.magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC;
	message->pb.name = message->pb.short_name = message->pb.c_name = layout->name;
	message->pb.package_name = "";
	message->pb.sizeof_message = end;
	if (!index_fields(build, message) || !find_fixups(build, message))
		return false;
	message->flat = is_flat(message);
	return true;
}

const struct codec_message *codec_build_slots(struct codec_build *build, const char *name,
					      const struct pyr__field *fields, unsigned n,
					      const char *role)
{
	struct layout layout = { .name = name, .role = role, .fields = fields, .n = n };
	struct codec_message *message = arena_alloc(build->memory, sizeof(*message));

	layout.slots = true;
	if (!message || !build_fields(build, &layout, message))
		return NULL;
	if (n == 1 && (fields[0].flags & PYR__WHOLE) && fields[0].kind == PYR__STRUCT)
		message->whole = message->fields[0].message;
	return message;
}

static bool build_entry(struct codec_build *build, const struct codec_entry *entry)
{
	const struct pyr__type *type = entry->table;
	struct layout layout = { .name = type->name ? type->name : "", .role = "member" };
	struct pyr__field *fields;

	if (entry->form == CODEC_TYPE && !is_collection(type->kind)) {
		layout.type = type;
		layout.fields = type->fields;
		layout.n = type->n_fields;
		return build_fields(build, &layout, entry->value);
	}
	layout.n = entry->form == CODEC_ENTRY ? 2 : 1;
	fields = arena_alloc(build->memory, layout.n * sizeof(*fields));
	if (!fields)
		return false;
	layout.fields = fields;
	if (entry->form == CODEC_ENTRY) {
		memcpy(fields, type->fields, 2 * sizeof(*fields));
		fields[0].id = 1;
		fields[1].id = 2;
		layout.in_collection = true;
	} else {
		fields[0].id = 1;
		fields[0].name = "items";
		fields[0].kind = type->kind;
		fields[0].type = type;
		layout.wrapper = true;
	}
	return build_fields(build, &layout, entry->value);
}

/* Building adds newer entries in front: runs until a pass has met nothing new. */
bool codec_build_rest(struct codec_build *build)
{
	struct codec_entry *first, *entry;

	while (build->added != build->todo) {
		first = build->added;
		for (entry = first; entry != build->todo; entry = entry->next_new)
			if (entry->form != CODEC_INTERFACE && !build_entry(build, entry))
				return false;
		build->todo = first;
	}
	return true;
}
