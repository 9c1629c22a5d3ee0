/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_CHANGES_H
#define PYRITE_NS_CHANGES_H
/*
 * The last changes of registrations, for those who watch: a ring, so many and so many bytes of
 * them. Each has a number, counted from 1 on; whoever has not heard of one that is gone has missed
 * it. One thread at a time.
 */
#include "store.h"

enum { CHANGES_KEPT = 16384, CHANGES_BYTES = 16 * 1024 * 1024 };

struct change_entry {
	uint64_t revision;             /* the registry's */
	struct record *before, *after; /* NULL: nothing */
};

struct changes {
	uint64_t first, next; /* the numbers of the oldest, and of the one to come */
	uint64_t since;       /* all changes after that revision are here */
	size_t bytes;
	struct change_entry *ring; /* CHANGES_KEPT of them; NULL: none is kept */
};

/* Of zeros. revision: that up to which nothing is kept. */
void changes_init(struct changes *changes);
void changes_begin(struct changes *changes, uint64_t revision);
void changes_fini(struct changes *changes);
/* If memory is out all are forgotten. */
void changes_add(struct changes *changes, const struct store_change *change);
/* All are gone, and one more that nobody knows. */
void changes_forget(struct changes *changes);
/* number: from first to next. */
const struct change_entry *changes_at(const struct changes *changes, uint64_t number);
/* The number of the first change after the revision, or of the one to come. 0: it is not known
 * which are missing. */
uint64_t changes_after(const struct changes *changes, uint64_t revision);
#endif
