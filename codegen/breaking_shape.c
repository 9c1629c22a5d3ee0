/* SPDX-License-Identifier: MIT */
/* The shape of interfaces, from the checked tree: what runtime/src/wire/shape_own.c makes of
 * tables. */
#include "breaking_shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "set.h"
#include "wire/shape.h"

struct maker {
	struct arena *arena;
	const struct ast_decl **decls; /* types met so far */
	size_t n_decls, room;
	struct set met; /* their names */
	bool is_broken; /* memory is out */
};

static void *take(struct maker *maker, size_t n, size_t size)
{
	void *block = arena_alloc(maker->arena, n * size + 1);

	maker->is_broken |= !block;
	return block;
}

static void meet(struct maker *maker, const struct ast_decl *decl)
{
	size_t room = maker->room ? 2 * maker->room : 64;
	const struct ast_decl **grown;

	if (!set_add(&maker->met, decl->wire_name))
		return;
	if (maker->n_decls == maker->room) {
		grown = realloc(maker->decls, room * sizeof(grown[0]));
		if (!grown) {
			maker->is_broken = true;
			return;
		}
		maker->decls = grown;
		maker->room = room;
	}
	maker->decls[maker->n_decls++] = decl;
}

static const uint8_t kinds[] = {
	[TYPE_BOOLEAN] = SHAPE_BOOL,      [TYPE_CHAR] = SHAPE_CHAR,
	[TYPE_WCHAR] = SHAPE_WCHAR,       [TYPE_OCTET] = SHAPE_UINT8,
	[TYPE_INT8] = SHAPE_INT8,         [TYPE_UINT8] = SHAPE_UINT8,
	[TYPE_INT16] = SHAPE_INT16,       [TYPE_UINT16] = SHAPE_UINT16,
	[TYPE_INT32] = SHAPE_INT32,       [TYPE_UINT32] = SHAPE_UINT32,
	[TYPE_INT64] = SHAPE_INT64,       [TYPE_UINT64] = SHAPE_UINT64,
	[TYPE_FLOAT] = SHAPE_FLOAT,       [TYPE_DOUBLE] = SHAPE_DOUBLE,
	[TYPE_STRING] = SHAPE_STRING,     [TYPE_ANY] = SHAPE_ANY,
	[TYPE_OBJECT] = SHAPE_OBJECT,     [TYPE_BYTES] = SHAPE_BYTES,
	[TYPE_SEQUENCE] = SHAPE_SEQUENCE, [TYPE_MAP] = SHAPE_MAP,
	[TYPE_ARRAY] = SHAPE_ARRAY,       [TYPE_NAMED] = 0,
};

static uint32_t kind_of(const struct ast_decl *decl)
{
	return decl->kind == AST_ENUM        ? SHAPE_ENUM
	       : decl->kind == AST_UNION     ? SHAPE_UNION
	       : decl->kind == AST_INTERFACE ? SHAPE_INTERFACE
					     : SHAPE_STRUCT;
}

static void put_type(struct maker *maker, const struct ast_type *type, struct shape_type *ret)
{
	size_t i;

	type = type->actual;
	*ret = (struct shape_type){ .kind = kinds[type->kind], .bound = type->bound, .name = "" };
	if (type->kind == TYPE_NAMED) {
		ret->kind = kind_of(type->decl);
		ret->name = type->decl->wire_name;
		if (ret->kind != SHAPE_INTERFACE)
			meet(maker, type->decl);
		return;
	}
	for (i = 0; i < type->n_dims; i++)
		ret->bound = i == 0 ? type->dims[0] : ret->bound * type->dims[i];
	if (!type->elem || type->kind == TYPE_BYTES)
		return;
	ret->of.items = take(maker, 2, sizeof(ret->of.items[0]));
	if (!ret->of.items)
		return;
	if (type->key)
		put_type(maker, type->key, &ret->of.items[ret->of.n++]);
	put_type(maker, type->elem, &ret->of.items[ret->of.n++]);
}

