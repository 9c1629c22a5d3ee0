/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

enum { SMALLEST = 512, KEPT = 65536 };

uint8_t *buf_grow(struct buf *buf, size_t n)
{
	size_t cap = buf->cap ? buf->cap : SMALLEST;
	uint8_t *data;

	if (buf->broken)
		return NULL;
	if (n > buf->cap - buf->n) {
		while (cap - buf->n < n && cap <= SIZE_MAX / 2)
			cap *= 2;
		data = cap - buf->n < n ? NULL : realloc(buf->data, cap);
		if (!data) {
			buf->broken = true;
			return NULL;
		}
		buf->data = data;
		buf->cap = cap;
	}
	buf->n += n;
	return buf->data + buf->n - n;
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
