/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_HELD_H
#define PYRITE_HELD_H
/*
 * What hangs on blocks of memory that a program was given and will free: the proxies inside a
 * struct. A table by the block's address, at which nobody looks while it is empty. Any thread.
 */
#include <stdbool.h>

/* release(what) is called when the block is freed, without locks. Of a block that holds nothing
 * yet. Returns false when memory is out. */
bool held_add(void *block, void (*release)(void *what), void *what);
/* Frees a block, and lets go of what hangs on it. NULL: nothing. */
void held_free(void *block);
#endif
