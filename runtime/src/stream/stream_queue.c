/* SPDX-License-Identifier: MIT */
#include "stream/stream_queue.h"

#include <stdlib.h>

enum { CHUNK = 32768 }; /* bytes after which another one is begun */

void queue_init(struct stream_queue *queue)
{
	*queue = (struct stream_queue){ .keeps = false };
	queue->last = &queue->first;
}

static struct queue_chunk *last_chunk(const struct stream_queue *queue)
{
	return (struct queue_chunk *)((char *)queue->last - offsetof(struct queue_chunk, next));
}

/* The chunk for the next frame; NULL when memory is out. */
static struct queue_chunk *room(struct stream_queue *queue)
{
	struct queue_chunk *chunk, *last = queue->first ? last_chunk(queue) : NULL;

	if (last && last->number != queue->number)
		last = NULL;
	if (last && last->frames.n < CHUNK)
		return last;
	chunk = queue->spare ? queue->spare : calloc(1, sizeof(*chunk));
	if (!chunk)
		return last; /* it grows instead */
	queue->spare = NULL;
	chunk->number = queue->number;
	*queue->last = chunk;
	queue->last = &chunk->next;
	return chunk;
}

/* n bytes were put into the last chunk. */
static void count(struct stream_queue *queue, struct queue_chunk *chunk, size_t n,
		  struct queue_end end)
{
	if (!queue->at) {
		queue->at = chunk;
		queue->offset = chunk->frames.n - n;
	}
	chunk->end = end;
	queue->n += n;
	queue->n_unsent += n;
	queue->n_put += n;
}

uint8_t *queue_put(struct stream_queue *queue, const struct frame *frame, size_t n_payload,
		   struct queue_end end)
{
	struct queue_chunk *chunk;
	size_t before;
	uint8_t *at;

	queue->number = frame->number;
	chunk = room(queue);
	before = chunk ? chunk->frames.n : 0;
	at = chunk ? frame_write(&chunk->frames, frame, n_payload) : NULL;
	if (at)
		count(queue, chunk, chunk->frames.n - before, end);
	else if (chunk)
		chunk->frames.broken = false; /* a smaller one may fit: the answer that says so */
	return at;
}

void queue_hold(struct stream_queue *queue, const struct codec_carried *kept)
{
	carried_put(&queue->holds, kept, queue->n_put);
}

const struct codec_carried *queue_unhold(struct stream_queue *queue)
{
	return carried_pop(&queue->holds, UINT64_MAX);
}

/* They have left: what they carry is the other end's. */
static void let_go(struct stream_queue *queue, size_t n)
{
	const struct codec_carried *kept;

	queue->n_sent += n;
	while (queue->holds.first && (kept = carried_pop(&queue->holds, queue->n_sent)))
		carried_drop(kept);
}

/* The first one goes. One is spared for the next, as a stream in full flow takes them all the time.
 */
static void drop_first(struct stream_queue *queue)
{
	struct queue_chunk *chunk = queue->first;

	queue->first = chunk->next;
	if (!queue->first)
		queue->last = &queue->first;
	queue->n_forgotten = chunk->end.n_parts;
	queue->n -= chunk->frames.n;
	buf_reset(&chunk->frames);
	if (queue->spare) {
		buf_free(&chunk->frames);
		free(chunk);
		return;
	}
	*chunk = (struct queue_chunk){ .frames = chunk->frames };
	queue->spare = chunk;
}

/* Whole frames of data, at most n bytes: how many bytes. */
static size_t whole_frames(const uint8_t *data, size_t have, size_t n)
{
	size_t taken = 0, size;

	if (have <= n)
		return have;
	while ((size = frame_size(data + taken, have - taken)) > 0 && taken + size <= n)
		taken += size;
	return taken;
}

/* The same of frames that get another number: appends them. They may be larger then. */
static size_t renumber_frames(const uint8_t *data, size_t have, uint32_t number, struct buf *wire,
			      size_t n)
{
	size_t begin = wire->n, before, taken = 0, size;

	while ((size = frame_size(data + taken, have - taken)) > 0) {
		before = wire->n;
		if (!frame_renumber(wire, data + taken, size, number))
			break;
		if (wire->n - begin > n) {
			wire->n = before;
			break;
		}
		taken += size;
	}
	return taken;
}

