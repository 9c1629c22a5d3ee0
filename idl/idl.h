/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_IDL_H
#define PYRITE_IDL_H
/*
 * The IDL front end: text to checked tree. Never exits, never prints by itself: diagnostics are
 * collected, sorted by place and written by diag_print().
 */
#include <stdio.h>

#include "ast.h"

struct idl_options {
	const char *const *include_dirs; /* -I, in order */
	size_t n_include_dirs;
	const char *const *defines; /* -D NAME or NAME=tokens */
	size_t n_defines;
	/* For tools that work on the text: the file is parsed, not checked, and its pieces are kept
	 * in unit->pieces. A missing #include and #error are no errors then. */
	bool keep_pieces;
	const char *text; /* the text of the file, which then is only named; NULL: it is read */
	size_t n_text;
};

struct diag; /* the messages of one run */

struct diag *diag_new(void);
void diag_free(struct diag *diag);
size_t diag_errors(const struct diag *diag);
/* Every message: file:line:col: error: text, the source line, a caret, and a suggestion if there is
 * one. */
void diag_print(const struct diag *diag, FILE *out);

/*
 * Reads, preprocesses, parses and checks a file. Returns: owned, idl_unit_free(); NULL if memory is
 * out. The tree is complete only if diag_errors() is 0.
 */
struct idl_unit *idl_read(const char *path, const struct idl_options *options, struct diag *diag);
void idl_unit_free(struct idl_unit *unit);
#endif
