/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_SET_H
#define PYRITE_CODEGEN_SET_H
/*
 * A set of strings, which stay their owner's. All zero is an empty set.
 */
#include <stdbool.h>
#include <stddef.h>

struct set {
	const char **slots; /* open addressing; room is a power of two */
	size_t n, room;
	bool failed; /* memory ran out: something was not kept */
};

/* Returns true if the key is new. */
bool set_add(struct set *set, const char *key);
bool set_has(const struct set *set, const char *key);
void set_free(struct set *set);
#endif
