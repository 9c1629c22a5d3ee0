/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SCOPE_H
#define PYRITE_SCOPE_H
/* Scopes: what is declared where, and what a name means. */
#include "front.h"
#include "raw.h"

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

#endif
