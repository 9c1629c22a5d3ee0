/* SPDX-License-Identifier: MIT */
#include "peer/outbox.h"

#include "peer/peer.h"

enum { COMPACT = 65536 }; /* bytes sent that are worth moving the rest for */

void outbox_join(struct peer *peer, struct outbox *outbox)
{
	struct outbox *first = peer->out.ring;

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
		peer->out.ring = outbox->next = outbox->prev = outbox;
	}
}

void outbox_leave(struct peer *peer, struct outbox *outbox)
{
	if (!outbox->in_ring)
		return;
	if (peer->out.ring == outbox)
		peer->out.ring = outbox->next == outbox ? NULL : outbox->next;
	outbox->next->prev = outbox->prev;
	outbox->prev->next = outbox->next;
	outbox->in_ring = false;
	outbox->owner->release(outbox);
}

/* n bytes were queued. */
static void count(struct peer *peer, struct outbox *outbox, size_t n)
{
	outbox->n_queued += n;
	if (peer->is_closed)
		return;
	atomic_fetch_add(&peer->out.backlog, n);
	outbox_join(peer, outbox);
}

uint8_t *outbox_append(struct peer *peer, struct outbox *outbox, const struct frame *frame,
		       size_t n_payload)
{
	size_t before = outbox->queue.n;
	uint8_t *at = frame_write(&outbox->queue, frame, n_payload);

	count(peer, outbox, outbox->queue.n - before);
	return at;
}

void outbox_enter(struct peer *peer, struct outbox *outbox)
{
	count(peer, outbox, outbox->queue.n - (size_t)(outbox->n_queued - outbox->n_taken));
}

void outbox_discard(struct peer *peer, struct outbox *outbox)
{
	if (outbox->in_ring)
		atomic_fetch_sub(&peer->out.backlog, (size_t)(outbox->n_queued - outbox->n_taken));
	buf_reset(&outbox->queue);
	outbox->offset = 0;
	outbox_leave(peer, outbox);
}

void outbox_discard_all(struct peer *peer)
{
	struct outbox *outbox;

	while ((outbox = peer->out.ring)) {
		if (!outbox->owner->lost) {
			outbox_discard(peer, outbox);
			continue;
		}
		outbox->owner->lost(outbox);
		outbox_leave(peer, outbox);
	}
}

void outbox_fini(struct outbox *outbox)
{
	buf_free(&outbox->queue);
}

/* Takes whole frames, up to n bytes, to the end of wire. */
static size_t take(struct outbox *outbox, struct buf *wire, size_t n, bool *is_empty)
{
	const uint8_t *data = outbox->queue.data + outbox->offset;
	size_t have = outbox->queue.n - outbox->offset, taken = 0, size;

	if (have <= n)
		taken = have;
	else
		while ((size = frame_size(data + taken, have - taken)) > 0 && taken + size <= n)
			taken += size;
	buf_append(wire, data, taken);
	outbox->offset += taken;
	outbox->n_taken += taken;
	*is_empty = outbox->offset == outbox->queue.n;
	if (*is_empty) {
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
	bool is_empty;

	while ((outbox = peer->out.ring)) {
		room = FRAME_MESSAGE_MAX - peer->out.wire.n;
		outbox->deficit += PEER_QUANTUM;
		may = outbox->next == outbox ? room : outbox->deficit;
		may = may < room ? may : room;
		n = (outbox->owner->take ? outbox->owner->take : take)(outbox, &peer->out.wire, may,
								       &is_empty);
		outbox->deficit -= n < outbox->deficit ? n : outbox->deficit;
		peer->out.ring = outbox->next;
		if (is_empty)
			outbox_leave(peer, outbox);
		else if (n == 0 && may == room)
			break; /* the next frame does not fit into this message */
	}
}
