/* SPDX-License-Identifier: MIT */
#include "value/layout.h"

#include "wire/codec.h"

enum state { NEW = 0, BEGUN, DONE };

struct place {
	uint64_t size;
	uint32_t align;
};

struct layout_type *layout_add(struct layout *layout, uint8_t kind)
{
	struct layout_type *type = arena_alloc(layout->arena, sizeof(*type));

	if (!type)
		return NULL;
	type->table.kind = kind;
	layout_own(layout, type);
	return type;
}

void layout_own(struct layout *layout, struct layout_type *type)
{
	type->next = layout->all;
	layout->all = type;
}

static uint64_t up(uint64_t size, uint32_t align)
{
	return (size + align - 1) / align * align;
}

static const char *lay_out(struct layout_type *type, unsigned depth);

/* What a value takes; the types of members lie inside, those of lists elsewhere. */
static const char *place_of(const struct pyr__field *field, unsigned depth, struct place *ret)
{
	struct layout_type *type = (struct layout_type *)field->type;
	const char *wrong = NULL;

	switch (field->kind) {
	case PYR__STRUCT:
	case PYR__UNION:
	case PYR__ARRAY:
		wrong = lay_out(type, depth + 1);
		*ret = (struct place){ type->table.size, type->align };
		return wrong;
	case PYR__SEQUENCE:
	case PYR__MAP:
	case PYR__BYTES:
		*ret = (struct place){ sizeof(struct pyr_bytes), _Alignof(struct pyr_bytes) };
		return NULL;
	case PYR__ENUM:
		*ret = (struct place){ sizeof(int32_t), _Alignof(int32_t) };
		return NULL;
	default:
		ret->size = codec_natural_size(field);
		ret->align = (uint32_t)ret->size;
		return NULL;
	}
}

static const char *put(struct pyr__field *field, unsigned depth, struct place *whole)
{
	struct place place;
	const char *wrong = place_of(field, depth, &place);

	if (wrong)
		return wrong;
	if (field->flags & PYR__OPTIONAL)
		field->has_offset = (uint32_t)whole->size++;
	field->offset = (uint32_t)up(whole->size, place.align);
	whole->size = field->offset + place.size;
	if (whole->align < place.align)
		whole->align = place.align;
	return whole->size > LAYOUT_SIZE ? "a type is too large" : NULL;
}

static const char *put_struct(const struct pyr__type *table, unsigned depth, struct place *ret)
{
	struct pyr__field *fields = (struct pyr__field *)table->fields;
	const char *wrong = NULL;
	uint32_t i;

	for (i = 0; !wrong && i < table->n_fields; i++)
		wrong = put(&fields[i], depth, ret);
	if (table->n_fields == 0)
		ret->size = 1;
	return wrong;
}

/* The members of a union begin where the one does that is aligned most. */
static const char *put_union(const struct pyr__type *table, unsigned depth, struct place *ret)
{
	struct pyr__field *fields = (struct pyr__field *)table->fields;
	struct place members = { 0, 1 }, place;
	const char *wrong = put(&fields[0], depth, ret);
	uint32_t i;

	for (i = 1; !wrong && i < table->n_fields; i++) {
		wrong = place_of(&fields[i], depth, &place);
		members.size = place.size > members.size ? place.size : members.size;
		members.align = place.align > members.align ? place.align : members.align;
	}
	if (wrong)
		return wrong;
	for (i = 1; i < table->n_fields; i++)
		fields[i].offset = (uint32_t)up(ret->size, members.align);
	ret->size = up(ret->size, members.align) + up(members.size, members.align);
	ret->align = members.align > ret->align ? members.align : ret->align;
	return ret->size > LAYOUT_SIZE ? "a type is too large" : NULL;
}

static const char *put_array(const struct pyr__type *table, unsigned depth, struct place *ret)
{
	const char *wrong = place_of(&table->fields[0], depth, ret);

	if (wrong)
		return wrong;
	ret->size *= table->bound;
	return ret->size > LAYOUT_SIZE ? "a type is too large" : NULL;
}

static const char *lay_out_new(struct layout_type *type, unsigned depth)
{
	struct place place = { 0, 1 };
	const char *wrong = NULL;

	switch (type->table.kind) {
	case PYR__STRUCT:
		wrong = put_struct(&type->table, depth, &place);
		break;
	case PYR__UNION:
		wrong = put_union(&type->table, depth, &place);
		break;
	case PYR__ARRAY:
		wrong = put_array(&type->table, depth, &place);
		break;
	case PYR__ENUM:
		place = (struct place){ sizeof(int32_t), _Alignof(int32_t) };
		break;
	case PYR__INTERFACE:
		break;
	default: /* sequences and maps; an entry waits until all else is known */
		place = (struct place){ sizeof(struct pyr_bytes), _Alignof(struct pyr_bytes) };
	}
	type->align = place.align;
	type->table.size = (uint32_t)up(place.size, place.align);
	return wrong;
}

static const char *lay_out(struct layout_type *type, unsigned depth)
{
	const char *wrong;

	if (type->state == DONE)
		return NULL;
	if (type->state == BEGUN)
		return "a type contains itself";
	if (depth > LAYOUT_DEPTH)
		return "types are nested too deep";
	type->state = BEGUN;
	wrong = lay_out_new(type, depth);
	type->state = DONE;
	return wrong;
}

const char *layout_all(struct layout *layout)
{
	struct layout_type *type;
	struct place entry;
	const char *wrong = NULL;

	for (type = layout->all; !wrong && type; type = type->next)
		wrong = lay_out(type, 0);
	for (type = layout->all; !wrong && type; type = type->next) {
		if (type->table.kind != PYR__MAP)
			continue;
		entry = (struct place){ 0, 1 };
		wrong = put_struct(&type->table, 0, &entry);
		type->table.entry_size = (uint32_t)up(entry.size, entry.align);
	}
	return wrong;
}
