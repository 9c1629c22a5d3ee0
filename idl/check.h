/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CHECK_H
#define PYRITE_CHECK_H
/*
 * The passes over the raw tree. One walk in the order of the text declares names, resolves types,
 * evaluates constants and assigns wire ids (check*.c, scope.c, resolve.c, constant.c, annotate.c);
 * poison.c settles what is not supported; then names.c chooses every C and wire name and
 * fingerprint.c sums it all up. A declaration with an error stays in the tree, so that what uses it
 * makes no further errors.
 */
#include "front.h"

static inline struct raw_decl *raw_of(struct ast_decl *decl)
{
	return (struct raw_decl *)decl; /* decl is its first member */
}

static inline struct raw_type *raw_type_of(struct ast_type *type)
{
	return (struct raw_type *)type;
}

/* scope.c */
const char *scope_kind_name(const struct ast_decl *decl); /* "struct", "an operation" ... */
struct raw_decl *scope_outer(struct front *front, const struct raw_decl *scope);
/* Declares a name in a scope; reports a second declaration and returns false. */
bool scope_declare(struct front *front, struct raw_decl *scope, struct raw_decl *raw);
struct raw_decl *scope_own(struct front *front, const struct raw_decl *scope, const char *name);
/* What a name means in front->scope; NULL if nothing, reported unless quiet. */
struct raw_decl *scope_lookup(struct front *front, const struct name *name, bool quiet);
const char *scope_name_text(struct front *front, const struct name *name);
/* Reports an unknown name and what it may have been meant to be. */
void scope_unknown(struct front *front, const struct name *name, bool is_type);
/* "CORBA::Policy" if the name is one of module CORBA's: an ORB declares it, nobody here. Else NULL.
 */
const char *scope_corba(struct front *front, const struct name *name);
/* Adds a finished declaration to what its scope holds. */
void scope_add_item(struct front *front, struct raw_decl *scope, struct raw_decl *raw);
/* The nearest module or interface around a scope, itself included: where types are listed. */
struct raw_decl *scope_home(struct front *front, struct raw_decl *scope);

/* poison.c. Something unsupported stands here, or a poisoned declaration is used: an error in the
 * main file, else front->part is poisoned. */
const char *poison_text(struct front *front, const char *what); /* "what is not supported" */
void poison_meet(struct front *front, const struct ast_loc *loc, const char *what);
void poison_use(struct front *front, const struct ast_loc *loc, const struct raw_decl *used);
/* The same of a base: a poisoned declaration, or what has no declaration. */
void poison_base(struct front *front, const struct ast_loc *loc, struct raw_decl *interface,
		 const struct raw_decl *base, const char *what);
/* front->part uses a declaration that may still turn out poisoned. */
void poison_watch(struct front *front, const struct ast_loc *loc, struct raw_decl *used);
/* The declaration is checked: from now on it counts as poisoned, if it is. */
void poison_seal(struct raw_decl *raw);
/* After the walk: what uses what turned out poisoned is so too. */
void poison_settle(struct front *front);

/* resolve.c */
enum resolve_place { PLACE_DATA, PLACE_PARAM /* stream<T> may stand here */ };
bool resolve_type(struct front *front, struct raw_type *raw, enum resolve_place place);
/* The type is held by value: it must be complete. */
bool resolve_complete(struct front *front, const struct ast_type *type);
uint64_t resolve_size(const struct ast_type *type);
const char *resolve_type_name(const struct ast_type *type); /* "int32"; of scalars */
bool resolve_is_integer(const struct ast_type *type);

/* constant.c */
/* The value of an expression as a type; false after reporting. */
bool constant_evaluate(struct front *front, struct expr *expr, const struct ast_type *type,
		       struct ast_value *ret);
/* A count between 1 and most. */
bool constant_count(struct front *front, struct expr *expr, uint32_t most, const char *what,
		    uint32_t *ret);

/* annotate.c: after the type of the declaration is resolved. */
void annotate(struct front *front, struct raw_decl *raw);

/* check_types.c, check_interface.c */
void check_declaration(struct front *front, struct raw_decl *raw); /* in front->scope */
void check_typedef(struct front *front, struct raw_decl *raw);
void check_const(struct front *front, struct raw_decl *raw);
void check_enum(struct front *front, struct raw_decl *raw);
void check_struct(struct front *front, struct raw_decl *raw); /* exceptions too */
void check_union(struct front *front, struct raw_decl *raw);
void check_interface(struct front *front, struct raw_decl *raw);
void check_member_name(struct front *front, const struct raw_decl *raw);

/* ids.c: field numbers. first: the lowest that is free. */
void ids_members(struct front *front, struct raw_decl *raw, uint32_t first);
void ids_operation(struct front *front, struct raw_decl *raw);

/* names.c and what is behind names.h; reserved.c */
void names_choose(struct front *front);
bool reserved_word(const char *name);

/* fingerprint.c */
void fingerprint_all(struct front *front);

#endif
