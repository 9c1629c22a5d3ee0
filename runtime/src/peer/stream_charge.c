/* SPDX-License-Identifier: MIT */
/* What another end makes this one keep for its streams, counted for its connection: items that were
 * not read, items that were not consumed, and what a call leaves that was answered. */
#include "peer/stream.h"

bool stream_charge(pyr_stream *stream, ptrdiff_t n)
{
	stream->charged += (size_t)n;
	if (!stream->held)
		return true;
	return atomic_fetch_add(stream->held, (size_t)n) + (size_t)n <= stream->max_held;
}

void stream_charge_to(pyr_stream *stream, atomic_size_t *held, size_t max)
{
	if (stream->held && stream->charged > 0)
		atomic_fetch_sub(stream->held, stream->charged);
	stream->held = held;
	stream->max_held = max;
	if (held)
		atomic_fetch_add(held, stream->charged);
}

bool stream_charge_queue(pyr_stream *stream)
{
	ptrdiff_t n = (ptrdiff_t)(stream->queue.n - stream->n_queued);

	stream->n_queued = stream->queue.n;
	return n == 0 || stream_charge(stream, n);
}