/* Frames of the chunk at hand, at most n bytes, to the end of wire. Returns bytes of the chunk. */
static size_t take(const struct stream_queue *queue, struct buf *wire, size_t n)
{
	const struct queue_chunk *chunk = queue->at;
	const uint8_t *data = chunk->frames.data + queue->offset;
	size_t have = chunk->frames.n - queue->offset, taken;

	if (chunk->number != queue->number)
		return renumber_frames(data, have, queue->number, wire, n);
	taken = whole_frames(data, have, n);
	buf_append(wire, data, taken);
	return taken;
}

size_t queue_take(struct stream_queue *queue, struct buf *wire, size_t n)
{
	size_t taken, begin = wire->n, total = 0;
	struct queue_chunk *chunk;

	while ((chunk = queue->at)) {
		taken = take(queue, wire, n - (wire->n - begin));
		queue->offset += taken;
		queue->n_unsent -= taken;
		total += taken;
		if (queue->offset < chunk->frames.n)
			break;
		queue->at = chunk->next;
		queue->offset = 0;
		if (!queue->keeps)
			drop_first(queue);
	}
	let_go(queue, total);
	return wire->n - begin;
}

/* Where in the chunk the first frame lies that goes again: an answer, which is no part, always
 * does. *part: how many come before the chunk, and then before that. */
static size_t first_again(const struct queue_chunk *chunk, uint64_t *part, uint64_t received)
{
	const uint8_t *at = chunk->frames.data, *next = at, *end = at + chunk->frames.n;
	struct frame frame;

	for (; frame_read(&next, end, &frame) > 0; at = next, ++*part)
		if ((frame.type != FRAME_ITEM && frame.type != FRAME_END) || *part == received)
			break;
	return (size_t)(at - chunk->frames.data);
}

static void count_unsent(struct stream_queue *queue)
{
	const struct queue_chunk *chunk;

	queue->n_unsent = 0;
	for (chunk = queue->at; chunk; chunk = chunk->next)
		queue->n_unsent += chunk->frames.n;
	queue->n_unsent -= queue->offset;
	queue->n_sent = queue->n_put - queue->n_unsent;
}

void queue_rewind(struct stream_queue *queue, uint32_t number, uint64_t received)
{
	uint64_t part;

	while (queue->first && queue->first->end.n_parts <= received &&
	       queue->first->end.cost != UINT64_MAX)
		drop_first(queue);
	queue->number = number;
	part = queue->n_forgotten;
	for (queue->at = queue->first; queue->at; queue->at = queue->at->next) {
		queue->offset = first_again(queue->at, &part, received);
		if (queue->offset < queue->at->frames.n)
			break;
	}
	if (!queue->at)
		queue->offset = 0;
	count_unsent(queue);
}

void queue_forget(struct stream_queue *queue, uint64_t consumed)
{
	while (queue->first && queue->first != queue->at && queue->first->end.cost <= consumed)
		drop_first(queue);
}

void queue_keep_nothing(struct stream_queue *queue)
{
	queue->keeps = false;
	while (queue->first && queue->first != queue->at)
		drop_first(queue);
}

static void free_chunks(struct queue_chunk *chunks)
{
	struct queue_chunk *next;

	for (; chunks; chunks = next) {
		next = chunks->next;
		buf_free(&chunks->frames);
		free(chunks);
	}
}

void queue_clear(struct stream_queue *queue)
{
	const struct codec_carried *kept;

	while ((kept = queue_unhold(queue)))
		carried_drop(kept);
	free_chunks(queue->first);
	free_chunks(queue->spare);
	queue->n_sent += queue->n_unsent;
	queue->first = queue->at = queue->spare = NULL;
	queue->last = &queue->first;
	queue->offset = queue->n = queue->n_unsent = 0;
	queue->keeps = false;
}
