/* SPDX-License-Identifier: MIT */
/*
 * Sequences, maps and arrays as C structs and wrapper messages. One with a typedef has its name;
 * one without is called after its elements: shop_Point_seq, shop_Point_seq_8 for a bound of 8.
 * Where no element has a scope the C name begins with pyr_, to be nobody else's: pyr_int32_seq.
 */
#include "collections.h"

#include <string.h>

#include "memory.h"
#include "reserved.h"
#include "scalar.h"
#include "scope.h"

#define GLOBAL "pyr_"

/* How much of a name stands before what it is called after. */
static size_t global_part(const char *name)
{
	return strncmp(name, GLOBAL, strlen(GLOBAL)) == 0 ? strlen(GLOBAL) : 0;
}

static const char *plain_name(struct front *front, const struct ast_type *type)
{
	const char *name = type->kind == TYPE_BOOLEAN  ? "bool"
			   : type->kind == TYPE_OBJECT ? "object"
						       : scalar_name(type);

	if ((type->kind == TYPE_STRING || type->kind == TYPE_BYTES) && type->bound > 0)
		return front_printf(front, "%s_%u", name, (unsigned)type->bound);
	return name;
}

static const char *elem_name(struct front *front, const struct ast_type *type)
{
	const struct ast_type *actual = type->actual;

	if (actual->kind == TYPE_NAMED)
		return actual->decl->c_name ? actual->decl->c_name : actual->decl->name;
	if (!actual->c_name)
		return plain_name(front, actual);
	return actual->c_name + (actual->decl ? 0 : global_part(actual->c_name));
}

/* Its name begins with that of a type of the language: a map's with its key's. */
static bool is_global(const struct ast_type *type)
{
	while (!type->decl && (type->kind == TYPE_SEQUENCE || type->kind == TYPE_ARRAY))
		type = type->elem->actual;
	return !type->decl && type->kind != TYPE_NAMED;
}

static const char *anonymous_name(struct front *front, const struct ast_type *type)
{
	const char *name = elem_name(front, type->elem);
	size_t i;

	if (type->kind == TYPE_SEQUENCE)
		name = front_printf(front, "%s_seq", name);
	else if (type->kind == TYPE_MAP)
		name = front_printf(front, "%s_%s_map", elem_name(front, type->key), name);
	else
		name = front_printf(front, "%s_array", name);
	if (type->bound > 0)
		name = front_printf(front, "%s_%u", name, (unsigned)type->bound);
	for (i = 0; i < type->n_dims; i++)
		name = front_printf(front, "%s_%u", name, (unsigned)type->dims[i]);
	if (is_global(type))
		name = front_printf(front, GLOBAL "%s", name);
	return name;
}

static const char *wrapper_name(struct front *front, const struct raw_type *raw, const char *name)
{
	const struct raw_decl *scope = raw->scope;
	const char *wire;
	size_t n;

	name += global_part(name); /* which is for C alone */
	while (scope && scope->decl.kind != AST_MODULE)
		scope = scope_outer(front, scope);
	if (!scope || scope == front->root)
		wire = name;
	else {
		n = strlen(scope->decl.c_name);
		if (strncmp(name, scope->decl.c_name, n) == 0 && name[n] == '_')
			name += n + 1;
		wire = front_printf(front, "%s.%s", scope->decl.wire_name, name);
	}
	while (table_get(&front->wire, NULL, wire))
		wire = front_printf(front, "%s_", wire);
	table_set(front, &front->wire, NULL, wire, (void *)(uintptr_t)raw);
	return wire;
}

static bool is_free(struct naming *naming, const struct ast_type *type, const char *name)
{
	bool is_reserved = !is_global(type) && reserved_global(name);

	return !names_taken(naming, name) && !is_reserved &&
	       (type->kind != TYPE_MAP ||
		!names_taken(naming, front_printf(naming->front, "%s_entry", name)));
}

void collection_name(struct naming *naming, struct raw_type *raw)
{
	struct front *front = naming->front;
	struct ast_type *type = &raw->type, *known;
	const char *name, *key;

	if (type->decl) {
		type->c_name = type->decl->c_name;
		type->wire_name = type->decl->wire_name;
		return;
	}
	key = name = anonymous_name(front, type);
	known = table_get(&front->anonymous, NULL, key);
	if (known) {
		type->c_name = known->c_name;
		type->wire_name = known->wire_name;
		return;
	}
	while (!is_free(naming, type, name))
		name = front_printf(front, "%s_", name);
	names_claim(naming, name, NULL, &type->loc, NULL);
	if (type->kind == TYPE_MAP)
		names_claim(naming, front_printf(front, "%s_entry", name), NULL, &type->loc, NULL);
	type->c_name = name;
	type->wire_name = wrapper_name(front, raw, name);
	table_set(front, &front->anonymous, NULL, key, type);
}

/* A struct of its own: all but arrays written at a member. */
static bool needs_struct(struct front *front, const struct ast_type *type)
{
	if (type->decl)
		return true;
	return type->kind != TYPE_ARRAY &&
	       (!type->c_name || table_get(&front->listed, NULL, type->c_name) == NULL);
}

void collections_list(struct front *front)
{
	struct idl_unit *unit = front->unit;
	size_t i;

	for (i = 0; i < front->collections.n; i++) {
		struct ast_type *type = &((struct raw_type *)front->collections.items[i])->type;

		if (!needs_struct(front, type))
			continue;
		if (type->c_name)
			table_set(front, &front->listed, NULL, type->c_name, type);
		unit->collections = front_grow(front, unit->collections, unit->n_collections,
					       sizeof(*unit->collections));
		unit->collections[unit->n_collections++] = type;
	}
}
