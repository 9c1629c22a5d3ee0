/* SPDX-License-Identifier: MIT */
#include "c_type.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout.h"

struct scalar {
	const char *kind, *slot, *c;
};

static const struct scalar *scalar_of(const struct ast_type *type)
{
	static const struct scalar scalars[] = {
		[TYPE_BOOLEAN] = { "BOOL", "b", "bool " },
		[TYPE_CHAR] = { "CHAR", "c", "char " },
		[TYPE_WCHAR] = { "WCHAR", "u32", "uint32_t " },
		[TYPE_OCTET] = { "UINT8", "u8", "uint8_t " },
		[TYPE_INT8] = { "INT8", "i8", "int8_t " },
		[TYPE_UINT8] = { "UINT8", "u8", "uint8_t " },
		[TYPE_INT16] = { "INT16", "i16", "int16_t " },
		[TYPE_UINT16] = { "UINT16", "u16", "uint16_t " },
		[TYPE_INT32] = { "INT32", "i32", "int32_t " },
		[TYPE_UINT32] = { "UINT32", "u32", "uint32_t " },
		[TYPE_INT64] = { "INT64", "i64", "int64_t " },
		[TYPE_UINT64] = { "UINT64", "u64", "uint64_t " },
		[TYPE_FLOAT] = { "FLOAT", "f", "float " },
		[TYPE_DOUBLE] = { "DOUBLE", "d", "double " },
		[TYPE_STRING] = { "STRING", "s", "const char *" },
		[TYPE_ANY] = { "ANY", "p", "const pyr_any *" },
		[TYPE_OBJECT] = { "OBJECT", "p", "pyr_object *" },
		[TYPE_BYTES] = { "BYTES", "p", "struct pyr_bytes " },
		[TYPE_SEQUENCE] = { "SEQUENCE", "p", NULL },
		[TYPE_MAP] = { "MAP", "p", NULL },
		[TYPE_ARRAY] = { "ARRAY", "p", NULL },
	};
	size_t kind = type->actual->kind;

	return kind < sizeof(scalars) / sizeof(scalars[0]) && scalars[kind].kind ? &scalars[kind]
										 : NULL;
}

enum ctype_shape ctype_shape(const struct ast_type *type)
{
	switch (type->actual->kind) {
	case TYPE_STRING:
		return CTYPE_STRING;
	case TYPE_BYTES:
	case TYPE_SEQUENCE:
	case TYPE_MAP:
	case TYPE_ARRAY:
		return CTYPE_BLOCK;
	case TYPE_ANY:
	case TYPE_OBJECT:
		return CTYPE_REFERENCE;
	case TYPE_NAMED:
		if (type->actual->decl->kind == AST_INTERFACE)
			return CTYPE_REFERENCE;
		return type->actual->decl->kind == AST_ENUM ? CTYPE_VALUE : CTYPE_BLOCK;
	default:
		return CTYPE_VALUE;
	}
}

const char *ctype_kind(const struct ast_type *type)
{
	const struct scalar *scalar = scalar_of(type);

	if (scalar)
		return scalar->kind;
	switch (type->actual->decl->kind) {
	case AST_ENUM:
		return "ENUM";
	case AST_UNION:
		return "UNION";
	case AST_INTERFACE:
		return "INTERFACE";
	default:
		return "STRUCT";
	}
}

const char *ctype_slot(const struct ast_type *type, bool optional)
{
	const struct scalar *scalar = scalar_of(type);
	enum ctype_shape shape = ctype_shape(type);

	if (shape == CTYPE_VALUE && optional)
		return "p";
	if (scalar)
		return scalar->slot;
	return shape == CTYPE_VALUE ? "i32" : "p";
}

void ctype_value(struct buf *out, const struct ast_type *type)
{
	const struct scalar *scalar = scalar_of(type);
	const struct ast_decl *decl = type->actual->decl;

	if (scalar && scalar->c)
		buf_str(out, scalar->c);
	else if (scalar)
		buf_printf(out, "struct %s ", type->actual->c_name);
	else if (decl->kind == AST_ENUM)
		buf_printf(out, "enum %s ", decl->c_name);
	else
		buf_printf(out, "struct %s %s", decl->c_name,
			   decl->kind == AST_INTERFACE ? "*" : "");
}

static const char *stars(enum ctype_shape shape, enum ctype_role role, bool optional)
{
	bool pointer = shape == CTYPE_BLOCK || (shape == CTYPE_VALUE && optional);

	if (role == CTYPE_IN)
		return pointer ? "*" : "";
	return pointer ? "**" : "*";
}

