/* SPDX-License-Identifier: MIT */
/*
 * Types in the header. A struct is defined before it is held by value; sequences hold pointers, so
 * recursion through them needs no more than the struct's tag.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "c_type.h"
#include "emit.h"
#include "header.h"
#include "interface.h"
#include "layout.h"

/* "type X_suffix(parameters)tail", of two parameters. */
static void function(struct buf *out, const char *type, const char *name,
		     const char *const parameters[2], const char *tail)
{
	struct items list = { 0 };

	items_add(&list, "%s", parameters[0]);
	items_add(&list, "%s", parameters[1]);
	layout_function(out, type, name, &list, tail);
	out->failed |= list.text.failed;
	items_clear(&list);
}

/* X_to_any() and X_from_any(). value: "const struct X *", ret: "struct X **". */
static void any_functions(struct buf *out, const char *c_name, const char *value, const char *ret)
{
	struct buf to = { 0 }, from = { 0 }, self = { 0 }, result = { 0 };

	buf_printf(&to, "%s_to_any", c_name);
	buf_printf(&from, "%s_from_any", c_name);
	buf_printf(&self, "%sself", value);
	buf_printf(&result, "%sret", ret);
	function(out, "pyr_any *", buf_text(&to),
		 (const char *const[]){ "pyr_call *call", buf_text(&self) }, ";");
	function(out, "int ", buf_text(&from),
		 (const char *const[]){ "const pyr_any *any", buf_text(&result) },
		 " PYR_MUST_CHECK;");
	out->failed |= to.failed || from.failed || self.failed || result.failed;
	buf_free(&to);
	buf_free(&from);
	buf_free(&self);
	buf_free(&result);
}

/* What goes with each type that is a struct. */
static void value_functions(struct buf *out, const char *c_name)
{
	struct buf type = { 0 }, name = { 0 }, value = { 0 }, self = { 0 };

	buf_printf(out, "extern const struct pyr__type %s_type;\n", c_name);
	buf_printf(&type, "struct %s *", c_name);
	buf_printf(&name, "%s_dup", c_name);
	buf_printf(&value, "const struct %s *", c_name);
	buf_printf(&self, "%sself", buf_text(&value));
	function(out, buf_text(&type), buf_text(&name),
		 (const char *const[]){ "pyr_call *call", buf_text(&self) }, ";");
	buf_str(&type, "*");
	any_functions(out, c_name, buf_text(&value), buf_text(&type));
	out->failed |= type.failed || name.failed || value.failed || self.failed;
	buf_free(&type);
	buf_free(&name);
	buf_free(&value);
	buf_free(&self);
}

static void enum_functions(struct buf *out, const char *c_name)
{
	struct buf value = { 0 }, ret = { 0 };

	buf_printf(out, "extern const struct pyr__type %s_type;\n", c_name);
	buf_printf(&value, "enum %s ", c_name);
	buf_printf(&ret, "enum %s *", c_name);
	any_functions(out, c_name, buf_text(&value), buf_text(&ret));
	out->failed |= value.failed || ret.failed;
	buf_free(&value);
	buf_free(&ret);
}

void header_enum(struct header *header, const struct ast_decl *decl)
{
	struct buf *out = header->out;

	layout_doc(out, 0, decl->doc, emit_deprecated(decl));
	buf_printf(out, "enum %s {\n", decl->c_name);
	for (size_t i = 0; i < decl->n_items; i++) {
		const struct ast_decl *item = decl->items[i];

		layout_doc(out, 1, item->doc, emit_deprecated(item));
		buf_printf(out, "\t%s = %" PRId64 ",\n", item->c_name, item->value.i);
	}
	buf_str(out, "};\n");
	enum_functions(out, decl->c_name);
	buf_str(out, "\n");
}

/* Whether a value of the type can be held here. */
static bool is_complete(const struct header *header, const struct ast_type *type)
{
	const struct ast_type *actual = type->actual;
	const struct ast_decl *decl = actual->decl;

	if (ctype_is_anonymous(actual))
		return actual->kind != TYPE_ARRAY || is_complete(header, actual->elem);
	if (actual->kind != TYPE_NAMED && !ctype_is_collection(actual))
		return true; /* bytes may have a name, too */
	if (decl->kind == AST_ENUM || decl->kind == AST_INTERFACE || !decl->loc.file->is_main)
		return true;
	return set_has(&header->complete, decl->c_name);
}

static void map_entry(struct header *header, const struct ast_type *map)
{
	struct buf *out = header->out;

	buf_printf(out, "struct %s_entry {\n\t", map->c_name);
	ctype_member(out, map->key, "key");
	buf_str(out, ";\n\t");
	ctype_member(out, map->elem, "value");
	buf_str(out, ";\n};\n");
}

/* The entry of a recursive map: alone, once its value's struct is there. */
static void late_map_entry(struct header *header, const struct ast_type *map)
{
	if (ctype_is_anonymous(map))
		buf_printf(header->out,
			   "#ifndef PYRITE_HAVE_%s_entry\n#define PYRITE_HAVE_%s_entry\n",
			   map->c_name, map->c_name);
	map_entry(header, map);
	buf_str(header->out, ctype_is_anonymous(map) ? "#endif\n\n" : "\n");
}

