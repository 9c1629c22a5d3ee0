/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NUMTAB_H
#define PYRITE_NUMTAB_H
/* A table from 32-bit numbers to pointers: live calls, sessions. Not locked. Whoever chooses the
 * numbers does not choose how long a look takes. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct numtab {
	struct numtab_entry *entries; /* open addressing; value NULL = free */
	size_t cap, n;
	size_t popped; /* where numtab_pop() goes on: all before that may be free */
};

struct numtab_entry {
	uint32_t number;
	void *value;
};

void *numtab_get(const struct numtab *table, uint32_t number);
/* value is not NULL, number not in the table. Returns false when memory is out. */
bool numtab_put(struct numtab *table, uint32_t number, void *value);
void *numtab_remove(struct numtab *table, uint32_t number); /* what was there */
/* Removes it if it is that value. Returns whether it was. */
bool numtab_take(struct numtab *table, uint32_t number, const void *value);
/* The values one by one, from *at = 0 on; NULL after the last. It does not change meanwhile. */
void *numtab_next(const struct numtab *table, size_t *at);
void *numtab_pop(struct numtab *table); /* any one, removed; NULL when empty */
void numtab_free(struct numtab *table);
#endif
