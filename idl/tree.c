/* SPDX-License-Identifier: MIT */
/* Builders of the raw tree. */
#include "tree.h"

#include <string.h>

#include "diag.h"
#include "memory.h"

struct list *tree_list(struct front *front)
{
	return front_alloc(front, sizeof(struct list));
}

struct list *tree_add(struct front *front, struct list *list, void *item)
{
	list_add(front, list, item);
	return list;
}

struct list *tree_append(struct front *front, struct list *list, const struct list *more)
{
	size_t i;

	for (i = 0; i < more->n; i++)
		list_add(front, list, more->items[i]);
	return list;
}

struct raw_decl *tree_decl(struct front *front, enum ast_kind kind, const char *name,
			   const struct ast_loc *loc)
{
	struct raw_decl *raw = front_alloc(front, sizeof(*raw));

	raw->decl.kind = kind;
	raw->decl.name = name;
	raw->decl.loc = *loc;
	if (++front->n_declarations == LIMIT_DECLARATIONS + 1) {
		diag_error(front->diag, loc, "more than %d declarations", LIMIT_DECLARATIONS);
		front->stopped = true;
	}
	return raw;
}

struct raw_type *tree_type(struct front *front, enum ast_type_kind kind, const struct ast_loc *loc)
{
	struct raw_type *raw = front_alloc(front, sizeof(*raw));

	raw->type.kind = kind;
	raw->type.loc = *loc;
	raw->type.actual = &raw->type;
	return raw;
}

struct raw_type *tree_type_poisoned(struct front *front, const char *what,
				    const struct ast_loc *loc)
{
	struct raw_type *raw = tree_type(front, TYPE_NAMED, loc);

	raw->poison = what;
	return raw;
}

struct raw_type *tree_type_named(struct front *front, struct name *name)
{
	struct raw_type *raw = tree_type(front, TYPE_NAMED, &name->loc);

	raw->name = name;
	return raw;
}

struct raw_type *tree_type_defined(struct front *front, struct raw_decl *decl)
{
	struct raw_type *raw = tree_type(front, TYPE_NAMED, &decl->decl.loc);

	raw->type.decl = &decl->decl;
	return raw;
}

struct name *tree_name(struct front *front, const char *part, bool absolute,
		       const struct ast_loc *loc)
{
	struct name *name = front_alloc(front, sizeof(*name));

	name->loc = *loc;
	name->absolute = absolute;
	return tree_name_join(front, name, part);
}

struct name *tree_name_join(struct front *front, struct name *name, const char *part)
{
	name->parts = front_grow(front, name->parts, name->n_parts, sizeof(*name->parts));
	name->parts[name->n_parts++] = part;
	return name;
}

struct expr *tree_value(struct front *front, struct ast_value value, const struct ast_loc *loc)
{
	struct expr *expr = front_alloc(front, sizeof(*expr));

	expr->op = EXPR_VALUE;
	expr->loc = *loc;
	expr->value = value;
	expr->depth = 1;
	return expr;
}

struct expr *tree_expr(struct front *front, enum expr_op op, struct expr *left, struct expr *right,
		       const struct ast_loc *loc)
{
	struct expr *expr = front_alloc(front, sizeof(*expr));

	*expr = (struct expr){ .op = op, .loc = *loc, .left = left, .right = right, .depth = 1 };
	if (left)
		expr->depth = left->depth + 1;
	if (right && right->depth >= expr->depth)
		expr->depth = right->depth + 1;
	if (expr->depth <= LIMIT_EXPR_DEPTH)
		return expr;
	/* Cut here, so that no walk ever goes deeper. */
	diag_error(front->diag, loc, "expression with more than %d operators in a row",
		   LIMIT_EXPR_DEPTH);
	expr = tree_value(front, (struct ast_value){ .kind = VALUE_INT }, loc);
	expr->bad = true;
	return expr;
}

struct expr *tree_concat(struct front *front, struct expr *left, struct expr *right)
{
	size_t n;
	char *text;

