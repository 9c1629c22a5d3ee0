/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_BREAKING_H
#define PYRITE_CODEGEN_BREAKING_H
/*
 * pyrite-idl --breaking: two versions of a file compared by the rules that the two ends of a link
 * go by (runtime/src/wire/shape_compare.c).
 */
#include "../idl/ast.h"
#include "../idl/idl.h"

/* Tells diag of every change that breaks programs of the other version, at its place in the new
 * file; prints the others to `compatible` unless that is NULL. Returns false when memory is out. */
bool breaking_compare(const struct idl_unit *old_unit, const struct idl_unit *new_unit,
		      struct diag *diag, FILE *compatible);
#endif
