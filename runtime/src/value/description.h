/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_VALUE_DESCRIPTION_H
#define PYRITE_VALUE_DESCRIPTION_H
/*
 * An interface as it is told to a caller that has no stub, and the tables that such a caller makes
 * of what it was told. The tables are laid out as a C compiler would, since both ends count what a
 * value takes in memory. What comes is not trusted: names, numbers, kinds and bounds are checked,
 * nothing holds itself, nothing is larger than LAYOUT_SIZE.
 */
#include <pyrite/gen.h>

#include "base/arena.h"
#include "base/buf.h"

/* Writes the shape into the arena. Returns false if it is too large, or memory is out. */
bool description_make(const struct pyr__interface *table, struct arena *arena, struct span *ret);

enum { DESCRIPTION_DOCS = 256 << 10 }; /* bytes of doc comments that are kept */

/* What was told. */
struct description {
	const char *name;
	uint64_t fingerprint;
	const char *const *bases;
	size_t n_bases;
	struct span shape;
	/* Doc comments: its own, then those of operations; "" for none. Left out if they are not as
	 * many as that. */
	const char *const *docs;
	size_t n_docs;
};

/* Tables in the arena, which lives as long as they do; they have no part of what was told. Returns
 * NULL with the reason in text: "'shop.Cart' is no type". */
const struct pyr__interface *description_tables(const struct description *told, struct arena *arena,
						char *text, size_t n);
#endif
