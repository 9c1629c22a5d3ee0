/* SPDX-License-Identifier: MIT */
#include "peer/outbox.h"

#include "peer/peer.h"

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

static struct buf *place_of(struct outbox *outbox)
{
	return outbox->owner->place ? outbox->owner->place(outbox) : &outbox->queue;
}

/* n bytes were queued. What is kept may be so on a link that is gone, until there is another. */
static void count(struct peer *peer, struct outbox *outbox, size_t n)
{
	outbox->n_queued += n;
	if (peer->is_closed || outbox->is_parked)
		return;
	atomic_fetch_add(&peer->backlog, n);
	enter(peer, outbox);
}

uint8_t *outbox_append(struct peer *peer, struct outbox *outbox, const struct frame *frame,
		       size_t n_payload)
{
	struct buf *to = place_of(outbox);
	size_t before = to->n;
	uint8_t *at = frame_write(to, frame, n_payload);

	count(peer, outbox, to->n - before);
	return at;
}

void outbox_enter(struct peer *peer, struct outbox *outbox)
{
	count(peer, outbox, outbox->queue.n - (size_t)(outbox->n_queued - outbox->n_taken));
}

void outbox_append_again(struct peer *peer, struct outbox *outbox, struct span frame,
			 uint32_t number)
{
	struct buf *to = place_of(outbox);
	size_t before = to->n;

	if (frame_renumber(to, frame.p, frame.n, number))
		count(peer, outbox, to->n - before);
}

bool outbox_is_empty(const struct outbox *outbox)
{
	return outbox->offset == outbox->queue.n;
}

void outbox_park(struct peer *peer, struct outbox *outbox)
{
	outbox->is_parked = true;
	if (!outbox->in_ring)
		return;
	atomic_fetch_sub(&peer->backlog, (size_t)(outbox->n_queued - outbox->n_taken));
	leave(peer, outbox);
}

void outbox_discard(struct peer *peer, struct outbox *outbox)
{
	if (outbox->in_ring)
		atomic_fetch_sub(&peer->backlog, (size_t)(outbox->n_queued - outbox->n_taken));
	buf_reset(&outbox->queue);
	outbox->offset = 0;
	leave(peer, outbox);
}

void outbox_discard_all(struct peer *peer)
{
	while (peer->ring)
		if (peer->ring->owner->place)
			outbox_park(peer, peer->ring);
		else
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
	if (outbox->owner->sent) {
		if (outbox_is_empty(outbox))
			outbox->owner->sent(outbox);
	} else if (outbox_is_empty(outbox)) {
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
		if (outbox_is_empty(outbox))
			leave(peer, outbox);
		else if (n == 0 && may >= room)
			break; /* the next frame does not fit into this message */
	}
}
