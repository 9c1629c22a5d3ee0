/* SPDX-License-Identifier: MIT */
#include "peer/outbox.h"

#include <stdlib.h>

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

/* ---- payloads that lie elsewhere ---- */

void wire_reset(struct wire *wire)
{
	while (wire->n_pieces > 0)
		block_unref(wire->pieces[--wire->n_pieces].block);
	wire->n_elsewhere = 0;
	buf_reset(&wire->buf);
}

void wire_free(struct wire *wire)
{
	wire_reset(wire);
	buf_free(&wire->buf);
}

static void add_part(struct link_message *message, const uint8_t *p, size_t n)
{
	if (n == 0)
		return;
	message->parts[message->n_parts++] = (struct span){ p, n };
	message->n += n;
}

void wire_message(const struct wire *wire, struct link_message *ret)
{
	size_t at = 0;
	unsigned i;

	ret->n_parts = 0;
	ret->n = 0;
	for (i = 0; i < wire->n_pieces; i++) {
		add_part(ret, wire->buf.data + at, wire->pieces[i].at - at);
		add_part(ret, wire->pieces[i].payload.p, wire->pieces[i].payload.n);
		at = wire->pieces[i].at;
	}
	add_part(ret, wire->buf.data + at, wire->buf.n - at);
}

static void put_piece(struct wire *wire, const struct outbox_piece *piece)
{
	if (wire->n_pieces == WIRE_PIECES) { /* many small ones */
		buf_append(&wire->buf, piece->payload.p, piece->payload.n);
		return;
	}
	block_ref(piece->block);
	wire->pieces[wire->n_pieces++] =
		(struct wire_piece){ wire->buf.n, piece->payload, piece->block };
	wire->n_elsewhere += piece->payload.n;
}

static void drop_piece(struct outbox *outbox)
{
	struct outbox_piece *piece = outbox->pieces;

	outbox->pieces = piece->next;
	block_unref(piece->block);
	free(piece);
}

bool outbox_append_from(struct peer *peer, struct outbox *outbox, const struct frame *frame,
			struct block *block)
{
	struct outbox_piece *piece = malloc(sizeof(*piece));
	size_t before = outbox->queue.n;

	if (!piece || !frame_write_head(&outbox->queue, frame, frame->payload.n)) {
		outbox->queue.broken = false;
		free(piece);
		return false;
	}
	block_ref(block);
	*piece = (struct outbox_piece){ .begin = outbox->n_queued, .payload = frame->payload };
	piece->block = block;
	piece->n_head = outbox->queue.n - before;
	piece->at = outbox->n_passed + (outbox->queue.n - outbox->offset);
	if (!outbox->pieces)
		outbox->piece = &outbox->pieces;
	*outbox->piece = piece;
	outbox->piece = &piece->next;
	count(peer, outbox, piece->n_head + frame->payload.n);
	return true;
}

bool outbox_append_fragments(struct peer *peer, struct outbox *outbox, const struct frame *first,
			     struct span payload, struct block *block)
{
	struct frame frame = *first;
	uint64_t begin = outbox->n_queued;
	bool ok = true;

	frame.total = (uint32_t)payload.n;
	while (ok && payload.n > 0) {
		frame.payload.p = payload.p;
		frame.payload.n = payload.n < FRAME_FRAGMENT ? payload.n : FRAME_FRAGMENT;
		payload.p += frame.payload.n;
		payload.n -= frame.payload.n;
		frame.flags &= ~(uint32_t)FRAME_MORE;
		frame.flags |= payload.n > 0 ? FRAME_MORE : 0;
		ok = outbox_append_from(peer, outbox, &frame, block);
		frame = (struct frame){ .type = first->type, .number = first->number };
		frame.session = first->session;
		frame.flags = FRAME_CONTINUES;
	}
	if (!ok)
		outbox_void(outbox, begin, outbox->n_queued);
	return ok;
}

size_t outbox_index(const struct outbox *outbox, uint64_t begin)
{
	const struct outbox_piece *piece;
	uint64_t n = begin - outbox->n_taken;

	for (piece = outbox->pieces; piece && piece->begin < begin; piece = piece->next)
		n -= piece->payload.n;
	return outbox->offset + (size_t)n;
}

