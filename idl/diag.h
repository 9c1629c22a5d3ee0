/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_DIAG_H
#define PYRITE_DIAG_H
/*
 * Messages about a text: collected while it is read, printed sorted by place. A message keeps its
 * own copy of the source line, so that it outlives the unit. Never fails: what memory or the limit
 * (1000 messages) does not allow is counted and said at the end.
 */
#include "idl.h"

/* loc->line 0: about the whole file. */
void diag_error(struct diag *diag, const struct ast_loc *loc, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void diag_warning(struct diag *diag, const struct ast_loc *loc, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Belongs to the message before it and is printed below it. */
void diag_note(struct diag *diag, const struct ast_loc *loc, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* One more line below the message before: "did you mean 'int32'?". */
void diag_suggest(struct diag *diag, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
