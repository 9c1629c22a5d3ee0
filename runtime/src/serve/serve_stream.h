/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SERVE_STREAM_H
#define PYRITE_SERVE_STREAM_H
/* The method's end of a stream over a link. With the peer's lock. */
#include "incall/incall.h"
#include "stream/peer_stream.h"

/* The end of a call just taken. Returns false when memory is out. */
bool peer_stream_serve(struct peer *peer, pyr_call *call, const struct frame *frame);
/* Queues the last frame of a call behind the items that wait. Returns false if none do, and nothing
 * is kept. With the stream's lock too, or if no link carries it, alone. */
bool peer_stream_last(pyr_call *call, const struct frame *frame, struct span payload);
/* The method has no more to say or to read: it was answered, or nobody wants it. */
void peer_stream_close(pyr_stream *stream);

void serve_on_item(struct peer *peer, const struct frame *frame);
void serve_on_end(struct peer *peer, const struct frame *frame);
void serve_on_credit(struct peer *peer, const struct frame *frame);
#endif
