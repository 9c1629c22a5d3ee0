/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PEER_STREAM_H
#define PYRITE_PEER_STREAM_H
/* What both ends of a stream over a link share, for the files peer_stream*.c. */
#include "call/call_stream.h"

/* ---- of an outbox_owner; with the peer's lock ---- */
pyr_stream *peer_stream_of(struct outbox *outbox);
void peer_stream_hold(struct outbox *outbox);
void peer_stream_release(struct outbox *outbox);
size_t peer_stream_take(struct outbox *outbox, struct buf *wire, size_t n, bool *is_empty);
/* The link is ending, in one way or the other: nothing more goes there. */
void peer_stream_lost(struct outbox *outbox);

/* ---- of a stream_kind; with the stream's lock ---- */
uint8_t *peer_stream_append(pyr_stream *stream, const struct stream_part *part);
void peer_stream_grant(pyr_stream *stream, size_t n);
void peer_stream_flush_unlock(pyr_stream *stream);

/* Queues a frame of the stream's call. Returns where its payload goes, NULL when memory is out.
 * is_last: no credit will tell that it came. With the stream's lock. */
uint8_t *peer_stream_put(pyr_stream *stream, struct frame *frame, size_t n_payload, bool is_last);
/* Takes it off its route. Returns the peer, which the caller gives back. With both locks. */
struct peer *peer_stream_take_off(pyr_stream *stream);
/* Of an end that begins on a link. With both locks. */
void peer_stream_set_limits(struct peer *peer, pyr_stream *stream);
#endif
