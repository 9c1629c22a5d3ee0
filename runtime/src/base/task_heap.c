/* SPDX-License-Identifier: MIT */
/* A binary heap whose members know their place. */
#include "base/task_heap.h"

#include <stdlib.h>

bool task_heap_reserve(struct task_heap *heap, size_t n)
{
	size_t cap = heap->cap ? 2 * heap->cap : 16;
	struct task_time **items;

	if (n <= heap->cap)
		return true;
	if (cap < n)
		cap = n;
	items = realloc(heap->items, cap * sizeof(*items));
	if (!items)
		return false;
	heap->items = items;
	heap->cap = cap;
	return true;
}

static void put(struct task_heap *heap, size_t place, struct task_time *time)
{
	heap->items[place - 1] = time;
	time->place = place;
}

static void rise(struct task_heap *heap, size_t place, struct task_time *time)
{
	while (place > 1 && heap->items[place / 2 - 1]->at > time->at) {
		put(heap, place, heap->items[place / 2 - 1]);
		place /= 2;
	}
	put(heap, place, time);
}

static void sink(struct task_heap *heap, size_t place, struct task_time *time)
{
	size_t child;

	while ((child = 2 * place) <= heap->n) {
		if (child < heap->n && heap->items[child]->at < heap->items[child - 1]->at)
			child++;
		if (heap->items[child - 1]->at >= time->at)
			break;
		put(heap, place, heap->items[child - 1]);
		place = child;
	}
	rise(heap, place, time);
}

void task_heap_add(struct task_heap *heap, struct task_time *time, int64_t at)
{
	time->at = at;
	rise(heap, ++heap->n, time);
}

void task_heap_remove(struct task_heap *heap, struct task_time *time)
{
	struct task_time *last;
	size_t place = time->place;

	if (place == 0)
		return;
	time->place = 0;
	last = heap->items[--heap->n];
	if (last != time)
		sink(heap, place, last);
}

struct task_time *task_heap_first(const struct task_heap *heap)
{
	return heap->n > 0 ? heap->items[0] : NULL;
}

void task_heap_free(struct task_heap *heap)
{
	free(heap->items);
	*heap = (struct task_heap){ 0 };
}
