/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_DOCS_H
#define PYRITE_CODEGEN_DOCS_H
/*
 * Pages that document interfaces: one for each file that is given or included, and an index. Same
 * trees, same bytes.
 */
#include "buf.h"

#include "../idl/ast.h"

struct docs_format;
extern const struct docs_format docs_html, docs_markdown;

/* Gets each page with its name; source: the IDL file that it is about, NULL for the index. Takes
 * the text. */
typedef void (*docs_save)(void *data, const char *name, struct buf *text, const char *source);

/* Returns false if memory is out. */
bool emit_docs(const struct docs_format *format, const struct idl_unit *const *units,
	       size_t n_units, docs_save save, void *data);
#endif
