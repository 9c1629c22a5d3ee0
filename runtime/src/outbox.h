/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_OUTBOX_H
#define PYRITE_OUTBOX_H
/*
 * Frames that wait to be sent, in an order of their own: the calls of a session, the items of a
 * stream. Outboxes of a peer that hold something stand in its ring and take turns by bytes, so that
 * little bulk ever stands before a small frame. All with the peer's lock.
 */
#include "buf.h"
#include "frame.h"

struct outbox;
struct peer;

/* Whose it is; counted, for the ring holds one reference. */
struct outbox_owner {
	void (*hold)(struct outbox *outbox);
	void (*release)(struct outbox *outbox);
	bool (*may_send)(struct outbox *outbox); /* NULL: always */
};

struct outbox {
	const struct outbox_owner *owner;
	struct buf queue; /* frames to send, from `offset` on */
	size_t offset, deficit;
	uint64_t n_queued, n_taken; /* bytes, ever */
	struct outbox *next, *prev; /* in the peer's ring */
	bool in_ring;
};

/* Queues a frame. Returns where its payload goes, NULL when memory is out. */
uint8_t *outbox_append(struct peer *peer, struct outbox *outbox, const struct frame *frame,
		       size_t n_payload);
/* Forgets what is queued, and leaves the ring. */
void outbox_discard(struct peer *peer, struct outbox *outbox);
void outbox_discard_all(struct peer *peer);
void outbox_fini(struct outbox *outbox);

/* Fills the rest of the peer's next message: deficit round robin, by bytes. */
void outbox_take_turns(struct peer *peer);
#endif
