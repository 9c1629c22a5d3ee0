/* SPDX-License-Identifier: MIT */
/* What of a stream is sent again when it goes on over another link. With the stream's lock. */
#include "stream/peer_stream.h"

/* What the other end tells may be. */
static bool is_possible(const pyr_stream *stream, const struct frame *told)
{
	return told->received >= stream->out.queue.n_forgotten &&
	       told->received <= stream->out.parts && told->consumed >= stream->out.consumed &&
	       told->consumed <= stream->out.cost;
}

struct resend {
	pyr_stream *stream;
	uint32_t number;
	uint64_t received, part;
	bool lacks_memory;
};

/* Frames of the answer, which are no parts, go again in any case. */
static void resend_frame(struct resend *r, enum frame_type type, struct span frame)
{
	struct stream_queue *queue = &r->stream->out.queue;
	struct queue_end end = { .cost = r->stream->out.cost }; /* at most */

	r->part += type == FRAME_ITEM || type == FRAME_END;
	end.n_parts = r->part;
	if (type != FRAME_ITEM)
		end.cost = UINT64_MAX;
	if (r->part > r->received || type == FRAME_REPLY || type == FRAME_ERROR)
		r->lacks_memory |= !queue_put_again(queue, frame, r->number, end);
	else
		queue->n_forgotten = r->part;
}

static void resend_chunk(struct resend *r, const struct buf *frames)
{
	const uint8_t *at = frames->data, *next = at, *end = at + frames->n;
	struct frame frame;

	for (; frame_read(&next, end, &frame) > 0; at = next)
		resend_frame(r, frame.type, (struct span){ at, (size_t)(next - at) });
}

int peer_stream_resend(pyr_stream *stream, uint32_t number, const struct frame *told)
{
	struct resend r = { stream, number, told->received, stream->out.queue.n_forgotten, false };
	struct queue_chunk *chunks, *chunk;

	if (!is_possible(stream, told))
		return PYR_INTERNAL;
	chunks = queue_take_all(&stream->out.queue);
	for (chunk = chunks; chunk; chunk = chunk->next)
		resend_chunk(&r, &chunk->frames);
	queue_free_chunks(chunks);
	stream_charge_queue(stream);
	stream->out.consumed = told->consumed;
	stream->out.room = stream->out.window - (int64_t)(stream->out.cost - told->consumed);
	return r.lacks_memory ? PYR_RESOURCE_EXHAUSTED : 0;
}
