/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_OWNERS_H
#define PYRITE_NS_OWNERS_H
/*
 * Owners, each known by its secret: found in O(log n), counted by who holds them. One thread at a
 * time.
 */
#include <stddef.h>
#include <stdint.h>

#include "store.h"

struct owner {
	uint64_t place; /* in the tree: a keyed hash, so that times tell nothing of secrets */
	uint8_t secret[SECRET_SIZE];
	size_t n;      /* holders */
	bool has_left; /* said that he goes to another name server */
	uint64_t lost; /* moment of whoever counts moments; 0: never */
};

struct owners {
	void *root;
	uint64_t keys[2];
	size_t n;
};

void owners_init(struct owners *owners);
/* With all owners. */
void owners_fini(struct owners *owners);

/* NULL: there is none. */
struct owner *owners_find(struct owners *owners, const uint8_t *secret);
/* Finds or makes one, and holds it. NULL: memory is out. */
struct owner *owners_take(struct owners *owners, const uint8_t *secret);
/* Lets go; nobody's owner is freed. owner: may be NULL. */
void owners_drop(struct owners *owners, struct owner *owner);
#endif
