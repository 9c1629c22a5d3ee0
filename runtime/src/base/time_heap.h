/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TIME_HEAP_H
#define PYRITE_TIME_HEAP_H
/* Who waits until when, the earliest first: timers, tasks that sleep. Not locked. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct time_place {
	int64_t at;
	size_t place; /* from 1; 0: it does not wait */
};

/* All zero: empty. */
struct time_heap {
	struct time_place **items;
	size_t n, cap;
};

/* Makes room for n in all. Returns false when memory is out. */
bool time_heap_reserve(struct time_heap *heap, size_t n);
/* There must be room, and it must not be there. */
void time_heap_add(struct time_heap *heap, struct time_place *time, int64_t at);
/* One that is not there is left alone. */
void time_heap_remove(struct time_heap *heap, struct time_place *time);
/* NULL: nobody waits. */
struct time_place *time_heap_first(const struct time_heap *heap);
void time_heap_free(struct time_heap *heap);
#endif
