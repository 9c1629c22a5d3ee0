/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_BUF_H
#define PYRITE_BUF_H
/* A growing run of bytes. Out of memory makes it broken: appends do nothing until buf_reset(). */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/block.h"

struct buf {
	uint8_t *data;
	size_t n, cap;
	struct block *block; /* that data lies in; NULL: malloc'ed */
	bool broken;
	bool is_lent; /* data is its owner's memory: buf_lend() */
};

/* A borrowed run of bytes; p may be NULL when n is 0. */
struct span {
	const uint8_t *p;
	size_t n;
};

/* Room for n bytes at the end, which then count as written. Returns NULL when memory is out. */
uint8_t *buf_grow(struct buf *buf, size_t n);
/* Room for n bytes in all, and no more: for what is known to come. Returns false when memory is
 * out, which breaks nothing. */
bool buf_reserve(struct buf *buf, size_t n);
/* An empty one starts in this memory, and leaves it when it grows. Both stay where they are. */
void buf_lend(struct buf *buf, void *room, size_t n);
/* into holds what from did, which is then as new. Cannot fail when both were lent as much. */
void buf_move(struct buf *into, struct buf *from);
void buf_append(struct buf *buf, const void *data, size_t n);
void buf_drop(struct buf *buf, size_t n); /* the first n bytes */
void buf_reset(struct buf *buf);          /* empty, memory kept up to 64 KiB */
void buf_free(struct buf *buf);

struct span span_of(const char *s); /* NULL gives an empty one */
struct span span_of_buf(const struct buf *buf);
bool span_is(struct span span, const char *s);
char *span_dup(struct span span); /* malloc'ed, terminated; NULL when memory is out */

/* Where it ends. C does not allow NULL + 0, so an empty one ends where it begins. */
static inline const uint8_t *span_end(struct span span)
{
	return span.n > 0 ? span.p + span.n : span.p;
}

/* What follows its first n bytes. */
static inline struct span span_after(struct span span, size_t n)
{
	return (struct span){ n > 0 ? span.p + n : span.p, span.n - n };
}
#endif
