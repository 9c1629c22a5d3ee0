/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_BREAKING_SHAPE_H
#define PYRITE_CODEGEN_BREAKING_SHAPE_H
/* What both versions of a file are made into, to be compared. */
#include "../idl/ast.h"

struct arena;
struct shape;

/* The shape of all operations that are declared in the interfaces given; its memory is the arena's,
 * its origins are declarations. Returns false when memory is out. */
bool breaking_shape(const struct ast_decl *const *interfaces, size_t n, struct arena *arena,
		    struct shape *ret);
#endif