	if (left->bad || right->bad) {
		left->bad = true;
		return left;
	}
	n = strlen(right->value.s);
	if (left->room == 0)
		left->n_text = strlen(left->value.s);
	if (left->n_text + n >= left->room) { /* doubled, so that many pieces stay cheap */
		left->room = 2 * (left->n_text + n) + 16;
		text = front_alloc(front, left->room);
		memcpy(text, left->value.s, left->n_text);
		left->value.s = text;
	}
	memcpy((char *)(uintptr_t)left->value.s + left->n_text, right->value.s, n + 1);
	left->n_text += n;
	return left;
}

static struct raw_type *add_dims(struct front *front, struct raw_type *elem,
				 const struct declarator *declarator)
{
	struct raw_type *array = tree_type(front, TYPE_ARRAY, &elem->type.loc);

	array->type.elem = &elem->type;
	array->dims = declarator->dims;
	array->type.n_dims = declarator->dims.n;
	return array;
}

struct list *tree_declare(struct front *front, enum ast_kind kind, struct raw_type *type,
			  const struct list *declarators)
{
	struct list *decls = tree_list(front);
	size_t i;

	if (type->type.decl)
		list_add(front, decls, type->type.decl);
	for (i = 0; i < declarators->n; i++) {
		const struct declarator *declarator = declarators->items[i];
		struct raw_decl *raw = tree_decl(front, kind, declarator->name, &declarator->loc);
		struct raw_type *own = front_alloc(front, sizeof(*own));

		/* Each declaration has a type node of its own: a typedef gives it its name. */
		*own = *type;
		own->type.actual = &own->type;
		if (declarator->dims.n > 0)
			own = add_dims(front, own, declarator);
		raw->decl.type = &own->type;
		list_add(front, decls, raw);
	}
	return decls;
}

struct list *tree_attributes(struct front *front, struct raw_type *type, const struct list *names,
			     const struct list *get_raises, const struct list *set_raises)
{
	struct list *decls = tree_declare(front, AST_ATTRIBUTE, type, names);
	size_t i;

	for (i = 0; i < decls->n; i++) {
		struct raw_decl *raw = decls->items[i];

		raw->raises = *get_raises;
		raw->decl.readonly = !set_raises;
		if (set_raises)
			raw->set_raises = *set_raises;
	}
	return decls;
}

static bool is_definition(const struct raw_decl *raw)
{
	return raw->decl.kind == AST_STRUCT || raw->decl.kind == AST_UNION ||
	       raw->decl.kind == AST_ENUM;
}

struct list *tree_annotate(struct front *front, struct list *decls, const struct list *annotations,
			   const char *doc)
{
	size_t i;

	for (i = 0; i < decls->n; i++) {
		struct raw_decl *raw = decls->items[i];

		if (decls->n > 1 && is_definition(raw))
			continue; /* the type defined in place, not what it is used for */
		tree_append(front, &raw->annotations, annotations);
		if (!raw->decl.doc)
			raw->decl.doc = doc;
	}
	return decls;
}

struct declarator *tree_declarator(struct front *front, const char *name, const struct ast_loc *loc)
{
	struct declarator *declarator = front_alloc(front, sizeof(*declarator));

	declarator->name = name;
	declarator->loc = *loc;
	return declarator;
}

void tree_labels(struct front *front, struct raw_decl *member, const struct list *labels)
{
	size_t i;

	for (i = 0; i < labels->n; i++)
		if (labels->items[i])
			list_add(front, &member->labels, labels->items[i]);
		else
			member->decl.is_default = true;
}

struct annotation *tree_annotation(struct front *front, const char *name, const struct ast_loc *loc,
				   const struct list *args)
{
	struct annotation *annotation = front_alloc(front, sizeof(*annotation));

	annotation->name = name;
	annotation->loc = *loc;
	if (args)
		annotation->args = *args;
	return annotation;
}

struct argument *tree_argument(struct front *front, const char *name, struct expr *expr)
{
	struct argument *argument = front_alloc(front, sizeof(*argument));

	argument->name = name;
	argument->expr = expr;
	return argument;
}
