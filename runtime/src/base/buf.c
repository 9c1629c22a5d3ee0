/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

enum { SMALLEST = 512, KEPT = 65536 };

/* What is large lies in a block. Returns false when memory is out; then nothing has changed. */
static bool resize(struct buf *buf, size_t cap)
{
	struct block *block = cap > KEPT ? block_new(cap) : NULL;
	uint8_t *data;

	if (cap <= KEPT) {
		data = realloc(buf->is_lent ? NULL : buf->data, cap);
		if (data && buf->is_lent && buf->n > 0)
			memcpy(data, buf->data, buf->n);
	} else if (block) {
		data = block->data;
		cap = block->size;
		if (buf->n > 0)
			memcpy(data, buf->data, buf->n);
	} else {
		data = NULL;
	}
	if (!data)
		return false;
	if (buf->block)
		block_unref(buf->block);
	else if (block && !buf->is_lent)
		free(buf->data);
	buf->is_lent = false;
	buf->block = block;
	buf->data = data;
	buf->cap = cap;
	return true;
}

uint8_t *buf_grow(struct buf *buf, size_t n)
{
	size_t cap = buf->cap > SMALLEST ? buf->cap : SMALLEST;

	if (buf->broken)
		return NULL;
	if (n > buf->cap - buf->n) {
		while (cap - buf->n < n && cap <= SIZE_MAX / 2)
			cap *= 2;
		if (cap - buf->n < n || !resize(buf, cap)) {
			buf->broken = true;
			return NULL;
		}
	}
	buf->n += n;
	return buf->data + buf->n - n;
}

bool buf_reserve(struct buf *buf, size_t n)
{
	return !buf->broken && (n <= buf->cap || resize(buf, n));
}

void buf_lend(struct buf *buf, void *room, size_t n)
{
	*buf = (struct buf){ .data = room, .cap = n, .is_lent = true };
}

void buf_move(struct buf *into, struct buf *from)
{
	if (from->is_lent) {
		buf_reset(into);
		buf_append(into, from->data, from->n);
	} else {
		buf_free(into);
		*into = *from;
	}
	*from = (struct buf){ 0 };
}

void buf_append(struct buf *buf, const void *data, size_t n)
{
	uint8_t *dst = n > 0 ? buf_grow(buf, n) : NULL;

	if (dst)
		memcpy(dst, data, n);
}

void buf_drop(struct buf *buf, size_t n)
{
	if (n < buf->n)
		memmove(buf->data, buf->data + n, buf->n - n);
	buf->n -= n;
	if (buf->n == 0)
		buf_reset(buf);
}

void buf_reset(struct buf *buf)
{
	if (buf->cap > KEPT)
		buf_free(buf);
	buf->n = 0;
	buf->broken = false;
}

void buf_free(struct buf *buf)
{
	if (buf->block)
		block_unref(buf->block);
	else if (!buf->is_lent)
		free(buf->data);
	*buf = (struct buf){ 0 };
}

struct span span_of(const char *s)
{
	return (struct span){ (const uint8_t *)s, s ? strlen(s) : 0 };
}

struct span span_of_buf(const struct buf *buf)
{
	return (struct span){ buf->data, buf->n };
}

bool span_is(struct span span, const char *s)
{
	return span.n == strlen(s) && (span.n == 0 || memcmp(span.p, s, span.n) == 0);
}

char *span_dup(struct span span)
{
	char *s = malloc(span.n + 1);

	if (!s)
		return NULL;
	if (span.n > 0)
		memcpy(s, span.p, span.n);
	s[span.n] = '\0';
	return s;
}
