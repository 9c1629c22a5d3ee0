/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LISTS_H
#define PYRITE_LISTS_H
/* What memory.h fills. */
#include <stddef.h>

struct list {
	void **items;
	size_t n;
};

struct table_slot {
	const void *scope;
	const char *name;
	void *value;
};

/* From (scope, name) to a pointer; scope may be NULL. Grows in the arena. */
struct table {
	struct table_slot *slots;
	size_t n, room; /* room is a power of two, at most half used */
};

#endif
