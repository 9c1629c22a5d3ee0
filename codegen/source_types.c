/* SPDX-License-Identifier: MIT */
/*
 * Tables of types: struct pyr__type and what hangs on it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "emit.h"
#include "layout.h"
#include "source.h"

bool source_same_type(const struct ast_type *a, const struct ast_type *b)
{
	a = a->actual;
	b = b->actual;
	if (a->kind != b->kind || a->decl != b->decl || a->bound != b->bound)
		return false;
	/* the name of an anonymous collection tells all that it is made of */
	return !ctype_is_anonymous(a) || strcmp(a->c_name, b->c_name) == 0;
}

static const char *helper_key(const struct ast_type *type)
{
	if (ctype_is_anonymous(type))
		return type->actual->c_name;
	if (type->actual->kind == TYPE_NAMED && type->actual->decl->kind == AST_INTERFACE)
		return type->actual->decl->c_name;
	return NULL;
}

static const char *helper_name(const struct source *source, const struct ast_type *type)
{
	const char *key = helper_key(type);

	return key ? set_get(&source->helpers, key) : NULL;
}

/* The table that describes the type, as the value of .type; nothing if it needs none. */
static void add_type(struct source *source, struct items *row, const struct ast_type *type)
{
	const struct ast_type *actual = type->actual;
	const char *helper = helper_name(source, actual);

	if (helper)
		items_add(row, ".type = &%s", helper);
	else if (ctype_is_collection(actual))
		items_add(row, ".type = &%s_type", actual->c_name);
	else if (actual->kind == TYPE_NAMED)
		items_add(row, ".type = &%s_type", actual->decl->c_name);
}

void source_field(struct source *source, const struct source_field *field)
{
	const struct ast_type *actual = field->type->actual;
	struct items row = { 0 };

	if (field->id)
		items_add(&row, ".id = %" PRIu32, field->id);
	items_add(&row, ".name = \"%s\"", field->name);
	items_add(&row, ".kind = PYR__%s", ctype_kind(actual));
	if (field->optional || field->value)
		items_add(&row, ".flags = %s%s%s", field->optional ? "PYR__OPTIONAL" : "",
			  field->optional && field->value ? " | " : "",
			  field->value ? "PYR__DEFAULT" : "");
	if (field->whole)
		items_add(&row, ".flags = PYR__WHOLE");
	if (field->owner)
		items_add(&row, ".offset = offsetof(struct %s, %s)", field->owner, field->member);
	if (field->owner && field->has_member)
		items_add(&row, ".has_offset = offsetof(struct %s, has_%s)", field->owner,
			  field->has_member);
	if (actual->bound && (actual->kind == TYPE_STRING || actual->kind == TYPE_BYTES))
		items_add(&row, ".bound = %" PRIu32, actual->bound);
	add_type(source, &row, actual);
	if (field->value)
		items_add(&row, ".value = &%s", field->value);
	table_row(&source->fields, &row);
	items_clear(&row);
}

void source_fields(struct source *source, const char *name)
{
	struct buf head = { 0 };

	buf_printf(&head, "static const struct pyr__field %s", name);
	table_write(source->out, &source->fields, buf_text(&head));
	source->out->failed |= head.failed;
	buf_free(&head);
}

const char *source_default(struct source *source, const struct ast_decl *scope, const char *prefix,
			   const struct ast_decl *decl)
{
	struct buf *out = source->out;
	struct buf suffix = { 0 }, head = { 0 }, value = { 0 };
	const char *name;

	if (decl->def.kind == VALUE_NONE)
		return NULL;
	buf_printf(&suffix, "%s%s%s_default", prefix, *prefix ? "_" : "", decl->c_name);
	name = names_local(source->names, scope, NULL, buf_text(&suffix));
	if (ctype_shape(decl->type) == CTYPE_STRING)
		buf_str(&head, "static const char *const ");
	else if (decl->type->actual->kind == TYPE_NAMED) /* an enum travels as this */
		buf_str(&head, "static const int32_t ");
	else {
		buf_str(&head, "static const ");
		ctype_value(&head, decl->type);
	}
	buf_printf(&head, "%s =", name);
	ctype_constant(&value, decl->type, &decl->def);
	if (head.n + value.n + 2 <= LAYOUT_WIDTH || decl->def.kind != VALUE_STRING) {
		buf_printf(out, "%s %s;\n", buf_text(&head), buf_text(&value));
	} else {
		buf_printf(out, "%s\n\t", buf_text(&head));
		layout_long_string(out, decl->def.s, strlen(decl->def.s), LAYOUT_TAB,
				   LAYOUT_WIDTH - 1, "\n\t");
		buf_str(out, ";\n");
	}
	out->failed |= suffix.failed || head.failed || value.failed;
	buf_free(&suffix);
	buf_free(&head);
	buf_free(&value);
	return name;
}

