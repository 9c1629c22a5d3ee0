/* SPDX-License-Identifier: MIT */
#include "wire/shape.h"

#include <pyrite/pyrite.h>

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* ---- order ---- */

static int by_id(const void *a, const void *b)
{
	uint32_t x = ((const struct shape_field *)a)->id, y = ((const struct shape_field *)b)->id;

	return x < y ? -1 : x > y;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = ((const struct shape_number *)a)->value;
	int64_t y = ((const struct shape_number *)b)->value;

	return x < y ? -1 : x > y;
}

/* Operations and declarations begin with their name. */
static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

typedef int (*order)(const void *a, const void *b);

static bool in_order(const void *items, size_t n, size_t size, order compare)
{
	const char *at = items;

	for (; n > 1; n--, at += size)
		if (compare(at, at + size) >= 0)
			return false;
	return true;
}

static bool sort(void *items, size_t n, size_t size, order compare)
{
	if (n > 1)
		qsort(items, n, size, compare);
	return in_order(items, n, size, compare);
}

typedef bool (*each)(void *items, size_t n, size_t size, order compare);

static bool check(void *items, size_t n, size_t size, order compare)
{
	return in_order(items, n, size, compare);
}

#define LIST(list) (list).items, (list).n, sizeof((list).items[0])

static bool visit(const struct shape *shape, each list)
{
	bool ok = list(LIST(shape->operations), by_name);
	size_t i;

	ok &= list(LIST(shape->decls), by_name);
	for (i = 0; i < shape->operations.n; i++) {
		const struct shape_operation *op = &shape->operations.items[i];

		ok &= list(LIST(op->in), by_id);
		ok &= list(LIST(op->out), by_id);
		ok &= list(LIST(op->streams), by_id);
		ok &= list(LIST(op->raises), by_name);
	}
	for (i = 0; i < shape->decls.n; i++) {
		const struct shape_decl *decl = &shape->decls.items[i];

		ok &= list(LIST(decl->fields), by_id);
		ok &= list(LIST(decl->numbers), by_value);
	}
	return ok;
}

bool shape_sort(struct shape *shape)
{
	return visit(shape, sort);
}

bool shape_is_sorted(const struct shape *shape)
{
	return visit(shape, check);
}

const struct shape_operation *shape_operation(const struct shape *shape, const char *name)
{
	return shape->operations.n ? bsearch(&name, LIST(shape->operations), by_name) : NULL;
}

const struct shape_decl *shape_decl(const struct shape *shape, const char *name)
{
	return shape->decls.n ? bsearch(&name, LIST(shape->decls), by_name) : NULL;
}

/* ---- in words ---- */

static const char *const names[] = {
	[SHAPE_BOOL] = "boolean",       [SHAPE_CHAR] = "char",     [SHAPE_WCHAR] = "wchar",
	[SHAPE_INT8] = "int8",          [SHAPE_UINT8] = "octet",   [SHAPE_INT16] = "int16",
	[SHAPE_UINT16] = "uint16",      [SHAPE_INT32] = "int32",   [SHAPE_UINT32] = "uint32",
	[SHAPE_INT64] = "int64",        [SHAPE_UINT64] = "uint64", [SHAPE_FLOAT] = "float",
	[SHAPE_DOUBLE] = "double",      [SHAPE_STRING] = "string", [SHAPE_BYTES] = "sequence<octet",
	[SHAPE_SEQUENCE] = "sequence<", [SHAPE_MAP] = "map<",      [SHAPE_ANY] = "any",
	[SHAPE_OBJECT] = "Object",
};

static void put_type(struct text_out *text, const struct shape_type *type, unsigned depth)
{
	const char *name = type->kind < sizeof(names) / sizeof(names[0]) ? names[type->kind] : NULL;
	size_t i;

	text_add(text, "%.100s", type->name[0] ? type->name : name ? name : "");
	for (i = 0; i < type->of.n && i < 2 && depth < SHAPE_DEPTH; i++) {
		text_add(text, i > 0 ? ", " : "");
		put_type(text, &type->of.items[i], depth + 1);
	}
	if (type->kind == SHAPE_ARRAY)
		text_add(text, "[%u]", type->bound);
	else if (type->kind == SHAPE_STRING && type->bound > 0)
		text_add(text, "<%u>", type->bound);
	else if (type->bound > 0)
		text_add(text, ", %u", type->bound);
	if (type->kind == SHAPE_BYTES || type->kind == SHAPE_SEQUENCE || type->kind == SHAPE_MAP)
		text_add(text, ">");
}

void shape_type_text(const struct shape_type *type, char *buf, size_t n)
{
	struct text_out text = { buf, buf + n };

	buf[0] = '\0';
	put_type(&text, type, 0);
}
