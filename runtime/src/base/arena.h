/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_ARENA_H
#define PYRITE_ARENA_H
/*
 * Memory of one call: many small blocks, freed all at once. The first chunk is the caller's own
 * (usually on its stack or inside the call), so that a small call allocates nothing. Not locked:
 * one thread at a time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget;
struct arena {
	uint8_t *next, *end;        /* free part of the newest chunk */
	struct arena_chunk *chunks; /* the malloc'ed ones */
	size_t used, max;           /* bytes given out; it fails beyond so many, SIZE_MAX: none */
	struct budget *budget;      /* borrowed: the chunks are charged to it; NULL: to nobody */
	size_t charged;             /* so far */
	bool may_exceed;            /* the budget's bounds: charged, but never refused */
	bool is_refused;            /* it was, by the budget */
	bool is_short;              /* malloc() had none */
};

/* first: n bytes aligned for anything, kept by the caller; may be NULL. */
void arena_init(struct arena *arena, void *first, size_t n);

/* From now on chunks are charged to a budget, which outlives what is in the arena. */
void arena_charge_to(struct arena *arena, struct budget *budget);

/* Returns zeroed memory aligned to 16, or NULL: out of memory or budget. n = 0 gives a valid
 * pointer. */
void *arena_alloc(struct arena *arena, size_t n);
/* The same, not zeroed. */
void *arena_alloc_raw(struct arena *arena, size_t n);
void *arena_copy(struct arena *arena, const void *data, size_t n);

/* Frees everything, and releases what was charged; the arena may be used again after arena_init().
 */
void arena_clear(struct arena *arena);
#endif
