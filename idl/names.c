/* SPDX-License-Identifier: MIT */
/* Wire names, and the order in which C names are chosen. */
#include "names.h"

#include <string.h>

#include "c_names.h"
#include "collections.h"
#include "diag.h"
#include "member_names.h"
#include "memory.h"

static const char *join(struct front *front, const char *left, const char *between,
			const char *right)
{
	return *left ? front_printf(front, "%s%s%s", left, between, right) : right;
}

static bool is_inner(const struct ast_decl *decl)
{
	return decl->kind == AST_ENUMERATOR || decl->kind == AST_OPERATION ||
	       decl->kind == AST_ATTRIBUTE || decl->kind == AST_MEMBER || decl->kind == AST_PARAM;
}

/* Parents come before what is inside them. */
static void choose_wire_name(struct front *front, struct ast_decl *decl)
{
	const struct ast_decl *parent = decl->parent;

	decl->wire_name = decl->name;
	if (!parent || is_inner(decl))
		return;
	decl->wire_name = join(front, parent->wire_name ? parent->wire_name : "",
			       parent->kind == AST_MODULE ? "." : "_", decl->name);
}

static void claim_wire(struct front *front, const char *wire, struct raw_decl *raw)
{
	const struct raw_decl *other = table_get(&front->wire, NULL, wire);

	if (!other) {
		table_set(front, &front->wire, NULL, wire, raw);
		return;
	}
	if (other == raw || !front_in_main(&raw->decl.loc))
		return;
	diag_error(front->diag, &raw->decl.loc,
		   "the protobuf name '%s' is taken already: rename one", wire);
	diag_note(front->diag, &other->decl.loc, "by '%s'", other->decl.name);
}

static void check_wire_name(struct front *front, struct raw_decl *raw)
{
	const struct ast_decl *decl = &raw->decl;

	if (raw->duplicate)
		return;
	switch (decl->kind) {
	case AST_OPERATION:
		if (!decl->parent || !decl->parent->wire_name || decl->is_message)
			return; /* with @message it has no messages of its own */
		claim_wire(
			front,
			front_printf(front, "%s_%s_request", decl->parent->wire_name, decl->name),
			raw);
		claim_wire(front,
			   front_printf(front, "%s_%s_reply", decl->parent->wire_name, decl->name),
			   raw);
		break;
	case AST_INTERFACE:
	case AST_STRUCT:
	case AST_EXCEPTION:
	case AST_UNION:
	case AST_ENUM:
	case AST_TYPEDEF:
		claim_wire(front, decl->wire_name, raw);
		break;
	default:
		break;
	}
}

/* The return value is called ret in a reply; an out parameter of that name makes room. */
static void make_room_for_ret(struct front *front, const struct raw_decl *operation)
{
	size_t i;

	if (operation->decl.kind != AST_OPERATION || operation->decl.type->kind == TYPE_VOID)
		return;
	for (i = 0; i < operation->decl.n_items; i++) {
		struct ast_decl *param = operation->decl.items[i];

		if (param->direction != DIR_IN && strcmp(param->name, "ret") == 0)
			param->wire_name = front_intern(front, "ret_", 4);
	}
}

static void add_file(struct naming *naming, struct ast_file *file)
{
	size_t i;

	if (table_get(&naming->of_file, file, "seen"))
		return;
	table_set(naming->front, &naming->of_file, file, "seen", file);
	for (i = 0; i < file->n_includes; i++)
		add_file(naming, file->includes[i]);
	list_add(naming->front, &naming->files, file);
}

static struct list *list_of(struct naming *naming, const struct ast_file *file, const char *which)
{
	struct list *list = table_get(&naming->of_file, file, which);

	if (!list) {
		list = front_alloc(naming->front, sizeof(*list));
		table_set(naming->front, &naming->of_file, file, which, list);
	}
	return list;
}

static void sort_by_file(struct naming *naming)
{
	struct front *front = naming->front;
	size_t i;

	for (i = 0; i < front->unit->n_files; i++)
		add_file(naming, front->unit->files[i]);
	for (i = 0; i < front->order.n; i++) {
		struct raw_decl *raw = front->order.items[i];

		if (raw)
			list_add(front, list_of(naming, raw->decl.loc.file, "d"), raw);
	}
	for (i = 0; i < front->collections.n; i++) {
		struct raw_type *raw = front->collections.items[i];

		list_add(front, list_of(naming, raw->type.loc.file, "t"), raw);
	}
}

/* Operations of other files have their names already. */
static void note_inherited(struct naming *naming, const struct raw_decl *raw)
{
	const struct ast_file *file = raw->decl.loc.file;
	struct front *front = naming->front;
	size_t i, j;

	for (i = 0; raw->decl.kind == AST_INTERFACE && i < raw->decl.n_operations; i++) {
		struct ast_decl *operation = raw->decl.operations[i];

		if (operation->loc.file == file || !operation->callback_name)
			continue;
		table_set(front, &naming->operations, file, operation->c_name, operation);
		table_set(front, &naming->parameters, file, operation->callback_name, operation);
		table_set(front, &naming->parameters, file, operation->data_name, operation);
		table_set(front, &naming->parameters, file, operation->count_name, operation);
		table_set(front, &naming->parameters, file, operation->options_name, operation);
		for (j = 0; j < operation->n_items; j++) {
			struct ast_decl *param = operation->items[j];

			table_set(front, &naming->parameters, file, param->c_name, param);
			table_set(front, &naming->parameters, file,
				  front_printf(front, "ret_%s", param->c_name), param);
		}
	}
}

static void name_file(struct naming *naming, const struct ast_file *file)
{
	const struct list *decls = list_of(naming, file, "d");
	const struct list *types = list_of(naming, file, "t");
	size_t i;

	for (i = 0; i < decls->n; i++)
		note_inherited(naming, decls->items[i]);
	for (i = 0; i < decls->n; i++)
		c_names_declaration(naming, decls->items[i]);
	for (i = 0; i < decls->n; i++)
		c_names_helpers(naming, decls->items[i]);
	for (i = 0; i < types->n; i++)
		collection_name(naming, types->items[i]);
	for (i = 0; i < decls->n; i++)
		c_names_inside(naming, decls->items[i]);
	for (i = 0; i < decls->n; i++)
		c_names_of_forms(naming, decls->items[i]);
}

void names_choose(struct front *front)
{
	struct naming naming = { .front = front };
	size_t i;

	for (i = 0; i < front->order.n; i++)
		if (front->order.items[i])
			choose_wire_name(front, front->order.items[i]);
	for (i = 0; i < front->order.n; i++)
		if (front->order.items[i]) {
			check_wire_name(front, front->order.items[i]);
			make_room_for_ret(front, front->order.items[i]);
		}
	sort_by_file(&naming);
	for (i = 0; i < naming.files.n; i++)
		name_file(&naming, naming.files.items[i]);
	collections_list(front);
}
