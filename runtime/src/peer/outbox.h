/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_OUTBOX_H
#define PYRITE_OUTBOX_H
/*
 * Frames that wait to be sent, in an order of their own: the calls of a session, the items of a
 * stream. Outboxes of a peer that hold something stand in its ring and take turns by bytes, so that
 * little bulk ever stands before a small frame. All with the peer's lock.
 */
#include "base/block.h"
#include "base/buf.h"
#include "link/link.h"
#include "wire/frame.h"

struct outbox;
struct peer;

/* A payload that is sent from where it lies. */
struct wire_piece {
	size_t at; /* bytes of `buf` before it */
	struct span payload;
	struct block *block; /* it lies in this, counted */
};

enum { WIRE_PIECES = (LINK_PARTS - 1) / 2 };

/* The message that is being put together, or written. */
struct wire {
	struct buf buf;
	struct wire_piece pieces[WIRE_PIECES];
	unsigned n_pieces;
	size_t n_elsewhere; /* bytes of the pieces */
};

static inline size_t wire_size(const struct wire *wire)
{
	return wire->buf.n + wire->n_elsewhere;
}

void wire_reset(struct wire *wire);
void wire_free(struct wire *wire);
/* What a link is given: all of it, in order; borrowed. */
void wire_message(const struct wire *wire, struct link_message *ret);

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

/* The payload of a queued frame that is not in the queue: its head alone is. */
struct outbox_piece {
	struct outbox_piece *next;
	uint64_t begin; /* of the frame, as n_queued counts */
	uint64_t at;    /* of the payload, among the bytes of the queue, ever */
	size_t n_head;
	struct span payload;
	struct block *block; /* counted */
};

struct outbox {
	const struct outbox_owner *owner;
	struct buf queue; /* frames to send, from `offset` on, unless they are elsewhere */
	size_t offset, deficit;
	uint64_t n_queued, n_taken;           /* bytes, ever */
	uint64_t n_passed;                    /* of them those that were in the queue */
	struct outbox_piece *pieces, **piece; /* in order; piece: where the next is linked */
	struct outbox *next, *prev;           /* in the peer's ring */
	bool in_ring;
};

/* Queues a frame. Returns where its payload goes, NULL when memory is out. */
uint8_t *outbox_append(struct peer *peer, struct outbox *outbox, const struct frame *frame,
		       size_t n_payload);
/* Queues a frame whose payload is in a block, and stays as it is. Returns false when memory is out.
 */
bool outbox_append_from(struct peer *peer, struct outbox *outbox, const struct frame *frame,
			struct block *block);
/* Queues a payload in fragments, from its block; frame: what its first one says, and its type and
 * numbers. Returns false when memory is out: some may have been queued. */
bool outbox_append_fragments(struct peer *peer, struct outbox *outbox, const struct frame *frame,
			     struct span payload, struct block *block);
/* Where in the queue the frame is that was queued as n_queued was `begin`, and has not been taken.
 */
size_t outbox_index(const struct outbox *outbox, uint64_t begin);
/* Every reader skips the frames that were queued from begin to end, and have not been taken. */
void outbox_void(struct outbox *outbox, uint64_t begin, uint64_t end);
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
