/* SPDX-License-Identifier: MIT */
/* The walk over all declarations in the order of the text. */
#include "check.h"

#include <string.h>

#include "annotate.h"
#include "diag.h"
#include "fingerprint.h"
#include "memory.h"
#include "names.h"
#include "poison.h"
#include "scope.h"

static void check_module(struct front *front, struct raw_decl *raw);

/* A forward declaration stays the object that everything points to; its definition moves in. */
static struct raw_decl *define_forward(struct front *front, struct raw_decl *raw)
{
	struct raw_decl *forward = scope_own(front, front->scope, raw->decl.name);
	struct ast_decl *parent;
	struct list uses;
	size_t order;

	if (!forward || !forward->decl.is_forward || forward->decl.kind != raw->decl.kind ||
	    raw->decl.is_forward)
		return NULL;
	parent = forward->decl.parent;
	order = forward->order;
	uses = forward->uses;
	*forward = *raw;
	forward->decl.parent = parent;
	forward->uses = uses;
	forward->order = front->order.n;
	front->order.items[order] = NULL;
	list_add(front, &front->order, forward);
	return forward;
}

/* `interface X;` again, or after X is defined, says nothing new. */
static bool is_repeated_forward(struct front *front, const struct raw_decl *raw)
{
	const struct raw_decl *known = scope_own(front, front->scope, raw->decl.name);

	return raw->decl.is_forward && known && known->decl.kind == raw->decl.kind;
}

static void check_contents(struct front *front, struct raw_decl *raw)
{
	switch (raw->decl.kind) {
	case AST_INTERFACE:
		check_interface(front, raw);
		break;
	case AST_STRUCT:
	case AST_EXCEPTION:
		check_struct(front, raw);
		break;
	case AST_UNION:
		check_union(front, raw);
		break;
	case AST_ENUM:
		check_enum(front, raw);
		break;
	case AST_TYPEDEF:
		check_typedef(front, raw);
		break;
	case AST_CONST:
		check_const(front, raw);
		break;
	default:
		break;
	}
}

static void check_poisoned(struct front *front, struct raw_decl *raw)
{
	bool in_main = front_in_main(&raw->decl.loc);

	if (in_main && strcmp(raw->poison, "annotation declaration") == 0)
		diag_warning(front->diag, &raw->poison_loc, "annotation declarations are ignored");
	else if (in_main)
		diag_error(front->diag, &raw->poison_loc, "%s", poison_text(front, raw->poison));
	raw->poison = poison_text(front, raw->poison);
	scope_declare(front, front->scope, raw);
}

void check_declaration(struct front *front, struct raw_decl *raw)
{
	struct raw_decl *outer = front->part, *forward;
	struct idl_unit *unit = front->unit;

	if (raw->decl.kind == AST_MODULE) {
		check_module(front, raw);
		return;
	}
	if (raw->decl.kind == AST_POISONED) {
		check_poisoned(front, raw);
		return;
	}
	if (is_repeated_forward(front, raw))
		return;
	forward = define_forward(front, raw);
	if (forward)
		raw = forward;
	else
		scope_declare(front, front->scope, raw);
	if (raw->decl.is_forward)
		return;
	front->part = raw;
	check_contents(front, raw);
	front->part = outer;
	poison_seal(raw);
	scope_add_item(front, scope_home(front, front->scope), raw);
	unit->decls = front_grow(front, unit->decls, unit->n_decls, sizeof(*unit->decls));
	unit->decls[unit->n_decls++] = &raw->decl;
}

static void check_body(struct front *front, const struct raw_decl *raw)
{
	size_t i;

	for (i = 0; i < raw->body.n; i++)
		check_declaration(front, raw->body.items[i]);
}

static void check_module(struct front *front, struct raw_decl *raw)
{
	struct raw_decl *outer = front->scope, *known = scope_own(front, outer, raw->decl.name);
	struct raw_decl *module = known && known->decl.kind == AST_MODULE ? known : raw;

	if (module == raw) {
		scope_declare(front, outer, raw);
		scope_add_item(front, outer, raw);
	}
	if (module != raw && !module->decl.doc)
		module->decl.doc = raw->decl.doc;
	annotate(front, raw);
	if (raw->decl.deprecated) {
		module->decl.deprecated = true;
		module->decl.deprecated_text = raw->decl.deprecated_text;
	}
	if (raw->cname)
		module->cname = raw->cname;
	front->scope = module;
	check_body(front, raw);
	front->scope = outer;
}

void idl_check(struct front *front)
{
	front->scope = front->root;
	check_body(front, front->root);
	poison_settle(front);
	names_choose(front);
	if (diag_errors(front->diag) == 0)
		fingerprint_all(front);
}
