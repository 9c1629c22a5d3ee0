/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TASK_HEAP_H
#define PYRITE_TASK_HEAP_H
/* Who waits until when, the earliest first. Of the thread whose tasks they are. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct task_time {
	int64_t at;
	size_t place; /* from 1; 0: it does not wait */
};

/* All zero: empty. */
struct task_heap {
	struct task_time **items;
	size_t n, cap;
};

/* Makes room for n in all. Returns false when memory is out. */
bool task_heap_reserve(struct task_heap *heap, size_t n);
/* There must be room, and it must not be there. */
void task_heap_add(struct task_heap *heap, struct task_time *time, int64_t at);
/* One that is not there is left alone. */
void task_heap_remove(struct task_heap *heap, struct task_time *time);
/* NULL: nobody waits. */
struct task_time *task_heap_first(const struct task_heap *heap);
void task_heap_free(struct task_heap *heap);
#endif
