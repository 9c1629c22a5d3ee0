/* SPDX-License-Identifier: MIT */
/*
 * Two walks, depth first, over the same arrows, from a message to the types of its fields. The
 * first finds the circles of arrows (Tarjan 1972). The second places each type after those that it
 * needs; within a circle a list or map needs nothing, so that only circles without any are broken.
 */
#include "import_order.h"

struct walk {
	struct import_file *file;
	uint32_t n_seen, n_circles;
	struct import_type *stack;        /* those whose circle is open */
	struct import_type *types, *last; /* those that are placed */
};

/* What a field refers to in its own file: a map, to the type of its values. */
static struct import_type *target(const struct walk *walk, const struct import_field *field)
{
	struct import_type *of = field->of;

	if (of && of->is_entry)
		of = of->fields->next->of;
	return of && of->file == walk->file && !of->is_entry ? of : NULL;
}

static struct import_type *next_target(const struct walk *walk, struct import_type *type,
				       struct import_field **ret_field)
{
	struct import_type *of = NULL;

	while (!of && (*ret_field = type->place.field)) {
		type->place.field = (*ret_field)->next;
		of = target(walk, *ret_field);
	}
	return of;
}

static struct import_type *enter(struct import_type *type, struct import_type *from)
{
	type->place.from = from;
	type->place.field = type->fields;
	return type;
}

/* ---- circles ---- */

static struct import_type *enter_new(struct walk *walk, struct import_type *type,
				     struct import_type *from)
{
	type->place.index = type->place.low = ++walk->n_seen;
	type->place.below = walk->stack;
	type->place.is_stacked = true;
	walk->stack = type;
	return enter(type, from);
}

static void lower(struct import_type *type, uint32_t index)
{
	if (index < type->place.low)
		type->place.low = index;
}

static struct import_type *leave_circle(struct walk *walk, struct import_type *type)
{
	struct import_type *one = NULL;

	if (type->place.low == type->place.index) {
		walk->n_circles++;
		while (one != type) {
			one = walk->stack;
			walk->stack = one->place.below;
			one->place.is_stacked = false;
			one->place.circle = walk->n_circles;
		}
	}
	if (type->place.from)
		lower(type->place.from, type->place.low);
	return type->place.from;
}

static void find_circles(struct walk *walk, struct import_type *from)
{
	struct import_type *type = enter_new(walk, from, NULL), *of;
	struct import_field *field;

	while (type) {
		of = next_target(walk, type, &field);
		if (!of)
			type = leave_circle(walk, type);
		else if (of->place.index == 0)
			type = enter_new(walk, of, type);
		else if (of->place.is_stacked)
			lower(type, of->place.index);
	}
}

/* ---- places ---- */

static struct import_type *place(struct walk *walk, struct import_type *type)
{
	type->place.state = IMPORT_PLACED;
	*(walk->last ? &walk->last->place.after : &walk->types) = type;
	walk->last = type;
	return type->place.from;
}

static void place_with_needs(struct walk *walk, struct import_type *from)
{
	struct import_type *type = enter(from, NULL), *of;
	struct import_field *field;
	bool is_list;

	from->place.state = IMPORT_OPEN;
	while (type) {
		of = next_target(walk, type, &field);
		if (!of) {
			type = place(walk, type);
			continue;
		}
		is_list = field->label == IMPORT_REPEATED && !of->is_enum;
		if (of->place.state == IMPORT_OPEN)
			field->is_back = !is_list;
		if (of->place.state == IMPORT_OPEN || (of->place.state == IMPORT_NEW && is_list &&
						       of->place.circle == type->place.circle)) {
			of->is_forward = true;
		} else if (of->place.state == IMPORT_NEW) {
			type = enter(of, type);
			of->place.state = IMPORT_OPEN;
		}
	}
}

void import_order(struct import_file *file)
{
	struct walk walk = { .file = file };
	struct import_type *type;

	for (type = file->types; type; type = type->next)
		if (!type->is_entry && type->place.index == 0)
			find_circles(&walk, type);
	for (type = file->types; type; type = type->next)
		if (!type->is_entry && type->place.state == IMPORT_NEW)
			place_with_needs(&walk, type);
	for (type = walk.types; type; type = type->next)
		type->next = type->place.after;
	file->types = walk.types;
	file->last_type = walk.last;
}