void source_open_type(struct source *source, const char *linkage, const char *name,
		      const char *kind, const char *wire_name)
{
	buf_printf(source->out, "%sconst struct pyr__type %s = {\n\t.kind = PYR__%s,\n", linkage,
		   name, kind);
	if (wire_name)
		buf_printf(source->out, "\t.name = \"%s\",\n", wire_name);
}

void source_fingerprint(struct buf *out, const struct ast_decl *decl)
{
	if (decl && decl->fingerprint)
		buf_printf(out, "\t.fingerprint = 0x%016" PRIx64 ",\n", decl->fingerprint);
}

void source_value_functions(struct buf *out, const char *c_name)
{
	buf_printf(out, "\nPYR__VALUE_FUNCTIONS(%s)\n", c_name);
}

static void size_line(struct source *source, const char *what, const struct ast_type *type)
{
	buf_printf(source->out, "\t.%s = sizeof(", what);
	ctype_sizeof(source->out, type);
	buf_str(source->out, "),\n");
}

static void map_fields(struct source *source, const struct ast_type *map)
{
	struct source_field field = { .id = 1, .name = "key", .type = map->key, .member = "key" };
	struct buf entry = { 0 };

	buf_printf(&entry, "%s_entry", map->c_name);
	field.owner = buf_text(&entry);
	source_field(source, &field);
	field.id = 2;
	field.name = field.member = "value";
	field.type = map->elem;
	source_field(source, &field);
	source->out->failed |= entry.failed;
	buf_free(&entry);
}

static uint64_t total(const struct ast_type *array)
{
	uint64_t n = 1;

	for (size_t i = 0; i < array->n_dims; i++)
		n *= array->dims[i];
	return n;
}

/* The fields and the table of a sequence, map or array. linkage: "static " or "". */
static void collection(struct source *source, const struct ast_type *type, const char *fields,
		       const char *linkage, const char *name)
{
	struct buf *out = source->out;
	struct source_field item = { .id = 1, .name = "items", .type = type->elem };

	buf_str(out, "\n");
	if (type->kind == TYPE_MAP)
		map_fields(source, type);
	else
		source_field(source, &item);
	source_fields(source, fields);
	buf_str(out, "\n");
	source_open_type(source, linkage, name, ctype_kind(type), type->wire_name);
	size_line(source, "size", type);
	if (type->kind == TYPE_ARRAY)
		buf_printf(out, "\t.bound = %" PRIu64 ",\n", total(type));
	else if (type->bound)
		buf_printf(out, "\t.bound = %" PRIu32 ",\n", type->bound);
	buf_printf(out, "\t.n_fields = %d,\n\t.fields = %s,\n", type->kind == TYPE_MAP ? 2 : 1,
		   fields);
	if (type->kind == TYPE_MAP)
		buf_printf(out, "\t.entry_size = sizeof(struct %s_entry),\n", type->c_name);
	source_fingerprint(out, type->decl);
	buf_str(out, "};\n");
}

static void need_reference(struct source *source, const struct ast_type *type)
{
	const struct ast_decl *decl = type->decl;
	const char *name = names_local(source->names, decl, NULL, "reference");

	set_put(&source->helpers, helper_key(type), name);
	buf_str(source->out, "\n");
	source_open_type(source, "static ", name, "INTERFACE", decl->wire_name);
	buf_str(source->out, "\t.size = sizeof(void *),\n");
	buf_printf(source->out, "\t.interface = &%s_interface,\n};\n", decl->c_name);
}

void source_need(struct source *source, const struct ast_type *type)
{
	const struct ast_type *actual = type->actual;
	const char *fields, *name;

	if (actual->kind == TYPE_NAMED && actual->decl->kind == AST_INTERFACE &&
	    !helper_name(source, actual))
		need_reference(source, actual);
	if (!ctype_is_anonymous(actual) || helper_name(source, actual))
		return;
	if (actual->kind == TYPE_MAP)
		source_need(source, actual->key);
	source_need(source, actual->elem);
	fields = names_local(source->names, NULL, actual->c_name, "fields");
	name = names_local(source->names, NULL, actual->c_name, "type");
	collection(source, actual, fields, "static ", name);
	set_put(&source->helpers, helper_key(actual), name);
}

