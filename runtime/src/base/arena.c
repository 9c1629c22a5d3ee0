/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

#include "base/budget.h"

enum { ALIGN = 16, CHUNK = 4096 };

struct arena_chunk {
	struct arena_chunk *older;
	size_t pad; /* the header stays a multiple of ALIGN */
};

void arena_init(struct arena *arena, void *first, size_t n)
{
	arena->next = first;
	arena->end = first ? (uint8_t *)first + n : NULL;
	arena->chunks = NULL;
	arena->used = 0;
	arena->max = SIZE_MAX;
	arena->budget = NULL;
	arena->charged = 0;
	arena->may_exceed = arena->is_refused = arena->is_short = false;
}

void arena_charge_to(struct arena *arena, struct budget *budget)
{
	arena->budget = budget;
}

/* What malloc() then does not have stays charged until the arena is cleared. */
static bool charge(struct arena *arena, size_t n)
{
	if (!arena->budget)
		return true;
	if (!budget_add(arena->budget, n) && !arena->may_exceed) {
		budget_release(arena->budget, n);
		arena->is_refused = true;
		return false;
	}
	arena->charged += n;
	return true;
}

static void *alloc_chunk(struct arena *arena, size_t n)
{
	size_t room =
		n > CHUNK - sizeof(struct arena_chunk) ? n : CHUNK - sizeof(struct arena_chunk);
	struct arena_chunk *chunk = NULL;
	uint8_t *data;

	if (!charge(arena, sizeof(*chunk) + room))
		return NULL;
	chunk = malloc(sizeof(*chunk) + room);
	if (!chunk) {
		arena->is_short = true;
		return NULL;
	}
	chunk->older = arena->chunks;
	arena->chunks = chunk;
	data = (uint8_t *)(chunk + 1);
	if (n < room) { /* a chunk made for one large block leaves the current one in use */
		arena->next = data + n;
		arena->end = data + room;
	}
	return data;
}

void *arena_alloc_raw(struct arena *arena, size_t n)
{
	void *block;

	if (n > SIZE_MAX - ALIGN - sizeof(struct arena_chunk))
		return NULL;
	n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (n > arena->max - arena->used)
		return NULL;
	if (arena->next && n <= (size_t)(arena->end - arena->next)) {
		block = arena->next;
		arena->next += n;
	} else if (!(block = alloc_chunk(arena, n))) {
		return NULL;
	}
	arena->used += n;
	return block;
}

void *arena_alloc(struct arena *arena, size_t n)
{
	void *block = arena_alloc_raw(arena, n);

	return block ? memset(block, 0, n) : NULL;
}

void *arena_copy(struct arena *arena, const void *data, size_t n)
{
	void *block = arena_alloc_raw(arena, n);

	return block && n > 0 ? memcpy(block, data, n) : block;
}

void arena_clear(struct arena *arena)
{
	struct arena_chunk *chunk, *older;

	for (chunk = arena->chunks; chunk; chunk = older) {
		older = chunk->older;
		free(chunk);
	}
	budget_release(arena->budget, arena->charged);
	arena->chunks = NULL;
	arena->next = arena->end = NULL;
	arena->used = arena->charged = 0;
}