void ctype_parameter(struct buf *out, enum ctype_role role, const struct ast_type *type,
		     bool optional, const char *name)
{
	enum ctype_shape shape = ctype_shape(type);

	if (role == CTYPE_EACH) {
		buf_str(out, shape == CTYPE_STRING ? "" : "const ");
		ctype_value(out, type);
		buf_printf(out, "%s%s", shape == CTYPE_STRING ? "const *" : "*", name);
		return;
	}
	if (shape == CTYPE_STRING) {
		buf_printf(out, "%schar *%s%s", role == CTYPE_OUT ? "" : "const ",
			   role == CTYPE_IN ? "" : "*", name);
		return;
	}
	if (type->actual->kind == TYPE_ANY && role == CTYPE_OUT) { /* the caller's own */
		buf_printf(out, "pyr_any **%s", name);
		return;
	}
	if (role != CTYPE_OUT && (shape == CTYPE_BLOCK || (shape == CTYPE_VALUE && optional)))
		buf_str(out, "const ");
	ctype_value(out, type);
	buf_printf(out, "%s%s", stars(shape, role, optional), name);
}

static void dimensions(struct buf *out, const struct ast_type *array)
{
	for (size_t i = 0; i < array->n_dims; i++)
		buf_printf(out, "[%" PRIu32 "]", array->dims[i]);
}

void ctype_member(struct buf *out, const struct ast_type *type, const char *name)
{
	const struct ast_type *actual = type->actual;

	if (actual->kind == TYPE_ARRAY && ctype_is_anonymous(actual)) {
		ctype_member(out, actual->elem, name);
		dimensions(out, actual);
		return;
	}
	ctype_value(out, actual);
	buf_str(out, name);
}

void ctype_sizeof(struct buf *out, const struct ast_type *type)
{
	struct buf text = { 0 };

	ctype_member(&text, type, "");
	if (text.n > 0 && text.data[text.n - 1] == ' ')
		text.n--;
	if (type->actual->kind == TYPE_ARRAY && ctype_is_anonymous(type->actual)) {
		text.n = 0;
		ctype_sizeof(&text, type->actual->elem);
		dimensions(&text, type->actual);
	}
	buf_add(out, buf_text(&text), text.n);
	out->failed |= text.failed;
	buf_free(&text);
}

bool ctype_is_collection(const struct ast_type *type)
{
	enum ast_type_kind kind = type->actual->kind;

	return kind == TYPE_SEQUENCE || kind == TYPE_MAP || kind == TYPE_ARRAY;
}

bool ctype_is_anonymous(const struct ast_type *type)
{
	return ctype_is_collection(type) && !type->actual->decl;
}

static void integer(struct buf *out, enum ast_type_kind kind, const struct ast_value *value)
{
	if (value->kind == VALUE_UINT)
		buf_printf(out, "UINT64_C(%" PRIu64 ")", value->u);
	else if (kind == TYPE_UINT64)
		buf_printf(out, "UINT64_C(%" PRId64 ")", value->i);
	else if (value->i == INT64_MIN)
		buf_str(out, "INT64_MIN");
	else if (kind == TYPE_INT64)
		buf_printf(out, value->i < 0 ? "-INT64_C(%" PRIu64 ")" : "INT64_C(%" PRIu64 ")",
			   value->i < 0 ? (uint64_t)-value->i : (uint64_t)value->i);
	else if (kind == TYPE_INT32 && value->i == INT32_MIN)
		buf_str(out, "INT32_MIN");
	else if (kind == TYPE_UINT32 || kind == TYPE_WCHAR)
		buf_printf(out, "%" PRId64 "u", value->i);
	else
		buf_printf(out, "%" PRId64, value->i);
}

static void character(struct buf *out, int64_t c)
{
	if (c == '\'' || c == '\\')
		buf_printf(out, "'\\%c'", (char)c);
	else if (c >= ' ' && c <= '~')
		buf_printf(out, "'%c'", (char)c);
	else
		buf_printf(out, "'\\%03o'", (unsigned)c & 0xffu);
}

/* The shortest text that reads back as the same number. */
static void real(struct buf *out, double number, bool is_float)
{
	char text[64];
	int digits = 1;

	if (!isfinite(number)) {
		buf_str(out, "0.0");
		return;
	}
	do {
		snprintf(text, sizeof(text), "%.*g", digits++, number);
	} while (digits < 18 &&
		 (is_float ? strtof(text, NULL) != (float)number : strtod(text, NULL) != number));
	buf_printf(out, "%s%s%s", text, strpbrk(text, ".e") ? "" : ".0", is_float ? "f" : "");
}

void ctype_constant(struct buf *out, const struct ast_type *type, const struct ast_value *value)
{
	enum ast_type_kind kind = type->actual->kind;
	double number = value->kind == VALUE_FLOAT  ? value->f
			: value->kind == VALUE_UINT ? (double)value->u
						    : (double)value->i;

	if (value->kind == VALUE_ENUM)
		buf_str(out, value->enumerator->c_name);
	else if (value->kind == VALUE_STRING)
		layout_string(out, value->s, strlen(value->s));
	else if (kind == TYPE_BOOLEAN)
		buf_str(out, value->i ? "true" : "false");
	else if (kind == TYPE_CHAR)
		character(out, value->i);
	else if (kind == TYPE_FLOAT || kind == TYPE_DOUBLE)
		real(out, number, kind == TYPE_FLOAT);
	else
		integer(out, kind, value);
}
