/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PEER_STREAM_H
#define PYRITE_PEER_STREAM_H
/* Streams over a link: what is the same at the caller's end and at the method's. */
#include "peer/peer.h"
#include "stream/stream.h"

/* Locks the peer that carries it, which it goes on doing while that is locked: counted for the
 * caller. NULL, nothing locked, if none does. Without locks. */
struct peer *stream_lock_peer(pyr_stream *stream);

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
void peer_stream_flush_unlock(pyr_stream *stream, bool waits);

/* Queues a frame of the stream's call. Returns where its payload goes, NULL when memory is out.
 * is_last: no credit will tell that it came. With the stream's lock. */
uint8_t *peer_stream_put(pyr_stream *stream, struct frame *frame, size_t n_payload, bool is_last);

/* ---- onto a link, and off it ---- */
/* Of an end that begins on a link. With both locks. */
void peer_stream_set_limits(struct peer *peer, pyr_stream *stream);
/* A link carries it; with both locks. */
void peer_stream_enter(struct peer *peer, pyr_stream *stream, uint32_t number);
/* Takes it off its route. Returns the peer, which the caller gives back. With both locks. */
struct peer *peer_stream_take_off(pyr_stream *stream);
/* Nothing that it has queued is sent any more. With both locks; peer: NULL: it was on no link. */
void peer_stream_clear(struct peer *peer, pyr_stream *stream);
/* It leaves the link. drops: with nothing that it would send; else that waits for another. With the
 * peer's lock. */
void peer_stream_leave(struct peer *peer, pyr_stream *stream, bool drops);
/* What was queued is sent, and what was consumed told. With both locks. */
void peer_stream_settle(struct peer *peer, pyr_stream *stream);
/* Queues again what the other end, which tells what it has, did not receive. Returns false if it
 * tells what cannot be. With the stream's lock alone. */
bool peer_stream_resend(pyr_stream *stream, uint32_t number, const struct frame *told);

/* ---- frames; in the leader, with the peer's lock ---- */
/* Returns 0, or a status with the text of what is wrong with it. */
int peer_stream_item(struct peer *peer, pyr_stream *stream, const struct frame *frame, char *text,
		     size_t n);
void peer_stream_credit(pyr_stream *stream, const struct frame *frame);
#endif
