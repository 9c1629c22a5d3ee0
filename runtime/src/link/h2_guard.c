/* SPDX-License-Identifier: MIT */
#include "link/h2_guard.h"

#include <string.h>

enum { HEADERS = 1, SETTINGS = 4, CONTINUATION = 9, ACK = 1, END_HEADERS = 4 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Trailers are of a stream that has begun before. */
static void count_stream(struct h2_guard *guard)
{
	const uint8_t *id = guard->head + 5;
	uint32_t stream =
		((uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3]) &
		INT32_MAX;

	if (stream <= guard->last_stream)
		return;
	guard->last_stream = stream;
	guard->n_streams++;
}

/* A whole head has come. */
static enum h2_guard_verdict begin_frame(struct h2_guard *guard)
{
	const uint8_t *head = guard->head;

	if (guard->is_unproved && (head[3] != SETTINGS || head[4] & ACK))
		return H2_GUARD_FOREIGN;
	guard->is_unproved = false;
	guard->n_head = 0;
	guard->left = (uint32_t)head[0] << 16 | (uint32_t)head[1] << 8 | head[2];
	if (head[3] != HEADERS && head[3] != CONTINUATION)
		return H2_GUARD_PASSES;
	if (head[3] == HEADERS)
		count_stream(guard);
	guard->block += guard->left; /* less than 2^24 beyond the limit */
	guard->n_frames++;
	if (guard->block > H2_GUARD_BLOCK || guard->n_frames > H2_GUARD_FRAMES)
		return H2_GUARD_LONG;
	if (head[4] & END_HEADERS)
		guard->block = guard->n_frames = 0;
	return H2_GUARD_PASSES;
}

void h2_guard_expect_server(struct h2_guard *guard)
{
	guard->n_preface = H2_GUARD_PREFACE;
	guard->is_unproved = true;
}

enum h2_guard_verdict h2_guard_pass(struct h2_guard *guard, const uint8_t *p, size_t n)
{
	enum h2_guard_verdict verdict = H2_GUARD_PASSES;
	const uint8_t *end = p + n;
	size_t part;

	part = least(n, H2_GUARD_PREFACE - guard->n_preface);
	guard->n_preface += (uint32_t)part;
	p += part;
	while (p < end && verdict == H2_GUARD_PASSES) {
		part = least((size_t)(end - p), guard->left);
		guard->left -= (uint32_t)part;
		p += part;
		if (guard->left > 0)
			break;
		part = least((size_t)(end - p), (size_t)(H2_GUARD_HEAD - guard->n_head));
		memcpy(guard->head + guard->n_head, p, part);
		guard->n_head += (uint8_t)part;
		p += part;
		if (guard->n_head == H2_GUARD_HEAD)
			verdict = begin_frame(guard);
	}
	return verdict;
}
