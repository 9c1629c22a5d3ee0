/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SERVE_STREAM_H
#define PYRITE_SERVE_STREAM_H
/* The method's end of a stream over a link. With the peer's lock. */
#include "incall/incall.h"
#include "stream/peer_stream.h"

/* The end of a call just taken. Returns false when memory is out. */
bool peer_stream_serve(struct peer *peer, pyr_call *call, const struct frame *frame);
enum last_frame {
	LAST_ALONE,    /* nothing waits, and nothing is kept: it is to go by itself */
	LAST_QUEUED,   /* behind the items that wait, or given up with the call's link */
	LAST_NO_MEMORY /* nothing is kept; by itself, it would overtake them: an error may. None of
			* an error that no link carries: there is nowhere else to put it */
};

/* Queues the last frame of a call behind the items that wait. With the stream's lock too, or if no
 * link carries it, alone. */
enum last_frame peer_stream_last(pyr_call *call, const struct frame *frame, struct span payload);
/* The method has no more to say or to read: it was answered, or nobody wants it. */
void peer_stream_close(pyr_stream *stream);

void serve_on_item(struct peer *peer, const struct frame *frame);
void serve_on_end(struct peer *peer, const struct frame *frame);
void serve_on_credit(struct peer *peer, const struct frame *frame);
#endif
