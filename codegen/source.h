/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_SOURCE_H
#define PYRITE_CODEGEN_SOURCE_H
/*
 * Parts of the source emitter: source.c walks the file, source_types.c writes the tables of types,
 * source_interface.c an interface's table, shims and stubs.
 */
#include "buf.h"
#include "c_type.h"
#include "layout.h"
#include "names.h"
#include "set.h"

#include "../idl/ast.h"

struct source {
	struct buf *out;
	struct names *names;
	struct table fields; /* the table of fields being made */
	struct set helpers;  /* static tables, of anonymous collections and of interfaces that are
				passed as references: C name of the type -> name of the table */
};

/* One row of a table of fields. */
struct source_field {
	uint32_t id;
	const char *name; /* on the wire */
	const struct ast_type *type;
	bool optional, whole;
	const char *owner, *member, *has_member; /* for offsetof; owner NULL: no offset */
	const char *value;                       /* name of the default's constant, or NULL */
};

/* Whether one table can describe both. */
bool source_same_type(const struct ast_type *a, const struct ast_type *b);

/* Adds it to source->fields, */
void source_field(struct source *source, const struct source_field *field);
/* which this writes as a static table of that name. */
void source_fields(struct source *source, const char *name);

/* Writes the constant that holds a default, if there is one; prefix: the operation of a parameter,
 * else "". Returns its name or NULL. */
const char *source_default(struct source *source, const struct ast_decl *scope, const char *prefix,
			   const struct ast_decl *decl);

/* Writes the static tables that type needs, where they are still missing. */
void source_need(struct source *source, const struct ast_type *type);

/* The rows of a struct's or union's members; values: names of their defaults' constants, or NULL.
 */
void source_members(struct source *source, const struct ast_decl *decl, const char *const *values);

/* The opening lines of a table; linkage is "static " or "". */
void source_open_type(struct source *source, const char *linkage, const char *name,
		      const char *kind, const char *wire_name);

/* The line of a table that has the fingerprint of a type with a name of its own. NULL: nothing. */
void source_fingerprint(struct buf *out, const struct ast_decl *decl);

/* What goes with each type that is a struct. */
void source_value_functions(struct buf *out, const char *c_name);

/* What raises and what catches an exception. */
void source_exception(struct buf *out, const struct ast_decl *decl);

void source_enum(struct source *source, const struct ast_decl *decl);
void source_struct(struct source *source, const struct ast_decl *decl);
void source_union(struct source *source, const struct ast_decl *decl);
void source_typedef(struct source *source, const struct ast_decl *decl);
void source_interface(struct source *source, const struct ast_decl *decl);
#endif
