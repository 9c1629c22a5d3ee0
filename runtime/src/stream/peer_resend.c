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

bool peer_stream_resend(pyr_stream *stream, uint32_t number, const struct frame *told)
{
	if (!is_possible(stream, told))
		return false;
	queue_rewind(&stream->out.queue, number, told->received);
	stream_charge_queue(stream);
	stream->out.consumed = told->consumed;
	stream->out.room = stream->out.window - (int64_t)(stream->out.cost - told->consumed);
	return true;
}
