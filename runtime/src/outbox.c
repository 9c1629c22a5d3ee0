/* SPDX-License-Identifier: MIT */
#include "outbox.h"

#include "peer.h"

enum { COMPACT = 65536 }; /* bytes sent that are worth moving the rest for */

static void enter(struct peer *peer, struct outbox *outbox)
{
	struct outbox *first = peer->ring;

	if (outbox->in_ring)
		return;
	outbox->owner->hold(outbox);
	outbox->in_ring = true;
	outbox->deficit = 0;
	if (first) {
		outbox->next = first;
		outbox->prev = first->prev;
		first->prev->next = outbox;
		first->prev = outbox;
	} else {
		peer->ring = outbox->next = outbox->prev = outbox;
	}
}

/* The last reference may go with it. */
static void leave(struct peer *peer, struct outbox *outbox)
{
	if (!outbox->in_ring)
		return;
	if (peer->ring == outbox)
		peer->ring = outbox->next == outbox ? NULL : outbox->next;
	outbox->next->prev = outbox->prev;
	outbox->prev->next = outbox->next;
	outbox->in_ring = false;
	outbox->owner->release(outbox);
}

uint8_t *outbox_append(struct peer *peer, struct outbox *outbox, const struct frame *frame,
		       size_t n_payload)
{
	size_t before = outbox->queue.n;
	uint8_t *at = frame_write(&outbox->queue, frame, n_payload);

	outbox->n_queued += outbox->queue.n - before;
	atomic_fetch_add(&peer->backlog, outbox->queue.n - before);
	enter(peer, outbox);
	return at;
}

void outbox_discard(struct peer *peer, struct outbox *outbox)
{
	atomic_fetch_sub(&peer->backlog, outbox->queue.n - outbox->offset);
	buf_reset(&outbox->queue);
	outbox->offset = 0;
	leave(peer, outbox);
}

void outbox_discard_all(struct peer *peer)
{
	while (peer->ring)
		outbox_discard(peer, peer->ring);
}

void outbox_fini(struct outbox *outbox)
{
	buf_free(&outbox->queue);
}

/* Takes whole frames, up to n bytes, to the end of wire. */
static size_t take(struct outbox *outbox, struct buf *wire, size_t n)
{
	const uint8_t *data = outbox->queue.data + outbox->offset;
	size_t have = outbox->queue.n - outbox->offset, taken = 0, size;

	if (outbox->owner->may_send && !outbox->owner->may_send(outbox))
		return 0;
	if (have <= n)
		taken = have;
	else
		while ((size = frame_size(data + taken, have - taken)) > 0 && taken + size <= n)
			taken += size;
	buf_append(wire, data, taken);
	outbox->offset += taken;
	outbox->n_taken += taken;
	if (outbox->offset == outbox->queue.n) {
		buf_reset(&outbox->queue);
		outbox->offset = 0;
	} else if (outbox->offset >= COMPACT && outbox->offset >= outbox->queue.n / 2) {
		buf_drop(&outbox->queue, outbox->offset); /* it may never be empty */
		outbox->offset = 0;
	}
	return taken;
}

void outbox_take_turns(struct peer *peer)
{
	struct outbox *outbox;
	size_t room, may, n;

	while ((outbox = peer->ring)) {
		room = FRAME_MESSAGE_MAX - peer->wire.n;
		outbox->deficit += PEER_QUANTUM;
		may = outbox->next == outbox ? room : outbox->deficit;
		n = take(outbox, &peer->wire, may < room ? may : room);
		outbox->deficit -= n < outbox->deficit ? n : outbox->deficit;
		peer->ring = outbox->next;
		if (outbox->queue.n == 0)
			leave(peer, outbox);
		else if (n == 0 && may >= room)
			break; /* the next frame does not fit into this message */
	}
}
