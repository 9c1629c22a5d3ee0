/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_OUTBOX_H
#define PYRITE_OUTBOX_H
/*
 * Frames that wait to be sent, in an order of their own: the calls of a session, the items of a
 * stream. Outboxes of a peer that hold something stand in its ring and take turns by bytes, so that
 * little bulk ever stands before a small frame. All with the peer's lock.
 */
#include "base/buf.h"
#include "wire/frame.h"

struct outbox;
struct peer;

/* Whose it is; counted, for the ring holds one reference. */
struct outbox_owner {
	void (*hold)(struct outbox *outbox);
	void (*release)(struct outbox *outbox);
	/* Of one whose frames are elsewhere (both, or neither). Appends whole frames, at most n
	 * bytes, to wire; returns how many bytes. is_empty: no more is to be sent. */
	size_t (*take)(struct outbox *outbox, struct buf *wire, size_t n, bool *is_empty);
	/* The link is gone. */
	void (*lost)(struct outbox *outbox);
};

struct outbox {
	const struct outbox_owner *owner;
	struct buf queue; /* frames to send, from `offset` on, unless they are elsewhere */
	size_t offset, deficit;
	uint64_t n_queued, n_taken; /* bytes, ever */
	struct outbox *next, *prev; /* in the peer's ring */
	bool in_ring;
};

/* Queues a frame. Returns where its payload goes, NULL when memory is out. */
uint8_t *outbox_append(struct peer *peer, struct outbox *outbox, const struct frame *frame,
		       size_t n_payload);
/* What its owner has written to `queue` itself is to be sent. */
void outbox_enter(struct peer *peer, struct outbox *outbox);
/* Forgets what is queued, and leaves the ring. */
void outbox_discard(struct peer *peer, struct outbox *outbox);
/* Of one whose frames are elsewhere: some are to be sent, or none any more. Who leaves may lose the
 * last reference. */
void outbox_join(struct peer *peer, struct outbox *outbox);
void outbox_leave(struct peer *peer, struct outbox *outbox);
/* The link is gone: all leave. */
void outbox_discard_all(struct peer *peer);
void outbox_fini(struct outbox *outbox);

/* Fills the rest of the peer's next message: deficit round robin, by bytes. */
void outbox_take_turns(struct peer *peer);
#endif