static void flush_pending(struct header *header)
{
	size_t kept = 0;

	for (size_t i = 0; i < header->n_pending; i++)
		if (is_complete(header, header->pending[i]->elem))
			late_map_entry(header, header->pending[i]);
		else
			header->pending[kept++] = header->pending[i];
	header->n_pending = kept;
}

static void add_pending(struct header *header, const struct ast_type *map)
{
	const struct ast_type **pending =
		realloc(header->pending, (header->n_pending + 1) * sizeof(*pending));

	if (!pending) {
		header->out->failed = true;
		return;
	}
	pending[header->n_pending++] = map;
	header->pending = pending;
}

/* The struct of a sequence, map or array, without what it needs. */
static void collection(struct header *header, const struct ast_type *type)
{
	struct buf *out = header->out;

	if (type->kind == TYPE_MAP && is_complete(header, type->elem)) {
		map_entry(header, type);
		buf_str(out, "\n");
	} else if (type->kind == TYPE_MAP) {
		add_pending(header, type);
	}
	buf_printf(out, "struct %s {\n\t", type->c_name);
	if (type->kind != TYPE_ARRAY)
		buf_str(out, "size_t n;\n\t");
	if (type->kind == TYPE_MAP)
		buf_printf(out, "struct %s_entry *", type->c_name);
	else
		ctype_value(out, type->elem);
	buf_str(out, type->kind == TYPE_SEQUENCE ? "*items" : "items");
	for (size_t i = 0; i < type->n_dims; i++)
		buf_printf(out, "[%" PRIu32 "]", type->dims[i]);
	buf_str(out, ";\n};\n");
}

void header_need(struct header *header, const struct ast_type *type)
{
	const struct ast_type *actual = type->actual;

	if (!ctype_is_anonymous(actual))
		return;
	if (actual->kind == TYPE_MAP)
		header_need(header, actual->key);
	header_need(header, actual->elem);
	if (actual->kind == TYPE_ARRAY || !set_add(&header->helpers, actual->c_name))
		return;
	buf_printf(header->out, "#ifndef PYRITE_HAVE_%s\n#define PYRITE_HAVE_%s\n", actual->c_name,
		   actual->c_name);
	collection(header, actual);
	buf_str(header->out, "#endif\n\n");
}

void header_tag(struct header *header, const struct ast_type *type)
{
	const struct ast_type *actual = type->actual;
	const struct ast_decl *decl = actual->decl;

	if (ctype_is_anonymous(actual)) {
		header_tag(header, actual->elem);
		return;
	}
	if (!decl || decl->kind == AST_ENUM || (!decl->loc.file->is_main && !decl->is_forward))
		return;
	if (set_add(&header->tags, decl->c_name))
		buf_printf(header->out, "struct %s;\n\n", decl->c_name);
}

void header_typedef(struct header *header, const struct ast_decl *decl)
{
	const struct ast_type *actual = decl->type->actual;

	if (!ctype_is_collection(actual) || actual->decl != decl)
		return;
	if (actual->kind == TYPE_MAP)
		header_need(header, actual->key);
	header_need(header, actual->elem);
	layout_doc(header->out, 0, decl->doc, emit_deprecated(decl));
	collection(header, actual);
	value_functions(header->out, actual->c_name);
	buf_str(header->out, "\n");
	set_add(&header->tags, actual->c_name);
	set_add(&header->complete, actual->c_name);
}

static void member(struct buf *out, size_t indent, const struct ast_decl *decl)
{
	layout_doc(out, indent, decl->doc, emit_deprecated(decl));
	if (decl->optional) {
		layout_indent(out, indent * LAYOUT_TAB);
		buf_printf(out, "bool has_%s;\n", decl->c_name);
	}
	layout_indent(out, indent * LAYOUT_TAB);
	ctype_member(out, decl->type, decl->c_name);
	buf_str(out, ";\n");
}

static void exception_functions(struct buf *out, const struct ast_decl *decl)
{
	interface_raise_at(out, decl, ";");
	interface_caught(out, decl, ";");
}

static void body(struct buf *out, const struct ast_decl *decl)
{
	bool is_union = decl->kind == AST_UNION;

	if (is_union) {
		buf_str(out, "\t");
		ctype_member(out, decl->type, "_d");
		buf_str(out, ";\n\tunion {\n");
	} else if (decl->n_items == 0) {
		buf_str(out, "\tchar unused_;\n");
	}
	for (size_t i = 0; i < decl->n_items; i++)
		member(out, is_union ? 2 : 1, decl->items[i]);
	if (is_union)
		buf_str(out, "\t} _u;\n");
}

void header_struct(struct header *header, const struct ast_decl *decl)
{
	for (size_t i = 0; i < decl->n_items; i++)
		header_need(header, decl->items[i]->type);
	layout_doc(header->out, 0, decl->doc, emit_deprecated(decl));
	buf_printf(header->out, "struct %s {\n", decl->c_name);
	body(header->out, decl);
	buf_str(header->out, "};\n");
	value_functions(header->out, decl->c_name);
	if (decl->kind == AST_EXCEPTION)
		exception_functions(header->out, decl);
	buf_str(header->out, "\n");
	set_add(&header->tags, decl->c_name);
	set_add(&header->complete, decl->c_name);
	flush_pending(header);
}
