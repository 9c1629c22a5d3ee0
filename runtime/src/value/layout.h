/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_VALUE_LAYOUT_H
#define PYRITE_VALUE_LAYOUT_H
/* Sizes and offsets of types that no compiler has seen, as it would lay out what the C mapping has.
 */
#include <pyrite/gen.h>

#include "base/arena.h"

enum {
	LAYOUT_SIZE = 1 << 24, /* bytes of one value without what it points to */
	LAYOUT_DEPTH = 64      /* structs inside structs */
};

struct layout_type {
	struct pyr__type table; /* first: a table is its type */
	uint32_t align;
	uint8_t state; /* of the walk */
	struct layout_type *next;
};

struct layout {
	struct arena *arena;
	struct layout_type *all;
};

/* A new type, in the arena; NULL when memory is out. */
struct layout_type *layout_add(struct layout *layout, uint8_t kind);
/* One that lies elsewhere. */
void layout_own(struct layout *layout, struct layout_type *type);
/* Returns NULL, or what is wrong: a type holds itself, is nested too deep, or is too large. */
const char *layout_all(struct layout *layout);
#endif
