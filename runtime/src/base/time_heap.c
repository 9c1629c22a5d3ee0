/* SPDX-License-Identifier: MIT */
/* A binary heap whose members know their place. */
#include "base/time_heap.h"

#include <stdlib.h>

#include "base/array.h"

bool time_heap_reserve(struct time_heap *heap, size_t n)
{
	return array_reserve(&heap->items, &heap->cap, n, sizeof(heap->items[0]));
}

static void put(struct time_heap *heap, size_t place, struct time_place *time)
{
	heap->items[place - 1] = time;
	time->place = place;
}

static void rise(struct time_heap *heap, size_t place, struct time_place *time)
{
	while (place > 1 && heap->items[place / 2 - 1]->at > time->at) {
		put(heap, place, heap->items[place / 2 - 1]);
		place /= 2;
	}
	put(heap, place, time);
}

static void sink(struct time_heap *heap, size_t place, struct time_place *time)
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

void time_heap_add(struct time_heap *heap, struct time_place *time, int64_t at)
{
	time->at = at;
	rise(heap, ++heap->n, time);
}

void time_heap_remove(struct time_heap *heap, struct time_place *time)
{
	struct time_place *last;
	size_t place = time->place;

	if (place == 0)
		return;
	time->place = 0;
	last = heap->items[--heap->n];
	if (last != time)
		sink(heap, place, last);
}

struct time_place *time_heap_first(const struct time_heap *heap)
{
	return heap->n > 0 ? heap->items[0] : NULL;
}

void time_heap_free(struct time_heap *heap)
{
	free(heap->items);
	*heap = (struct time_heap){ 0 };
}
