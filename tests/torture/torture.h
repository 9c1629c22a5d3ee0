/* SPDX-License-Identifier: MIT */
#ifndef TORTURE_H
#define TORTURE_H
/*
 * What libtorture.so offers to the program that it is loaded into with LD_PRELOAD. It stands before
 * the C library and makes the n-th call of a kind fail, counting only calls whose return address
 * lies in a module named by TORTURE_MODULES ("libpyrite.so" by default). README.md explains it.
 */
#include <stdbool.h>
#include <stddef.h>

enum torture_kind {
	TORTURE_MEMORY, /* malloc, strdup, mmap, pthread_create and the like */
	TORTURE_SYSCALL /* read, send, accept4, open, fsync and the like */
};

/* Where a fault was injected. */
struct torture_hit {
	const char *function; /* "malloc"; NULL: none was injected */
	const char *fault;    /* "EINTR" */
	const char *module;   /* "libpyrite.so.0" */
	size_t offset;        /* of the return address in the module */
};

/* From now on the n-th call (0 is the first) fails, in any thread. variant chooses between the
 * faults that a function may have; for TORTURE_MEMORY it is how many allocations after the n-th
 * fail as well. A call without such a variant succeeds, and counts as reached. */
void torture_arm(enum torture_kind kind, long n, int variant);

/* Nothing fails any more. Returns whether the n-th call was reached; *ret tells which it was. */
bool torture_disarm(struct torture_hit *ret);

/* Blocks that calls from those modules allocated and that nobody has freed. */
size_t torture_live(void);

/* Writes those that are younger than the last torture_mark(), a line for each, to a descriptor. */
void torture_mark(void);
void torture_tell_live(int fd);

/* Writes where the fault was injected, the innermost call of our modules first. */
void torture_tell_frames(int fd);

/* Looks again which modules are loaded. */
void torture_modules(void);

#endif
