/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_EMIT_H
#define PYRITE_CODEGEN_EMIT_H
/*
 * The emitters, one for each kind of output: a checked tree in, text out. They share nothing but
 * the tree; same tree, same bytes.
 */
#include "buf.h"

#include "../idl/ast.h"

/* X.h: what programs include. hidden: what it declares is not seen outside the library or program
 * that X.c becomes part of. */
void emit_header(struct buf *out, const struct idl_unit *unit, bool hidden);

/* X.c: tables, shims and stubs. */
void emit_source(struct buf *out, const struct idl_unit *unit);

/* FILE.proto, FILE.MODULE.proto for services of further modules, -services.proto, and
 * pyrite/reference.proto if references are passed. save gets each with its path; false from it ends
 * the run with false. */
typedef bool (*emit_save)(void *data, const char *path, const struct buf *text);
bool emit_proto(const struct idl_unit *unit, emit_save save, void *data);

/* Calls visit for every declaration of the file but modules, in the order of its source; one comes
 * after what is inside it. */
typedef void (*emit_visit)(void *data, const struct ast_decl *decl);
void emit_walk(const struct idl_unit *unit, const struct ast_file *file, emit_visit visit,
	       void *data);

/* The first line of a generated file, between the comment marks given. */
void emit_banner(struct buf *out, const struct idl_unit *unit, const char *open, const char *close);

/* "EXAMPLE" of "example.idl": the file's name as part of a macro, apart from every other file's. */
void emit_macro_name(struct buf *out, const struct ast_file *file);

/* The same as an identifier in the file's own case. */
void emit_identifier(struct buf *out, const char *stem);

/* For layout_doc(): NULL if it is not deprecated, else the annotation's text, "" if it has none. */
const char *emit_deprecated(const struct ast_decl *decl);
#endif
