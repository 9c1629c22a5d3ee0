/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_NAMES_H
#define PYRITE_CODEGEN_NAMES_H
/*
 * Names of what a generated source keeps to itself (tables, shims): scopes without the module, so
 * that they stay short, and apart from each other, from every public name and from
 * parameters.
 */
#include "buf.h"

#include "../idl/ast.h"

struct names;

/* Returns: owned, names_free(); NULL if memory is out. */
struct names *names_new(const struct idl_unit *unit);
void names_free(struct names *names);

/*
 * A static name for suffix ("args", "add") of a declaration, or of what scope says if decl is NULL:
 * "Server_args". Returns: the set's, valid until it is freed; "" if memory is out (names_failed()).
 */
const char *names_local(struct names *names, const struct ast_decl *decl, const char *scope,
			const char *suffix);
bool names_failed(const struct names *names);
#endif
