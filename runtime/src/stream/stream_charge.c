/* SPDX-License-Identifier: MIT */
/* What another end makes this one keep for its streams, charged to its connection: items that were
 * not read, items that were not consumed, and what a call leaves that was answered. */
#include "stream/stream.h"

bool stream_charge(pyr_stream *stream, ptrdiff_t n)
{
	stream->charged += (size_t)n;
	if (n >= 0)
		return budget_add(stream->budget, (size_t)n);
	budget_release(stream->budget, (size_t)-n);
	return true;
}

void stream_charge_to(pyr_stream *stream, struct budget *budget)
{
	budget_release(stream->budget, stream->charged);
	budget_unref(stream->budget);
	stream->budget = budget;
	budget_ref(budget);
	(void)budget_add(budget, stream->charged);
}

bool stream_charge_queue(pyr_stream *stream)
{
	ptrdiff_t n = (ptrdiff_t)(stream->out.queue.n - stream->out.n_queued);

	stream->out.n_queued = stream->out.queue.n;
	return n == 0 || stream_charge(stream, n);
}
