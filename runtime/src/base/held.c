/* SPDX-License-Identifier: MIT */
#include "base/held.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

enum { BUCKETS = 1024 };

static struct {
	pthread_mutex_t lock; /* a leaf; guards the buckets */
	atomic_size_t n;
	struct held *buckets[BUCKETS];
} table = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct held **bucket(const void *block)
{
	uintptr_t at = (uintptr_t)block >> 4;

	return &table.buckets[(at ^ at >> 10) % BUCKETS];
}

void held_add(struct held *held, const void *block)
{
	held->block = block;
	pthread_mutex_lock(&table.lock);
	held->next = *bucket(block);
	*bucket(block) = held;
	atomic_fetch_add(&table.n, 1);
	pthread_mutex_unlock(&table.lock);
}

static struct held *take(const void *block)
{
	struct held **at, *held;

	pthread_mutex_lock(&table.lock);
	for (at = bucket(block); *at && (*at)->block != block; at = &(*at)->next)
		;
	held = *at;
	if (held) {
		*at = held->next;
		atomic_fetch_sub(&table.n, 1);
	}
	pthread_mutex_unlock(&table.lock);
	return held;
}

void held_free(void *block)
{
	struct held *held = block && atomic_load(&table.n) > 0 ? take(block) : NULL;

	if (held)
		held->release(held);
	free(block);
}