/* A field of a list that has room. */
static void add_field(struct maker *maker, struct shape_fields *list, uint32_t id, const char *name,
		      const struct ast_type *type, const struct ast_decl *origin)
{
	struct shape_field *field;

	if (!list->items)
		return;
	field = &list->items[list->n++];
	field->id = id;
	field->name = name;
	field->value = "";
	field->origin = origin;
	field->flags = 0;
	put_type(maker, type, &field->type);
}

/* The one just added may be absent. */
static void set_flags(struct shape_fields *list, const struct ast_decl *decl)
{
	if (list->n == 0)
		return;
	list->items[list->n - 1].flags = (decl->optional ? (uint32_t)SHAPE_OPTIONAL : 0) |
					 (decl->def.kind ? (uint32_t)SHAPE_DEFAULT : 0);
}

static const char *name_of(const struct ast_decl *decl)
{
	return decl->wire_name ? decl->wire_name : decl->name;
}

/* ---- types ---- */

static void put_members(struct maker *maker, const struct ast_decl *decl, struct shape_decl *ret)
{
	size_t i;

	ret->fields.items = take(maker, decl->n_items + 1, sizeof(ret->fields.items[0]));
	if (decl->kind == AST_UNION && !decl->oneof)
		add_field(maker, &ret->fields, 0, "discriminator", decl->type, decl);
	for (i = 0; decl->kind != AST_ENUM && i < decl->n_items; i++) {
		add_field(maker, &ret->fields, decl->items[i]->id, name_of(decl->items[i]),
			  decl->items[i]->type, decl->items[i]);
		set_flags(&ret->fields, decl->items[i]);
		if (decl->items[i]->is_default && !decl->oneof)
			ret->other = name_of(decl->items[i]);
	}
}

static void add_number(struct shape_numbers *list, int64_t value, const struct ast_decl *origin)
{
	struct shape_number *number;

	if (!list->items)
		return;
	number = &list->items[list->n++];
	number->value = value;
	number->name = origin->name;
	number->origin = origin;
}

static void put_numbers(struct maker *maker, const struct ast_decl *decl, struct shape_decl *ret)
{
	bool has_labels = decl->kind == AST_UNION && !decl->oneof;
	size_t i, j, n = 0;

	for (i = 0; i < decl->n_items; i++)
		n += decl->kind == AST_ENUM ? 1 : decl->items[i]->n_labels;
	ret->numbers.items = take(maker, n, sizeof(ret->numbers.items[0]));
	for (i = 0; i < decl->n_items; i++) {
		if (decl->kind == AST_ENUM)
			add_number(&ret->numbers, decl->items[i]->value.i, decl->items[i]);
		for (j = 0; has_labels && j < decl->items[i]->n_labels; j++)
			add_number(&ret->numbers, decl->items[i]->labels[j].i, decl->items[i]);
	}
}

static void put_decl(struct maker *maker, const struct ast_decl *decl, struct shape_decl *ret)
{
	*ret = (struct shape_decl){ .name = decl->wire_name, .other = "", .origin = decl };
	ret->kind = kind_of(decl);
	ret->is_oneof = decl->oneof;
	put_members(maker, decl, ret);
	put_numbers(maker, decl, ret);
}

/* ---- operations ---- */

static void put_param(struct maker *maker, const struct ast_decl *param,
		      struct shape_operation *ret)
{
	if (param->type->actual->kind == TYPE_STREAM) {
		add_field(maker, &ret->streams,
			  param->direction == DIR_OUT ? SHAPE_STREAM_OUT : SHAPE_STREAM_IN,
			  name_of(param), param->type->actual->elem, param);
		return;
	}
	if (param->direction != DIR_OUT) {
		add_field(maker, &ret->in, param->id, name_of(param), param->type, param);
		set_flags(&ret->in, param);
	}
	if (param->direction != DIR_IN) {
		add_field(maker, &ret->out, param->out_id, name_of(param), param->type, param);
		set_flags(&ret->out, param);
	}
}

