/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_IDTAB_H
#define PYRITE_IDTAB_H
/* A table of what has an id of 16 bytes, each linked in by a node of its own. Not locked. Whoever
 * chooses the ids does not choose how long a look takes. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IDTAB_ID = 16 };

struct idtab_node {
	struct idtab_node *next;
	uint8_t id[IDTAB_ID];
};

struct idtab {
	struct idtab_node **buckets;
	size_t n_buckets, n;
	size_t popped; /* where idtab_pop() goes on: all before that are empty */
};

struct idtab_node *idtab_get(const struct idtab *table, const uint8_t id[IDTAB_ID]);
/* Its id is not in the table. Returns false when memory is out. */
bool idtab_put(struct idtab *table, struct idtab_node *node);
/* It is in the table. */
void idtab_remove(struct idtab *table, struct idtab_node *node);
struct idtab_node *idtab_pop(struct idtab *table); /* any one, removed; NULL when empty */
void idtab_free(struct idtab *table);              /* of an empty one */
#endif
