/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* qsort_r() */
#include "value/description_own.h"

#include <stdlib.h>
#include <string.h>

/* ---- fields ---- */

struct layout_type *description_type(const struct maker *maker, const char *name)
{
	size_t low = 0, high = maker->shape->decls.n, middle;
	int order;

	while (low < high) {
		middle = low + (high - low) / 2;
		order = strcmp(maker->types[maker->by_name[middle]].table.name, name);
		if (order == 0)
			return &maker->types[maker->by_name[middle]];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static bool put_named(struct maker *maker, const struct shape_type *told, struct pyr__field *ret)
{
	struct layout_type *type = description_type(maker, told->name);

	if (!type || type->table.kind != told->kind)
		return description_fail(maker, "'%.100s' is not a type", told->name);
	ret->type = &type->table;
	return true;
}

/* An interface of which only the name is known. */
static bool put_interface(struct maker *maker, const struct shape_type *told,
			  struct pyr__field *ret)
{
	struct layout_type *type = layout_add(&maker->layout, PYR__INTERFACE);
	struct pyr__interface *interface = arena_alloc(maker->arena, sizeof(*interface));

	if (!told->name[0])
		return description_fail(maker, "an interface without a name");
	if (!description_name(maker, told->name, true))
		return false;
	if (!type || !interface || !(interface->name = description_keep(maker, told->name)))
		return description_no_memory(maker);
	interface->abi = PYR_GEN_ABI;
	type->table.name = interface->name;
	type->table.interface = interface;
	ret->type = &type->table;
	return true;
}

static bool is_key(uint32_t kind)
{
	return kind == PYR__BOOL || kind == PYR__STRING ||
	       (kind >= PYR__INT8 && kind <= PYR__UINT64);
}

static bool put_collection(struct maker *maker, const struct shape_type *told,
			   struct pyr__field *ret)
{
	unsigned n = told->kind == PYR__MAP ? 2 : 1, i;
	struct layout_type *type = layout_add(&maker->layout, (uint8_t)told->kind);
	struct pyr__field *fields = arena_alloc(maker->arena, n * sizeof(*fields));
	struct shape_field element = { .value = "" };

	if (!type || !fields)
		return description_no_memory(maker);
	if (told->of.n != n || (n == 2 && !is_key(told->of.items[0].kind)) ||
	    (told->kind == PYR__ARRAY && told->bound == 0))
		return description_fail(maker, "a collection without an element type");
	for (i = 0; i < n; i++) {
		element.id = i + 1;
		element.name = n == 1 ? "items" : i == 0 ? "key" : "value";
		element.type = told->of.items[i];
		if (!description_field(maker, &element, &fields[i]))
			return false;
	}
	type->table.bound = told->bound;
	type->table.n_fields = n;
	type->table.fields = fields;
	type->table.name = "";
	ret->type = &type->table;
	return true;
}

static bool put_type(struct maker *maker, const struct shape_type *told, struct pyr__field *ret)
{
	switch (told->kind) {
	case PYR__ENUM:
	case PYR__STRUCT:
	case PYR__UNION:
		return put_named(maker, told, ret);
	case PYR__SEQUENCE:
	case PYR__ARRAY:
	case PYR__MAP:
		return put_collection(maker, told, ret);
	case PYR__INTERFACE:
		return put_interface(maker, told, ret);
	default:
		if (told->kind < PYR__BOOL || told->kind > PYR__OBJECT)
			return description_fail(maker, "type %u is not known to this end",
						told->kind);
		ret->bound = told->bound;
		return true;
	}
}

static bool put_default(struct maker *maker, const struct shape_field *told, struct pyr__field *ret)
{
	struct waiting *waiting = arena_alloc(maker->arena, sizeof(*waiting));

	if (told->flags != PYR__DEFAULT || told->type.kind > PYR__STRING)
		return description_fail(maker, "'%.40s' cannot have a default", told->name);
	if (!waiting)
		return description_no_memory(maker);
	*waiting = (struct waiting){ maker->waiting, ret, told->value };
	maker->waiting = waiting;
	return true;
}

/* The recursion is bounded by the codec, which has unpacked it. */
bool description_field(struct maker *maker, const struct shape_field *told, struct pyr__field *ret)
{
	if (!description_name(maker, told->name, false))
		return false;
	if ((told->flags & ~(uint32_t)PYR__WHOLE) > PYR__DEFAULT || told->id > 0x1fffffff)
		return description_fail(maker, "'%.40s' has an unknown flag or number", told->name);
	ret->id = told->id;
	ret->kind = (uint8_t)told->type.kind;
	ret->flags = (uint8_t)told->flags;
	if (!(ret->name = description_keep(maker, told->name)))
		return description_no_memory(maker);
	if (!put_type(maker, &told->type, ret))
		return false;
	return !(told->flags & PYR__DEFAULT) || put_default(maker, told, ret);
}

bool description_fields(struct maker *maker, const struct shape_fields *told, bool is_union,
			const char *of, struct pyr__field *ret)
{
	size_t n = told->n, i;
	const char **names = arena_alloc(maker->arena, n * sizeof(*names));
	int64_t *numbers = arena_alloc(maker->arena, n * sizeof(*numbers));

	if (!names || !numbers)
		return description_no_memory(maker);
	for (i = 0; i < n; i++) {
		names[i] = told->items[i].name;
		numbers[i] = told->items[i].id;
		if ((told->items[i].id == 0) != (is_union && i == 0))
			return description_fail(maker, "'%.40s' of %.100s has no number", names[i],
						of);
		if (!description_field(maker, &told->items[i], &ret[i]))
			return false;
	}
	return description_once(maker, names, n, of) && description_numbers(maker, numbers, n, of);
}

/* ---- types ---- */

static bool put_enum(struct maker *maker, const struct shape_decl *told, struct pyr__type *ret)
{
	size_t n = told->numbers.n, i;
	struct pyr__enumerator *items = arena_alloc(maker->arena, n * sizeof(*items));
	const char **names = arena_alloc(maker->arena, n * sizeof(*names));

	if (!items || !names)
		return description_no_memory(maker);
	for (i = 0; i < n; i++) {
		if (!description_name(maker, told->numbers.items[i].name, false))
			return false;
		items[i].value = (int32_t)told->numbers.items[i].value;
		items[i].name = names[i] = description_keep(maker, told->numbers.items[i].name);
		if (items[i].value != told->numbers.items[i].value)
			return description_fail(maker, "%.100s has a number that is too large",
						told->name);
		if (!names[i])
			return description_no_memory(maker);
	}
	ret->enumerators = items;
	ret->n_enumerators = (uint32_t)n;
	return n > 0 ? description_once(maker, names, n, told->name)
		     : description_fail(maker, "%.100s has no enumerators", told->name);
}

static bool find_member(struct maker *maker, const struct pyr__type *type, const char *name,
			uint32_t *ret)
{
	for (*ret = 1; *ret < type->n_fields; ++*ret)
		if (strcmp(type->fields[*ret].name, name) == 0)
			return true;
	*ret = 0;
	return !name[0] ||
	       description_fail(maker, "%.100s has no member '%.40s'", type->name, name);
}

static int by_label(const void *a, const void *b)
{
	int64_t x = ((const struct pyr__label *)a)->value;
	int64_t y = ((const struct pyr__label *)b)->value;

	return x < y ? -1 : x > y;
}

static bool put_labels(struct maker *maker, const struct shape_decl *told, struct pyr__type *ret)
{
	size_t n = told->numbers.n, i;
	struct pyr__label *labels = arena_alloc(maker->arena, n * sizeof(*labels));

	if (!labels)
		return description_no_memory(maker);
	for (i = 0; i < n; i++) {
		labels[i].value = told->numbers.items[i].value;
		if (!find_member(maker, ret, told->numbers.items[i].name, &labels[i].field))
			return false;
	}
	if (n > 1)
		qsort(labels, n, sizeof(*labels), by_label);
	for (i = 1; i < n; i++)
		if (labels[i - 1].value == labels[i].value)
			return description_fail(maker, "%.100s has a label twice", told->name);
	ret->labels = labels;
	ret->n_labels = (uint32_t)n;
	return find_member(maker, ret, told->other, &ret->default_field);
}

static bool is_discriminator(const struct pyr__field *field)
{
	return field->flags == 0 && (field->kind <= PYR__UINT64 || field->kind == PYR__ENUM);
}

static bool put_members(struct maker *maker, const struct shape_decl *told, struct pyr__type *ret)
{
	bool is_union = told->kind == PYR__UNION;
	struct pyr__field *fields = arena_alloc(maker->arena, told->fields.n * sizeof(*fields));
	size_t i;

	if (!fields)
		return description_no_memory(maker);
	if (!description_fields(maker, &told->fields, is_union, told->name, fields))
		return false;
	for (i = 0; i < told->fields.n; i++)
		if (fields[i].flags & PYR__WHOLE)
			return description_fail(maker, "a member of %.100s is a message",
						told->name);
	ret->fields = fields;
	ret->n_fields = (uint32_t)told->fields.n;
	ret->oneof = is_union && told->is_oneof;
	if (!is_union)
		return true;
	if (ret->n_fields == 0 || !is_discriminator(&fields[0]))
		return description_fail(maker, "%.100s has no discriminator", told->name);
	for (i = 1; i < ret->n_fields; i++)
		if (fields[i].flags || (!ret->oneof && fields[i].id == 1))
			return description_fail(maker, "'%.100s' is not a union", told->name);
	fields[0].id = ret->oneof ? 0 : 1;
	return put_labels(maker, told, ret);
}

static bool put_decl(struct maker *maker, const struct shape_decl *told, struct layout_type *type)
{
	type->table.status = told->status < 17 ? (uint16_t)told->status : 0;
	if (told->fields.n > DESCRIPTION_FIELDS || told->numbers.n > DESCRIPTION_FIELDS)
		return description_fail(maker, "%.100s has too many members", told->name);
	return told->kind == PYR__ENUM ? put_enum(maker, told, &type->table)
				       : put_members(maker, told, &type->table);
}

static int compare_names(const void *a, const void *b, void *types)
{
	const struct layout_type *all = types;

	return strcmp(all[*(const uint32_t *)a].table.name, all[*(const uint32_t *)b].table.name);
}

/* Their places, so that they can be found. */
bool description_open_types(struct maker *maker)
{
	size_t n = maker->shape->decls.n, i;
	const struct shape_decl *told = maker->shape->decls.items;

	maker->types = arena_alloc(maker->arena, n * sizeof(*maker->types));
	maker->by_name = arena_alloc(maker->arena, n * sizeof(*maker->by_name));
	if (!maker->types || !maker->by_name)
		return description_no_memory(maker);
	for (i = 0; i < n; i++) {
		if (!description_name(maker, told[i].name, true))
			return false;
		if (told[i].kind != PYR__ENUM && told[i].kind != PYR__STRUCT &&
		    told[i].kind != PYR__UNION)
			return description_fail(maker, "'%.100s' has an unknown kind",
						told[i].name);
		maker->by_name[i] = (uint32_t)i;
		maker->types[i].table.kind = (uint8_t)told[i].kind;
		maker->types[i].table.name = description_keep(maker, told[i].name);
		if (!maker->types[i].table.name)
			return description_no_memory(maker);
		layout_own(&maker->layout, &maker->types[i]);
	}
	if (n > 1)
		qsort_r(maker->by_name, n, sizeof(*maker->by_name), compare_names, maker->types);
	for (i = 1; i < n; i++)
		if (compare_names(&maker->by_name[i - 1], &maker->by_name[i], maker->types) == 0)
			return description_fail(maker, "'%.100s' occurs twice",
						maker->types[maker->by_name[i]].table.name);
	return true;
}

bool description_put_types(struct maker *maker)
{
	size_t i;

	for (i = 0; i < maker->shape->decls.n; i++)
		if (!put_decl(maker, &maker->shape->decls.items[i], &maker->types[i]))
			return false;
	return true;
}
