/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_OUTPUT_H
#define PYRITE_CODEGEN_OUTPUT_H
/*
 * The files that a run is going to write: collected first, so that nothing is written where one of
 * them may not be. Each is written whole or not at all.
 */
#include "buf.h"

struct output {
	struct buf path, text;
	const char *source; /* the IDL file that it is made from; borrowed */
	bool is_shared;     /* the same from whatever file */
};

struct outputs {
	struct output *items;
	size_t n;
	bool failed; /* memory is out */
};

/* Takes the text. */
void outputs_add(struct outputs *outputs, const char *dir, const char *name, struct buf *text,
		 const char *source);
/* Looks for two files of one name, and, unless force, for files there that pyrite-idl did not
 * write. Returns whether all may be written; else says why not. */
bool outputs_check(const struct outputs *outputs, bool force);
/* Returns false after saying what could not be written. */
bool outputs_write(const struct outputs *outputs);
void outputs_free(struct outputs *outputs);
#endif