static void put_result(struct maker *maker, const struct ast_decl *decl,
		       struct shape_operation *ret)
{
	const struct ast_type *type = decl->type->actual;

	if (type->kind == TYPE_STREAM) {
		add_field(maker, &ret->streams, SHAPE_STREAM_OUT, "ret", type->elem, decl);
	} else if (type->kind != TYPE_VOID) {
		add_field(maker, &ret->out, 1, "ret", type, decl);
		set_flags(&ret->out, decl);
	}
}

static void set_whole(struct shape_fields *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		list->items[i].flags |= SHAPE_WHOLE;
}

static const char *full_name(struct maker *maker, const struct ast_decl *decl)
{
	size_t n = strlen(decl->owner->wire_name) + strlen(decl->name) + 2;
	char *name = take(maker, n, 1);

	if (name)
		snprintf(name, n, "%s.%s", decl->owner->wire_name, decl->name);
	return name ? name : "";
}

static void put_operation(struct maker *maker, const struct ast_decl *decl,
			  struct shape_operation *ret)
{
	size_t i, n = decl->n_items + 1;

	*ret = (struct shape_operation){ .fingerprint = decl->fingerprint, .origin = decl };
	ret->name = full_name(maker, decl);
	ret->is_oneway = decl->oneway;
	ret->in.items = take(maker, n, sizeof(ret->in.items[0]));
	ret->out.items = take(maker, n, sizeof(ret->out.items[0]));
	ret->streams.items = take(maker, n, sizeof(ret->streams.items[0]));
	put_result(maker, decl, ret);
	for (i = 0; i < decl->n_items; i++)
		put_param(maker, decl->items[i], ret);
	if (decl->is_message) {
		set_whole(&ret->in);
		set_whole(&ret->out);
		set_whole(&ret->streams);
	}
	ret->raises.items = take(maker, decl->n_raises, sizeof(ret->raises.items[0]));
	for (i = 0; ret->raises.items && i < decl->n_raises; i++) {
		ret->raises.items[ret->raises.n++] = decl->raises[i]->wire_name;
		meet(maker, decl->raises[i]);
	}
}

static void put_operations(struct maker *maker, const struct ast_decl *const *interfaces, size_t n,
			   struct shape_operations *ret)
{
	size_t i, j, room = 0;

	for (i = 0; i < n; i++)
		room += interfaces[i]->n_operations;
	ret->n = 0;
	ret->items = take(maker, room, sizeof(ret->items[0]));
	for (i = 0; ret->items && i < n; i++)
		for (j = 0; j < interfaces[i]->n_operations; j++)
			if (interfaces[i]->operations[j]->owner == interfaces[i])
				put_operation(maker, interfaces[i]->operations[j],
					      &ret->items[ret->n++]);
}

bool breaking_shape(const struct ast_decl *const *interfaces, size_t n, struct arena *arena,
		    struct shape *ret)
{
	struct maker maker = { .arena = arena };
	struct shape_decl *decls = NULL, *grown;
	size_t i, room = 0;

	put_operations(&maker, interfaces, n, &ret->operations);
	for (i = 0; i < maker.n_decls && !maker.is_broken; i++) { /* each may add some */
		if (i == room) {
			room = room ? 2 * room : 64;
			grown = realloc(decls, room * sizeof(*decls));
			if (!grown) {
				maker.is_broken = true;
				break;
			}
			decls = grown;
		}
		put_decl(&maker, maker.decls[i], &decls[i]);
	}
	maker.is_broken |= maker.met.failed;
	ret->decls.n = maker.is_broken ? 0 : maker.n_decls;
	ret->decls.items = take(&maker, ret->decls.n, sizeof(*decls));
	if (ret->decls.items && ret->decls.n > 0)
		memcpy(ret->decls.items, decls, ret->decls.n * sizeof(*decls));
	free(decls);
	free(maker.decls);
	set_free(&maker.met);
	return !maker.is_broken && shape_sort(ret);
}
