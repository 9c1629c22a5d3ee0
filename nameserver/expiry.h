/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_EXPIRY_H
#define PYRITE_NS_EXPIRY_H
/*
 * What ends first: a binary heap, so that neither renewing a lease nor looking for those that have
 * ended costs a walk over all. One thread at a time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Part of whatever ends; not to be moved while it is in. */
struct expiry_item {
	int64_t ends;
	size_t at; /* from 1 on; 0: not in */
};

struct expiry {
	struct expiry_item **items; /* [0] is not used */
	size_t n, room;
};

void expiry_fini(struct expiry *expiry);
/* Room for one more, so that the next add() succeeds. Returns false when memory is out. */
bool expiry_reserve(struct expiry *expiry);
void expiry_add(struct expiry *expiry, struct expiry_item *item);
void expiry_move(struct expiry *expiry, struct expiry_item *item, int64_t ends);
/* Nothing for one that is not in. */
void expiry_remove(struct expiry *expiry, struct expiry_item *item);
/* NULL: empty. */
struct expiry_item *expiry_first(const struct expiry *expiry);
/* How many end at now or before; as many steps. */
size_t expiry_count(const struct expiry *expiry, int64_t now);
#endif
