/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_BLOCK_H
#define PYRITE_BLOCK_H
/*
 * Large runs of bytes, counted, on their way to or from a link. A few that were given back are kept
 * for the next: fresh memory costs more than what is done with it. Any thread.
 */
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct block {
	atomic_int refs;
	size_t size; /* of data, at least what was asked for */
	uint8_t data[];
};

/* Returns one reference; NULL when memory is out. Not zeroed. */
struct block *block_new(size_t size);
void block_ref(struct block *block);
void block_unref(struct block *block); /* NULL: nothing */
/* Of memory just allocated, all of which will be written: large pages would be better. NULL:
 * nothing. */
void block_advise(void *p, size_t size);
#endif
