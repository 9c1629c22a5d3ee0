/* SPDX-License-Identifier: MIT */
/*
 * Which messages and enums there are. Two tables of one name that look alike are one: each file of
 * generated code has its own of a collection that has no typedef.
 */
#include "face/grpc/descriptor_own.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

bool descriptor_is_collection(unsigned kind)
{
	return kind == PYR__SEQUENCE || kind == PYR__ARRAY || kind == PYR__MAP;
}

/* The same rules as codec_build.c's, which sends it so. */
struct descriptor_sent descriptor_sent(const struct pyr__field *field, enum descriptor_place place)
{
	struct descriptor_sent sent = { .value = field };
	bool is_single = place == IN_ENTRY || place == IN_ONEOF ||
			 (place != IN_WRAPPER && (field->flags & PYR__OPTIONAL));

	if (descriptor_is_collection(field->kind) && !is_single) {
		sent.is_many = true;
		sent.is_map = field->kind == PYR__MAP;
		if (sent.is_map)
			return sent;
		sent.value = &field->type->fields[0];
	}
	if (sent.value->kind == PYR__ENUM ||
	    (sent.value->kind >= PYR__STRUCT && sent.value->kind <= PYR__MAP))
		sent.type = sent.value->type;
	return sent;
}

void descriptor_each_field(const struct pyr__type *type, descriptor_see *see, void *data)
{
	struct pyr__field items = { .id = 1, .name = "items" };
	bool is_union = type->kind == PYR__UNION;
	uint32_t i;

	if (descriptor_is_collection(type->kind)) {
		items.kind = type->kind;
		items.type = type;
		see(data, &items, IN_WRAPPER);
		return;
	}
	if (type->kind != PYR__STRUCT && !is_union)
		return;
	for (i = is_union && type->oneof ? 1 : 0; i < type->n_fields; i++)
		see(data, &type->fields[i],
		    !is_union || i == 0 ? IN_MESSAGE
		    : type->oneof       ? IN_ONEOF
					: IN_UNION);
}

/* ---- which there are ---- */

static bool is_alike(const struct pyr__type *a, const struct pyr__type *b)
{
	uint32_t i;

	if (a->kind != b->kind || a->bound != b->bound || a->n_fields != b->n_fields ||
	    a->n_enumerators != b->n_enumerators || strcmp(a->name, b->name) != 0)
		return false;
	for (i = 0; a->fields && i < a->n_fields; i++)
		if (a->fields[i].kind != b->fields[i].kind || a->fields[i].id != b->fields[i].id ||
		    (a->fields[i].type && a->fields[i].type->name && b->fields[i].type->name &&
		     strcmp(a->fields[i].type->name, b->fields[i].type->name) != 0))
			return false;
	return true;
}

static size_t find(const struct descriptors *d, const struct pyr__type *table)
{
	size_t i;

	for (i = 0; i < d->n_types; i++)
		if (d->types[i].table == table)
			return i;
	for (i = 0; i < d->n_types; i++)
		if (is_alike(d->types[i].table, table))
			return i;
	return i;
}

const struct made_type *descriptor_find_type(const struct descriptors *d,
					     const struct pyr__type *table)
{
	size_t place = find(d, table);

	return place < d->n_types ? &d->types[place] : NULL;
}

static uint32_t add_type(struct descriptors *d, const struct pyr__type *table)
{
	size_t place = find(d, table);

	if (place < d->n_types)
		return (uint32_t)place;
	if (!array_reserve(&d->types, &d->cap_types, d->n_types + 1, sizeof(*d->types))) {
		d->failed = true;
		return DESCRIPTOR_NONE;
	}
	d->types[d->n_types] = (struct made_type){ .table = table, .file = DESCRIPTOR_NONE };
	return (uint32_t)d->n_types++;
}

/* The type whose fields are looked at; NONE: those of an operation. */
struct look {
	struct descriptors *d;
	uint32_t type;
};

static void see_value(struct look *look, const struct descriptor_sent *sent)
{
	unsigned kind = sent->value->kind;
	struct made_type *type;
	uint32_t used;

	if (sent->type && (used = add_type(look->d, sent->type)) != DESCRIPTOR_NONE &&
	    look->type != DESCRIPTOR_NONE)
		descriptor_number_add(look->d, &look->d->types[look->type].uses, used);
	if (look->type == DESCRIPTOR_NONE)
		return;
	type = &look->d->types[look->type];
	type->has_any |= kind == PYR__ANY;
	type->has_reference |= kind == PYR__INTERFACE || kind == PYR__OBJECT;
}

static void see_field(void *data, const struct pyr__field *field, enum descriptor_place place)
{
	struct descriptor_sent sent = descriptor_sent(field, place);

	if (sent.is_map)
		sent = descriptor_sent(&field->type->fields[1], IN_ENTRY);
	see_value(data, &sent);
}

static void see_operation(struct descriptors *d, const struct pyr__operation *op)
{
	struct look look = { d, DESCRIPTOR_NONE };
	unsigned n = op->n_in + op->n_out + !!(op->flags & PYR__STREAM_IN) +
		     !!(op->flags & PYR__STREAM_OUT);
	unsigned i;

	for (i = 0; i < n; i++)
		see_field(&look, &op->fields[i], IN_MESSAGE);
	for (i = 0; op->raises && op->raises[i]; i++)
		add_type(d, op->raises[i]);
}

