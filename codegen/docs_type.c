/* SPDX-License-Identifier: MIT */
/* Types and values as IDL has them, names as links. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "c_type.h"
#include "docs_own.h"
#include "layout.h"

#include "../idl/scalar.h"

static void text(struct docs *docs, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void text(struct docs *docs, const char *format, ...)
{
	char line[64];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	docs_code(docs, line);
}

/* Inside its own module without that's name. */
void docs_name(struct docs *docs, const struct ast_decl *decl)
{
	const struct ast_decl *module = docs_module(decl->parent);
	struct buf full = { 0 }, prefix = { 0 };
	size_t skip = 0;

	docs_path(&full, decl, "::");
	docs_path(&prefix, module, "::");
	if (full.n > prefix.n && prefix.n > 0 && docs->scope && module == docs_module(docs->scope))
		skip = prefix.n + 2;
	docs_link(docs, docs_href(docs, decl, NULL), buf_text(&full) + skip);
	docs->failed |= full.failed || prefix.failed;
	buf_free(&full);
	buf_free(&prefix);
}

static void bound(struct docs *docs, const struct ast_type *type, const char *open,
		  const char *close)
{
	if (type->bound > 0)
		text(docs, "%s%" PRIu32 "%s", open, type->bound, close);
}

void docs_dims(struct docs *docs, const struct ast_type *type)
{
	for (size_t i = 0; i < type->n_dims; i++)
		text(docs, "[%" PRIu32 "]", type->dims[i]);
}

void docs_type(struct docs *docs, const struct ast_type *type)
{
	switch (type->kind) {
	case TYPE_NAMED:
		docs_name(docs, type->decl);
		return;
	case TYPE_ARRAY: /* as in C, behind the name there */
		docs_type(docs, type->elem);
		docs_dims(docs, type);
		return;
	case TYPE_BYTES:
		docs_code(docs, "sequence<octet");
		break;
	case TYPE_MAP:
		docs_code(docs, "map<");
		docs_type(docs, type->key);
		docs_code(docs, ", ");
		docs_type(docs, type->elem);
		break;
	case TYPE_SEQUENCE:
	case TYPE_STREAM:
		docs_code(docs, scalar_name(type));
		docs_code(docs, "<");
		docs_type(docs, type->elem);
		break;
	default:
		docs_code(docs, scalar_name(type));
		if (type->kind == TYPE_STRING)
			bound(docs, type, "<", ">");
		return;
	}
	bound(docs, type, ", ", "");
	docs_code(docs, ">");
}

static void quoted(struct docs *docs, const char *value, char quote)
{
	struct buf literal = { 0 };

	layout_string(&literal, value, strlen(value));
	if (literal.n > 1)
		literal.data[0] = literal.data[literal.n - 1] = quote;
	docs_code(docs, buf_text(&literal));
	docs->failed |= literal.failed;
	buf_free(&literal);
}

void docs_value(struct docs *docs, const struct ast_value *value)
{
	char letter[2] = { (char)value->i };

	switch (value->kind) {
	case VALUE_BOOL:
		docs_code(docs, value->i ? "TRUE" : "FALSE");
		break;
	case VALUE_INT:
		text(docs, "%" PRId64, value->i);
		break;
	case VALUE_UINT:
		text(docs, "%" PRIu64, value->u);
		break;
	case VALUE_FLOAT:
		text(docs, "%.17g", value->f);
		break;
	case VALUE_STRING:
		quoted(docs, value->s, '"');
		break;
	case VALUE_CHAR:
		if (value->i > 0 && value->i < 256)
			quoted(docs, letter, '\'');
		else
			text(docs, "L'\\u%04" PRIx64 "'", (uint64_t)value->i);
		break;
	case VALUE_ENUM:
		docs_link(docs, docs_href(docs, value->enumerator->parent, value->enumerator->name),
			  value->enumerator->name);
		break;
	case VALUE_NONE:
		break;
	}
}

void docs_names(struct docs *docs, struct ast_decl *const *decls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			docs_text(docs, ", ");
		docs_name(docs, decls[i]);
	}
}
