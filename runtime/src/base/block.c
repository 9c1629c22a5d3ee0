/* SPDX-License-Identifier: MIT */
#include "base/block.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/checked.h"

enum {
	STEP = 65536,        /* sizes are multiples of it */
	KEPT = 6,            /* blocks, */
	KEPT_MAX = 32 << 20, /* bytes of all of them */
	WASTE = 2,           /* a block may be so many times as large as what is asked for */
	HUGE = 4 << 20       /* bytes that are worth asking for large pages */
};

static struct kept {
	pthread_mutex_t lock; /* a leaf */
	struct block *blocks[KEPT];
	unsigned n;
	size_t size; /* bytes */
} kept = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The one that was given back last and fits. */
static struct block *take_kept(size_t size)
{
	struct block *block;
	unsigned i;

	for (i = kept.n; i-- > 0;) {
		block = kept.blocks[i];
		if (block->size < size || block->size / WASTE > size)
			continue;
		kept.size -= block->size;
		for (kept.n--; i < kept.n; i++)
			kept.blocks[i] = kept.blocks[i + 1];
		return block;
	}
	return NULL;
}

static struct block *drop_oldest(void)
{
	struct block *oldest = kept.blocks[0];
	unsigned i;

	kept.size -= oldest->size;
	for (kept.n--, i = 0; i < kept.n; i++)
		kept.blocks[i] = kept.blocks[i + 1];
	return oldest;
}

void block_advise(void *p, size_t size)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t begin = ((uintptr_t)p + page - 1) / page * page;
	uintptr_t end = ((uintptr_t)p + size) / page * page;

	if (p && size >= HUGE)
		(void)madvise((void *)begin, end - begin, MADV_HUGEPAGE); /* or not */
}

static struct block *fresh_block(size_t size)
{
	struct block *block = malloc(sizeof(*block) + size);

	block_advise(block, size);
	if (block)
		block->size = size;
	return block;
}

struct block *block_new(size_t size)
{
	struct block *block;

	if (size > SIZE_MAX - 2 * STEP)
		return NULL;
	size = (size + sizeof(*block) + STEP - 1) / STEP * STEP - sizeof(*block);
	pthread_mutex_lock(&kept.lock);
	block = take_kept(size);
	pthread_mutex_unlock(&kept.lock);
	if (!block)
		block = fresh_block(size);
	if (block)
		atomic_init(&block->refs, 1);
	return block;
}

void block_ref(struct block *block)
{
	atomic_fetch_add_explicit(&block->refs, 1, memory_order_relaxed);
}

/* Keeps it; puts those that have to go into gone. Returns how many. */
static unsigned keep(struct block *block, struct block *gone[KEPT + 1])
{
	unsigned n = 0;

	if (MEMORY_IS_CHECKED || block->size > KEPT_MAX) {
		gone[n++] = block;
		return n;
	}
	while (kept.n == KEPT || kept.size + block->size > KEPT_MAX)
		gone[n++] = drop_oldest();
	kept.blocks[kept.n++] = block;
	kept.size += block->size;
	return n;
}

void block_unref(struct block *block)
{
	struct block *gone[KEPT + 1];
	unsigned n;

	if (!block || atomic_fetch_sub(&block->refs, 1) != 1)
		return;
	pthread_mutex_lock(&kept.lock);
	n = keep(block, gone);
	pthread_mutex_unlock(&kept.lock);
	while (n-- > 0)
		free(gone[n]);
}