void outbox_void(struct outbox *outbox, uint64_t begin, uint64_t end)
{
	const struct outbox_piece *piece = outbox->pieces;
	uint64_t pos = begin > outbox->n_taken ? begin : outbox->n_taken;
	size_t at = outbox_index(outbox, pos), size;

	while (pos < end) {
		size = frame_size_told(outbox->queue.data + at, outbox->queue.n - at);
		if (size == 0)
			return;
		frame_void(outbox->queue.data + at);
		while (piece && piece->begin < pos)
			piece = piece->next;
		at += piece && piece->begin == pos ? piece->n_head : size;
		pos += size;
	}
}

/* ---- frames ---- */

uint8_t *outbox_append(struct peer *peer, struct outbox *outbox, const struct frame *frame,
		       size_t n_payload)
{
	size_t before = outbox->queue.n;
	uint8_t *at = frame_write(&outbox->queue, frame, n_payload);

	outbox->queue.broken = false; /* nothing was written then: the next may fit */
	count(peer, outbox, outbox->queue.n - before);
	return at;
}

void outbox_discard(struct peer *peer, struct outbox *outbox)
{
	if (outbox->in_ring)
		atomic_fetch_sub(&peer->out.backlog, (size_t)(outbox->n_queued - outbox->n_taken));
	while (outbox->pieces)
		drop_piece(outbox);
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
	while (outbox->pieces)
		drop_piece(outbox);
	buf_free(&outbox->queue);
}

/* Takes whole frames of the queue's next `have` bytes, up to n bytes, to the end of wire. */
static size_t take_plain(struct outbox *outbox, struct wire *wire, size_t have, size_t n)
{
	const uint8_t *data = outbox->queue.data + outbox->offset;
	size_t taken = 0, size;

	if (have <= n)
		taken = have;
	else
		while ((size = frame_size(data + taken, have - taken)) > 0 && taken + size <= n)
			taken += size;
	buf_append(&wire->buf, data, taken);
	outbox->offset += taken;
	outbox->n_passed += taken;
	outbox->n_taken += taken;
	return taken;
}

/* The frame that is next, whose payload is elsewhere. */
static size_t take_piece(struct outbox *outbox, struct wire *wire)
{
	const struct outbox_piece *piece = outbox->pieces;
	size_t size = piece->n_head + piece->payload.n;

	buf_append(&wire->buf, outbox->queue.data + outbox->offset, piece->n_head);
	put_piece(wire, piece);
	outbox->offset += piece->n_head;
	outbox->n_passed += piece->n_head;
	outbox->n_taken += size;
	drop_piece(outbox);
	return size;
}

/* Bytes of the queue before the next frame whose payload is elsewhere. */
static size_t n_plain(const struct outbox *outbox)
{
	const struct outbox_piece *piece = outbox->pieces;

	return piece ? (size_t)(piece->at - outbox->n_passed) - piece->n_head
		     : outbox->queue.n - outbox->offset;
}

/* Takes whole frames, up to n bytes, to the end of wire. */
static size_t take(struct outbox *outbox, struct wire *wire, size_t n, bool *is_empty)
{
	size_t taken = 0, have;

	for (;;) {
		have = n_plain(outbox);
		if (have > 0)
			taken += take_plain(outbox, wire, have, n - taken);
		if (n_plain(outbox) > 0 || !outbox->pieces ||
		    outbox->pieces->n_head + outbox->pieces->payload.n > n - taken)
			break;
		taken += take_piece(outbox, wire);
	}
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
		room = FRAME_MESSAGE_MAX - wire_size(&peer->out.wire);
		outbox->deficit += PEER_QUANTUM;
		may = outbox->next == outbox ? room : outbox->deficit;
		may = may < room ? may : room;
		n = outbox->owner->take
			    ? outbox->owner->take(outbox, &peer->out.wire.buf, may, &is_empty)
			    : take(outbox, &peer->out.wire, may, &is_empty);
		outbox->deficit -= n < outbox->deficit ? n : outbox->deficit;
		peer->out.ring = outbox->next;
		if (is_empty)
			outbox_leave(peer, outbox);
		else if (n == 0 && may == room)
			break; /* the next frame does not fit into this message */
	}
}