void descriptor_collect(struct descriptors *d)
{
	struct look look = { d, 0 };
	size_t i;
	uint32_t k;

	for (i = 0; i < d->n_interfaces; i++)
		for (k = 0; d->interfaces[i].table && k < d->interfaces[i].table->n_operations; k++)
			see_operation(d, &d->interfaces[i].table->operations[k]);
	for (; look.type < d->n_types && !d->failed; look.type++)
		descriptor_each_field(d->types[look.type].table, see_field, &look);
}

/* ---- what they are called ---- */

const char *descriptor_take(struct descriptors *d, const char *full, const char *suffix)
{
	size_t i = 0;

	while (full && i < d->n_taken) {
		if (strcmp(d->taken[i++], full) != 0)
			continue;
		full = descriptor_text(d, "%s%s", full, suffix);
		i = 0;
	}
	if (!full || !array_reserve(&d->taken, &d->cap_taken, d->n_taken + 1, sizeof(*d->taken))) {
		d->failed = true;
		return "";
	}
	return d->taken[d->n_taken++] = full;
}

void descriptor_name_types(struct descriptors *d)
{
	const char *name;
	size_t i;

	for (i = 0; i < d->n_types && !d->failed; i++) {
		name = d->types[i].table->name;
		if (!name || !*name) /* learned from another process, where it had no typedef */
			name = "pyrite.learned.collection";
		name = descriptor_text(d, "%s", name);
		d->types[i].name = name ? descriptor_take(d, name, "_") : "";
	}
}

/* ---- which stand together ---- */

/* Those that reach each other, by Tarjan's way; the walk has a stack of its own. */
struct walk {
	struct descriptors *d;
	uint32_t *path, *open; /* types under way; those that are in no file yet */
	uint32_t *at;          /* of each type: which use is next */
	size_t n_path, n_open;
	uint32_t order;
};

static const char *file_of_type(struct descriptors *d, const struct made_type *type)
{
	const char *name = descriptor_text(d, "%s.proto", type->name);
	char *c;

	for (c = (char *)name; c && c[6]; c++) /* not that of ".proto" */
		if (*c == '.')
			*c = '/';
	return name;
}

/* All from the type on that are open. Those of another package get a name in this one: their
 * packages would need each other. */
static void close_component(struct walk *w, uint32_t type)
{
	struct descriptors *d = w->d;
	size_t n = descriptor_package(d->types[type].name), k;
	const char *package = descriptor_text(d, "%.*s", (int)n, d->types[type].name);
	uint32_t file = descriptor_file_add(d, file_of_type(d, &d->types[type]), package);
	struct made_type *one;
	uint32_t last;
	char *c, *name;

	do {
		last = w->open[--w->n_open];
		one = &d->types[last];
		one->file = file;
		k = descriptor_package(one->name);
		if (!package || (k == n && strncmp(one->name, package, n) == 0))
			continue;
		name = (char *)descriptor_text(d, "%s%s%s", package, n ? "." : "", one->name);
		for (c = name ? name + n + !!n : NULL; c && *c; c++)
			*c = *c == '.' ? '_' : *c;
		one->name = name ? descriptor_take(d, name, "_") : "";
	} while (last != type);
}

static void enter(struct walk *w, uint32_t type)
{
	w->d->types[type].order = w->d->types[type].low = ++w->order;
	w->path[w->n_path++] = w->open[w->n_open++] = type;
}

static void lower(struct made_type *type, uint32_t low)
{
	if (low < type->low)
		type->low = low;
}

static void step(struct walk *w)
{
	struct made_type *types = w->d->types;
	uint32_t type = w->path[w->n_path - 1], used;

	if (w->at[type] < types[type].uses.n) {
		used = types[type].uses.items[w->at[type]++];
		if (types[used].order == 0)
			enter(w, used);
		else if (types[used].file == DESCRIPTOR_NONE)
			lower(&types[type], types[used].order);
		return;
	}
	w->n_path--;
	if (types[type].low == types[type].order)
		close_component(w, type);
	if (w->n_path > 0)
		lower(&types[w->path[w->n_path - 1]], types[type].low);
}

static void need_all(struct descriptors *d, const struct made_type *type)
{
	size_t i;

	for (i = 0; i < type->uses.n; i++)
		descriptor_need(d, type->file, d->types[type->uses.items[i]].file);
	if (type->has_any)
		descriptor_need(d, type->file, descriptor_any(d));
	if (type->has_reference)
		descriptor_need(d, type->file, descriptor_reference(d));
}

void descriptor_place_types(struct descriptors *d)
{
	size_t n = d->n_types, i;
	struct walk w = { .d = d };

	w.path = arena_alloc(&d->memory, n * sizeof(*w.path));
	w.open = arena_alloc(&d->memory, n * sizeof(*w.open));
	w.at = arena_alloc(&d->memory, n * sizeof(*w.at));
	if (!w.path || !w.open || !w.at)
		d->failed = true;
	for (i = 0; i < n && !d->failed; i++) {
		if (d->types[i].order > 0)
			continue;
		enter(&w, (uint32_t)i);
		while (w.n_path > 0 && !d->failed)
			step(&w);
	}
	for (i = 0; i < n && !d->failed; i++)
		need_all(d, &d->types[i]);
}