/* "example_Point_type", the public name. Returns: owned by text. */
static const char *type_name(struct buf *text, const char *c_name)
{
	buf_printf(text, "%s_type", c_name);
	return buf_text(text);
}

void source_typedef(struct source *source, const struct ast_decl *decl)
{
	const struct ast_type *actual = decl->type->actual;
	struct buf name = { 0 };

	if (!ctype_is_collection(actual) || actual->decl != decl)
		return;
	collection(source, actual, names_local(source->names, decl, NULL, "fields"), "",
		   type_name(&name, actual->c_name));
	source_value_functions(source->out, actual->c_name);
	source->out->failed |= name.failed;
	buf_free(&name);
}

void source_enum(struct source *source, const struct ast_decl *decl)
{
	const char *name = names_local(source->names, decl, NULL, "enumerators");
	struct buf head = { 0 }, type = { 0 };
	struct buf *out = source->out;
	struct table table = { 0 };

	for (size_t i = 0; i < decl->n_items; i++) {
		struct items row = { 0 };

		items_add(&row, "\"%s\"", decl->items[i]->wire_name);
		items_add(&row, "%" PRId64, decl->items[i]->value.i);
		table_row(&table, &row);
		items_clear(&row);
	}
	buf_str(out, "\n");
	buf_printf(&head, "static const struct pyr__enumerator %s", name);
	table_write(out, &table, buf_text(&head));
	buf_str(out, "\n");
	source_open_type(source, "", type_name(&type, decl->c_name), "ENUM", decl->wire_name);
	buf_printf(out, "\t.size = 4,\n\t.n_enumerators = %zu,\n\t.enumerators = %s,\n",
		   decl->n_items, name);
	source_fingerprint(out, decl);
	buf_printf(out, "};\n\nPYR__ENUM_FUNCTIONS(%s)\n", decl->c_name);
	out->failed |= head.failed || type.failed;
	buf_free(&head);
	buf_free(&type);
}

/* The members' defaults. Returns: their names, calloc'ed; NULL if memory is out. */
static const char **defaults(struct source *source, const struct ast_decl *decl)
{
	const char **names = calloc(decl->n_items + 1, sizeof(*names));
	bool first = true;

	if (!names) {
		source->out->failed = true;
		return NULL;
	}
	for (size_t i = 0; i < decl->n_items; i++) {
		if (first && decl->items[i]->def.kind != VALUE_NONE) {
			buf_str(source->out, "\n");
			first = false;
		}
		names[i] = source_default(source, decl, "", decl->items[i]);
	}
	return names;
}

void source_members(struct source *source, const struct ast_decl *decl, const char *const *values)
{
	for (size_t i = 0; i < decl->n_items; i++) {
		const struct ast_decl *item = decl->items[i];
		struct source_field field = {
			.id = item->id,
			.name = item->wire_name,
			.type = item->type,
			.optional = item->optional,
			.owner = decl->c_name,
			.has_member = item->optional ? item->c_name : NULL,
			.value = values ? values[i] : NULL,
		};
		struct buf member = { 0 };

		buf_printf(&member, "%s%s", decl->kind == AST_UNION ? "_u." : "", item->c_name);
		field.member = buf_text(&member);
		source_field(source, &field);
		source->out->failed |= member.failed;
		buf_free(&member);
	}
}

void source_struct(struct source *source, const struct ast_decl *decl)
{
	struct buf *out = source->out;
	struct buf name = { 0 };
	const char **values = defaults(source, decl);
	const char *fields = names_local(source->names, decl, NULL, "fields");

	buf_str(out, "\n");
	if (decl->n_items > 0) {
		source_members(source, decl, values);
		source_fields(source, fields);
		buf_str(out, "\n");
	}
	source_open_type(source, "", type_name(&name, decl->c_name), "STRUCT", decl->wire_name);
	if (decl->kind == AST_EXCEPTION)
		buf_printf(out, "\t.status = PYR_%s,\n",
			   status_name(decl->status ? decl->status : AST_ABORTED));
	buf_printf(out, "\t.size = sizeof(struct %s),\n", decl->c_name);
	if (decl->n_items > 0)
		buf_printf(out, "\t.n_fields = %zu,\n\t.fields = %s,\n", decl->n_items, fields);
	source_fingerprint(out, decl);
	buf_str(out, "};\n");
	source_value_functions(out, decl->c_name);
	out->failed |= name.failed;
	buf_free(&name);
	free(values);
}
