/* SPDX-License-Identifier: MIT */
#include "value/types.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"

/* Types as they are met, and by their addresses: a peer may have told thousands. */
struct meeting {
	struct types *types;
	uint32_t *places; /* behind those of types->items; 0: none; room is a power of two */
	size_t room;
};

static uint32_t *place_of(const struct meeting *meeting, const struct pyr__type *type)
{
	size_t i = hash_mix((uintptr_t)type) & (meeting->room - 1);

	while (meeting->places[i] && meeting->types->items[meeting->places[i] - 1] != type)
		i = (i + 1) & (meeting->room - 1);
	return &meeting->places[i];
}

/* Returns false when memory is out. */
static bool make_room(struct meeting *meeting)
{
	struct types *types = meeting->types;
	size_t i;

	if (!array_reserve(&types->items, &types->room, types->n + 1, sizeof(types->items[0])))
		return false;
	if (2 * (types->n + 1) <= meeting->room)
		return true;
	free(meeting->places);
	meeting->room = meeting->room ? 2 * meeting->room : 64;
	meeting->places = calloc(meeting->room, sizeof(meeting->places[0]));
	for (i = 0; meeting->places && i < types->n; i++)
		*place_of(meeting, types->items[i]) = (uint32_t)i + 1;
	return meeting->places;
}

static void meet(struct meeting *meeting, const struct pyr__type *type)
{
	struct types *types = meeting->types;
	uint32_t *place;

	types->is_broken |= types->is_broken || !make_room(meeting);
	if (types->is_broken)
		return;
	place = place_of(meeting, type);
	if (*place)
		return;
	types->items[types->n++] = type;
	*place = (uint32_t)types->n;
}

static void meet_fields(struct meeting *meeting, const struct pyr__field *fields, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (fields[i].type)
			meet(meeting, fields[i].type);
}

unsigned types_operation_fields(const struct pyr__operation *operation)
{
	return operation->n_in + operation->n_out + ((operation->flags & PYR__STREAM_IN) ? 1u : 0) +
	       ((operation->flags & PYR__STREAM_OUT) ? 1u : 0);
}

unsigned types_fields(const struct pyr__type *type)
{
	switch (type->kind) {
	case PYR__STRUCT:
	case PYR__UNION:
		return type->n_fields;
	case PYR__SEQUENCE:
	case PYR__ARRAY:
		return 1;
	case PYR__MAP:
		return 2;
	default:
		return 0;
	}
}

void types_of_interface(const struct pyr__interface *interface, struct types *ret)
{
	const struct pyr__operation *op = interface->operations;
	struct meeting meeting = { .types = ret };
	size_t i, j;

	*ret = (struct types){ 0 };
	for (i = 0; i < interface->n_operations; i++) {
		meet_fields(&meeting, op[i].fields, types_operation_fields(&op[i]));
		for (j = 0; op[i].raises && op[i].raises[j]; j++)
			meet(&meeting, op[i].raises[j]);
	}
	for (i = 0; i < ret->n; i++) /* each may add some */
		meet_fields(&meeting, ret->items[i]->fields, types_fields(ret->items[i]));
	free(meeting.places);
}

static bool has_name(const struct pyr__type *type)
{
	return type->kind != PYR__INTERFACE && type->name && type->name[0];
}

const struct pyr__type *types_find(const struct pyr__interface *interface, struct span name)
{
	const struct pyr__type *found = NULL;
	struct types types;
	size_t i;

	types_of_interface(interface, &types);
	for (i = 0; i < types.n && !found; i++)
		if (has_name(types.items[i]) && span_is(name, types.items[i]->name))
			found = types.items[i];
	free(types.items);
	return found;
}

/* ---- by name ---- */

struct types_named {
	struct span name;
	const struct pyr__type *type;
	size_t at; /* of one name, that which was met first is meant */
};

static int by_name(const struct span *a, const struct span *b)
{
	int order = memcmp(a->p, b->p, a->n < b->n ? a->n : b->n);

	return order != 0 ? order : (a->n > b->n) - (a->n < b->n);
}

static int compare(const void *a, const void *b)
{
	const struct types_named *x = a, *y = b;
	int order = by_name(&x->name, &y->name);

	return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

static void make(struct types_index *index, const struct pyr__interface *interface)
{
	struct types types;
	size_t i;

	types_of_interface(interface, &types);
	index->items = calloc(types.n + 1, sizeof(index->items[0]));
	index->is_broken = types.is_broken || !index->items;
	for (i = 0; i < types.n && !index->is_broken; i++)
		if (has_name(types.items[i]))
			index->items[index->n++] =
				(struct types_named){ span_of(types.items[i]->name), types.items[i],
						      i };
	if (index->n > 1)
		qsort(index->items, index->n, sizeof(index->items[0]), compare);
	index->is_made = true;
	free(types.items);
}

const struct pyr__type *types_index_find(struct types_index *index,
					 const struct pyr__interface *interface, struct span name)
{
	size_t low = 0, high, middle;

	if (!index->is_made)
		make(index, interface);
	if (index->is_broken || name.n == 0)
		return types_find(interface, name);
	high = index->n;
	while (low < high) { /* the first that is not below it */
		middle = low + (high - low) / 2;
		if (by_name(&index->items[middle].name, &name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < index->n && by_name(&index->items[low].name, &name) == 0
		       ? index->items[low].type
		       : NULL;
}

void types_index_fini(struct types_index *index)
{
	free(index->items);
}
