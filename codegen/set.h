/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_SET_H
#define PYRITE_CODEGEN_SET_H
/*
 * A set of strings, each with something beside it if need be; all stay their owner's. All zero is
 * an empty set.
 */
#include <stdbool.h>
#include <stddef.h>

struct set_slot {
	const char *key;
	const void *value;
};

struct set {
	struct set_slot *slots; /* open addressing; room is a power of two */
	size_t n, room;
	bool failed; /* memory ran out: something was not kept */
};

/* Returns true if the key is new. */
bool set_add(struct set *set, const char *key);
bool set_put(struct set *set, const char *key, const void *value);
/* Returns: what was put beside the key, NULL if it is not there. */
const void *set_get(const struct set *set, const char *key);
bool set_has(const struct set *set, const char *key);
void set_free(struct set *set);
#endif
