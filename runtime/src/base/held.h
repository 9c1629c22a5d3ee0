/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_HELD_H
#define PYRITE_HELD_H
/*
 * What hangs on blocks of memory that a program was given and will free: the proxies inside a
 * struct. A table by the block's address, at which nobody looks while it is empty. Any thread.
 */
/* The beginning of what hangs there; its owner's memory. */
struct held {
	struct held *next;
	const void *block;
	void (*release)(struct held *held); /* the block is being freed; without locks */
};
/* Of a block on which nothing hangs yet. */
void held_add(struct held *held, const void *block);
/* Frees a block, and lets go of what hangs on it. NULL: nothing. */
void held_free(void *block);
#endif
