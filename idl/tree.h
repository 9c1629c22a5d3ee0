/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TREE_H
#define PYRITE_TREE_H
/* What the parser's actions build. */
#include "front.h"
#include "raw.h"
#include "token.h"

struct list *tree_list(struct front *front);
struct list *tree_append(struct front *front, struct list *list, const struct list *more);
struct list *tree_add(struct front *front, struct list *list, void *item);

struct raw_decl *tree_decl(struct front *front, enum ast_kind kind, const char *name,
			   const struct ast_loc *loc);
struct raw_type *tree_type(struct front *front, enum ast_type_kind kind, const struct ast_loc *loc);
struct raw_type *tree_type_poisoned(struct front *front, const char *what,
				    const struct ast_loc *loc);
struct raw_type *tree_type_named(struct front *front, struct name *name);
struct raw_type *tree_type_defined(struct front *front, struct raw_decl *decl);

struct name *tree_name(struct front *front, const char *part, bool absolute,
		       const struct ast_loc *loc);
struct name *tree_name_join(struct front *front, struct name *name, const char *part);

struct expr *tree_value(struct front *front, struct ast_value value, const struct ast_loc *loc);
struct expr *tree_expr(struct front *front, enum expr_op op, struct expr *left, struct expr *right,
		       const struct ast_loc *loc);
struct expr *tree_concat(struct front *front, struct expr *left, struct expr *right);

/* A declarator: a name with array dimensions. */
struct declarator {
	const char *name;
	struct ast_loc loc;
	struct list dims; /* struct expr */
};

struct declarator *tree_declarator(struct front *front, const char *name,
				   const struct ast_loc *loc);
struct annotation *tree_annotation(struct front *front, const char *name, const struct ast_loc *loc,
				   const struct list *args);
struct argument *tree_argument(struct front *front, const char *name, struct expr *expr);
/* Case labels of a union's member; a NULL among them is `default`. */
void tree_labels(struct front *front, struct raw_decl *member, const struct list *labels);

/* One declaration for each declarator; a type defined in place comes first. */
struct list *tree_declare(struct front *front, enum ast_kind kind, struct raw_type *type,
			  const struct list *declarators);
/* set_raises NULL: readonly. */
struct list *tree_attributes(struct front *front, struct raw_type *type, const struct list *names,
			     const struct list *get_raises, const struct list *set_raises);
/* Gives all declarations of a list their annotations and doc comment. */
struct list *tree_annotate(struct front *front, struct list *decls, const struct list *annotations,
			   const char *doc);

#endif
