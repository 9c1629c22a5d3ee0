/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_IDSET_H
#define PYRITE_IDSET_H
/* A set of ids of 16 bytes: filled, sealed, then only read. Not locked. Whoever chooses the ids
 * does not choose how long a look takes. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IDSET_ID = 16 };

struct idset {
	uint8_t *ids; /* one after the other; in order once sealed */
	size_t n, cap;
};

/* Returns false when memory is out: it is not in then. */
bool idset_add(struct idset *set, const uint8_t id[IDSET_ID]);
/* No more are added. */
void idset_seal(struct idset *set);
/* Of a sealed one. */
bool idset_has(const struct idset *set, const uint8_t id[IDSET_ID]);
void idset_free(struct idset *set);
#endif
