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
	bool (*may_send)(struct outbox *outbox); /* NULL: always */
	/* Of one that keeps what was sent (both, or neither): where the next frame goes; and all of
	 * `queue` was taken, another may be put in its place. */
	struct buf *(*place)(struct outbox *outbox);
	void (*sent)(struct outbox *outbox);
};

struct outbox {
	const struct outbox_owner *owner;
	struct buf queue; /* frames to send, from `offset` on */
	size_t offset, deficit;
	uint64_t n_queued, n_taken; /* bytes, ever */
	struct outbox *next, *prev; /* in the peer's ring */
	bool in_ring;
	bool is_parked; /* what is queued waits for another link */
};

/* Queues a frame. Returns where its payload goes, NULL when memory is out. */
uint8_t *outbox_append(struct peer *peer, struct outbox *outbox, const struct frame *frame,
		       size_t n_payload);
/* What its owner has written to `queue` itself is to be sent. Not of a parked one. */
void outbox_enter(struct peer *peer, struct outbox *outbox);
/* Queues the written frame at data once more, under another number. */
void outbox_append_again(struct peer *peer, struct outbox *outbox, struct span frame,
			 uint32_t number);
/* Nothing waits to be sent. */
bool outbox_is_empty(const struct outbox *outbox);
/* Forgets what is queued, and leaves the ring. */
void outbox_discard(struct peer *peer, struct outbox *outbox);
/* Leaves the ring with what is queued, which another link is to take; until then nothing is sent.
 */
void outbox_park(struct peer *peer, struct outbox *outbox);
/* The link is gone: all leave, with what they keep. */
void outbox_discard_all(struct peer *peer);
void outbox_fini(struct outbox *outbox);

/* Fills the rest of the peer's next message: deficit round robin, by bytes. */
void outbox_take_turns(struct peer *peer);
#endif
