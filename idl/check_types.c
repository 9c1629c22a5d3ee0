/* SPDX-License-Identifier: MIT */
/* Typedefs, constants, enums, structs, exceptions, unions. */
#include <string.h>

#include "annotate.h"
#include "check.h"
#include "constant.h"
#include "diag.h"
#include "ids.h"
#include "memory.h"
#include "resolve.h"
#include "scalar.h"
#include "scope.h"

void check_typedef(struct front *front, struct raw_decl *raw)
{
	struct raw_type *type = raw_type_of(raw->decl.type);

	annotate(front, raw);
	if (!resolve_type(front, type, PLACE_DATA))
		return;
	/* Its own node carries its name; of an alias of another typedef that one's stays. */
	if (type->type.kind == TYPE_SEQUENCE || type->type.kind == TYPE_MAP ||
	    type->type.kind == TYPE_ARRAY || type->type.kind == TYPE_BYTES)
		type->type.decl = &raw->decl;
}

void check_const(struct front *front, struct raw_decl *raw)
{
	struct raw_type *type = raw_type_of(raw->decl.type);
	const struct ast_type *actual;

	annotate(front, raw);
	if (!resolve_type(front, type, PLACE_DATA))
		return;
	actual = type->type.actual;
	if (actual->kind >= TYPE_ANY &&
	    !(actual->kind == TYPE_NAMED && actual->decl->kind == AST_ENUM)) {
		diag_error(front->diag, &type->type.loc,
			   "a constant is a number, boolean, character, string or enum, not '%s'",
			   scalar_name(actual));
		return;
	}
	constant_evaluate(front, raw->value, actual, &raw->decl.value);
}

/* Enumerators are known in the scope around their enum, as in C, and in the enum itself. */
void check_enum(struct front *front, struct raw_decl *raw)
{
	struct raw_decl *outer = front->scope;
	size_t i;

	annotate(front, raw);
	if (raw->body.n == 0 && front->n_syntax_errors == 0)
		diag_error(front->diag, &raw->decl.loc, "enum '%s' has no enumerators",
			   raw->decl.name);
	for (i = 0; i < raw->body.n; i++) {
		struct raw_decl *one = raw->body.items[i];

		one->decl.value = (struct ast_value){ .kind = VALUE_INT, .i = (int64_t)i };
		scope_declare(front, outer, one);
		one->decl.parent = &raw->decl;
		if (!scope_own(front, raw, one->decl.name))
			table_set(front, &front->names, raw, one->decl.name, one);
		annotate(front, one);
		scope_add_item(front, raw, one);
	}
	raw->complete = true;
}

/* "Real files do it", so only a warning: struct Point { Color color; } differs in case alone. */
void check_member_name(struct front *front, const struct raw_decl *raw)
{
	const struct raw_type *type = raw_type_of(raw->decl.type);

	if (type->name && strcmp(type->name->parts[type->name->n_parts - 1], raw->decl.name) == 0 &&
	    front_in_main(&raw->decl.loc))
		diag_warning(front->diag, &raw->decl.loc, "'%s' is named like its type",
			     raw->decl.name);
}

/* Declares, resolves and annotates one member. Returns: whether its type is sound. */
static bool check_member(struct front *front, struct raw_decl *raw, struct raw_decl *member)
{
	struct raw_type *type = raw_type_of(member->decl.type);
	bool ok = resolve_type(front, type, PLACE_DATA) && resolve_complete(front, &type->type);

	check_member_name(front, member);
	scope_declare(front, raw, member);
	if (ok)
		annotate(front, member);
	scope_add_item(front, raw, member);
	if (ok)
		raw->size += resolve_size(&type->type);
	return ok;
}

static void check_size(struct front *front, const struct raw_decl *raw)
{
	if (raw->size > INT32_MAX)
		diag_error(front->diag, &raw->decl.loc, "'%s' would take more than 2 GiB of memory",
			   raw->decl.name);
}

void check_struct(struct front *front, struct raw_decl *raw)
{
	struct raw_decl *outer = front->scope;
	size_t i;

	annotate(front, raw);
	front->scope = raw;
	for (i = 0; i < raw->body.n; i++) {
		struct raw_decl *one = raw->body.items[i];

		if (one->decl.kind == AST_MEMBER)
			check_member(front, raw, one);
		else
			check_declaration(front, one);
	}
	front->scope = outer;
	ids_members(front, raw, 1);
	check_size(front, raw);
	raw->complete = true;
}

