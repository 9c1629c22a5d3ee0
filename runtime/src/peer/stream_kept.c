/* SPDX-License-Identifier: MIT */
#include "peer/stream_kept.h"

#include <stdlib.h>

enum { CHUNK = 32768 }; /* bytes after which another one is begun */

static struct kept_chunk *new_chunk(struct kept *kept)
{
	struct kept_chunk *chunk = kept->spare;

	kept->spare = NULL;
	return chunk ? chunk : calloc(1, sizeof(*chunk));
}

/* One is kept for the next, as a stream in full flow takes them all the time. */
static void drop_chunk(struct kept *kept, struct kept_chunk *chunk)
{
	buf_reset(&chunk->frames);
	if (kept->spare) {
		buf_free(&chunk->frames);
		free(chunk);
		return;
	}
	*chunk = (struct kept_chunk){ .frames = chunk->frames };
	kept->spare = chunk;
}

static struct kept_chunk **end_of(struct kept_chunk **at)
{
	while (*at)
		at = &(*at)->next;
	return at;
}

struct buf *kept_place(struct kept *kept, struct outbox *outbox)
{
	struct buf *at = kept->last ? &kept->last->frames : &outbox->queue;
	struct kept_chunk *chunk;

	if (at->n < CHUNK)
		return at;
	chunk = new_chunk(kept);
	if (!chunk)
		return at; /* it grows instead */
	*(kept->last ? &kept->last->next : &kept->later) = chunk;
	kept->last = chunk;
	return &chunk->frames;
}

void kept_mark(struct kept *kept, struct kept_end end)
{
	if (kept->last)
		kept->last->end = end;
	else
		kept->end = end;
}

/* Puts the queue among what was sent. Returns false when memory is out. */
static bool close_queue(struct kept *kept, struct outbox *outbox)
{
	struct kept_chunk *chunk = new_chunk(kept);
	struct buf room;

	if (!chunk)
		return false;
	room = chunk->frames;
	chunk->frames = outbox->queue;
	chunk->end = kept->end;
	*end_of(&kept->sent) = chunk;
	outbox->queue = room;
	outbox->offset = 0;
	return true;
}

/* The queue is through: the next takes its place. */
static void shift(struct kept *kept, struct outbox *outbox)
{
	struct kept_chunk *next = kept->later;
	struct buf room = outbox->queue;

	kept->later = next->next;
	if (!kept->later)
		kept->last = NULL;
	outbox->queue = next->frames;
	outbox->offset = 0;
	kept->end = next->end;
	next->frames = room;
	drop_chunk(kept, next);
}

/* What was sent cannot be sent again any more. */
static void forget_all(struct kept *kept, struct outbox *outbox)
{
	kept_free(kept->sent);
	kept->sent = NULL;
	kept->n_forgotten = kept->end.n_parts;
	buf_reset(&outbox->queue);
	outbox->offset = 0;
}

void kept_sent(struct kept *kept, struct outbox *outbox)
{
	if (kept->is_on && outbox->queue.n < CHUNK && !kept->later)
		return; /* what follows goes behind it */
	if (!kept->is_on || !close_queue(kept, outbox))
		forget_all(kept, outbox);
	if (kept->later)
		shift(kept, outbox);
}

void kept_forget(struct kept *kept, struct outbox *outbox, uint64_t consumed)
{
	struct kept_chunk *chunk;

	if (!kept->is_on)
		return;
	while ((chunk = kept->sent) && chunk->end.cost <= consumed) {
		kept->n_forgotten = chunk->end.n_parts;
		kept->sent = chunk->next;
		drop_chunk(kept, chunk);
	}
	if (kept->sent || kept->later || !outbox_is_empty(outbox) || kept->end.cost > consumed)
		return;
	forget_all(kept, outbox);
}

size_t kept_size(const struct kept *kept, const struct outbox *outbox)
{
	const struct kept_chunk *chunk;
	size_t n = outbox->queue.n;

	for (chunk = kept->sent; chunk; chunk = chunk->next)
		n += chunk->frames.n;
	for (chunk = kept->later; chunk; chunk = chunk->next)
		n += chunk->frames.n;
	return n;
}

struct kept_chunk *kept_take(struct kept *kept, struct outbox *outbox, bool *ok)
{
	struct kept_chunk *all;

	*ok = close_queue(kept, outbox);
	if (!*ok)
		return NULL;
	*end_of(&kept->sent) = kept->later;
	all = kept->sent;
	kept->sent = kept->later = kept->last = NULL;
	buf_reset(&outbox->queue);
	outbox->n_queued = outbox->n_taken = 0;
	outbox->is_parked = false;
	return all;
}

void kept_free(struct kept_chunk *chunks)
{
	struct kept_chunk *next;

	for (; chunks; chunks = next) {
		next = chunks->next;
		buf_free(&chunks->frames);
		free(chunks);
	}
}

void kept_clear(struct kept *kept, struct outbox *outbox)
{
	kept_free(kept->sent);
	kept_free(kept->later);
	kept_free(kept->spare);
	*kept = (struct kept){ .is_on = false };
	buf_reset(&outbox->queue);
	outbox->offset = 0;
	outbox->n_taken = outbox->n_queued;
}
