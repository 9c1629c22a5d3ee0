/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_FORMAT_H
#define PYRITE_CODEGEN_FORMAT_H
/*
 * The one layout of IDL. Tokens, comments and directives stay as they are and where they are in the
 * sequence; white space alone changes. docs/idl-reference.md has the rules.
 */
#include "buf.h"

#include "../idl/ast.h"

/* The formatted text of the main file; the unit has pieces (idl_options.keep_pieces). */
void format_unit(struct buf *out, const struct idl_unit *unit);

/* Formats a text in place; one that cannot be parsed stays as it is. name: of a file in the folder
 * that its #includes are relative to. */
void format_text(struct buf *text, const char *name);

/* Whether two texts differ in layout alone. */
bool format_is_same(const struct idl_unit *a, const struct idl_unit *b);
#endif