/* Returns: the type of the discriminator, or NULL after an error. */
static const struct ast_type *check_discriminator(struct front *front, struct raw_decl *raw)
{
	struct raw_type *type = raw_type_of(raw->decl.type);
	const struct ast_type *actual;

	if (!resolve_type(front, type, PLACE_DATA))
		return NULL;
	actual = type->type.actual;
	if (scalar_is_integer(actual) || actual->kind == TYPE_BOOLEAN ||
	    actual->kind == TYPE_CHAR || actual->kind == TYPE_WCHAR ||
	    (actual->kind == TYPE_NAMED && actual->decl->kind == AST_ENUM))
		return actual;
	diag_error(front->diag, &type->type.loc,
		   "a union switches on an integer, character, boolean or enum, not '%s'",
		   scalar_name(actual));
	return NULL;
}

static void check_label(struct front *front, struct table *seen, struct raw_decl *member,
			struct expr *expr, const struct ast_type *type)
{
	struct ast_value *value = &member->decl.labels[member->decl.n_labels];
	const char *text;

	if (!constant_evaluate(front, expr, type, value))
		return;
	member->decl.n_labels++;
	if (value->kind == VALUE_UINT && value->u > INT64_MAX) {
		diag_error(front->diag, &expr->loc, "a case label is at most 2^63 - 1");
		return;
	}
	text = front_printf(front, "%lld", (long long)value->i);
	if (table_get(seen, NULL, text)) {
		diag_error(front->diag, &expr->loc, "case label is used twice");
		diag_note(front->diag, &((struct expr *)table_get(seen, NULL, text))->loc,
			  "first used here");
		return;
	}
	table_set(front, seen, NULL, text, expr);
}

static size_t count_values(const struct ast_type *type)
{
	if (type->kind == TYPE_BOOLEAN)
		return 2;
	return type->kind == TYPE_NAMED ? type->decl->n_items : SIZE_MAX;
}

static void check_labels(struct front *front, struct raw_decl *raw, const struct ast_type *type)
{
	struct table seen = { .n = 0 };
	struct raw_decl *fallback = NULL;
	size_t i, j;

	for (i = 0; i < raw->decl.n_items; i++) {
		struct raw_decl *member = raw_of(raw->decl.items[i]);

		member->decl.labels =
			front_alloc(front, (member->labels.n + 1) * sizeof(*member->decl.labels));
		for (j = 0; j < member->labels.n; j++)
			check_label(front, &seen, member, member->labels.items[j], type);
		if (!member->decl.is_default)
			continue;
		if (fallback)
			diag_error(front->diag, &member->decl.loc, "a second default in union '%s'",
				   raw->decl.name);
		fallback = member;
	}
	if (fallback && seen.n >= count_values(type))
		diag_error(front->diag, &fallback->decl.loc,
			   "default is never reached: every value has a case");
}

void check_union(struct front *front, struct raw_decl *raw)
{
	struct raw_decl *outer = front->scope;
	const struct ast_type *type;
	size_t i;

	annotate(front, raw);
	front->scope = raw;
	for (i = 0; i < raw->body.n; i++) /* types defined in place, the discriminator's too */
		if (((struct raw_decl *)raw->body.items[i])->decl.kind != AST_MEMBER)
			check_declaration(front, raw->body.items[i]);
	type = check_discriminator(front, raw);
	for (i = 0; i < raw->body.n; i++)
		if (((struct raw_decl *)raw->body.items[i])->decl.kind == AST_MEMBER)
			check_member(front, raw, raw->body.items[i]);
	if (raw->decl.n_items == 0 && front->n_syntax_errors == 0)
		diag_error(front->diag, &raw->decl.loc, "union '%s' has no members",
			   raw->decl.name);
	if (type)
		check_labels(front, raw, type);
	front->scope = outer;
	ids_members(front, raw, raw->decl.oneof ? 1 : 2); /* 1 is the discriminator */
	check_size(front, raw);
	raw->complete = true;
}
