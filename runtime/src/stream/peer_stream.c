/* SPDX-License-Identifier: MIT */
/*
 * Streams over a link. Items and credit are queued with the stream's lock alone; then whoever did
 * so takes the peer's, has the stream take its turn among what is to be sent, and flushes, unless
 * that is on its way already. Items leave through an outbox of their own, so that many of them do
 * not stand before other calls; credit goes first.
 *
 * A stream is carried by its route's peer. It leaves and enters a link with that peer's lock and
 * its own; so with the peer's lock it stays, and without it only stream_lock_peer() makes sure.
 */
#include "stream/peer_stream.h"

#include <stdio.h>

#include "exec/exec.h"
#include "reference/references.h"

enum {
	PACE = 32768,            /* bytes that do not wait for more */
	PACE_NS = ENGINE_MS / 10 /* nor does what comes so long after the last that left */
};

pyr_stream *peer_stream_of(struct outbox *outbox)
{
	return (pyr_stream *)((char *)outbox - offsetof(pyr_stream, out.box));
}

void peer_stream_hold(struct outbox *outbox)
{
	stream_ref(peer_stream_of(outbox));
}

void peer_stream_release(struct outbox *outbox)
{
	stream_unref(peer_stream_of(outbox));
}

/* Of the method's end; the caller's looks at more. With the peer's lock. */
size_t peer_stream_take(struct outbox *outbox, struct buf *wire, size_t n, bool *is_empty)
{
	pyr_stream *stream = peer_stream_of(outbox);
	size_t before, taken;

	pthread_mutex_lock(&stream->lock);
	before = stream->out.queue.n_unsent;
	taken = queue_take(&stream->out.queue, wire, n);
	if (stream->route.peer) /* with another number they have another size than was counted */
		atomic_fetch_add(&stream->route.peer->out.backlog,
				 taken - (before - stream->out.queue.n_unsent));
	*is_empty = stream->out.queue.n_unsent == 0;
	stream->out.is_queued = !*is_empty; /* with the lock: who queues more puts it back */
	if (!stream->out.queue.keeps)
		stream_charge_queue(stream);
	pthread_mutex_unlock(&stream->lock);
	return taken;
}

/* The link is ending, in one way or the other: nothing more goes there. With the peer's lock. */
void peer_stream_lost(struct outbox *outbox)
{
	pyr_stream *stream = peer_stream_of(outbox);

	pthread_mutex_lock(&stream->lock);
	if (stream->route.peer && !stream->out.is_parked)
		atomic_fetch_sub(&stream->route.peer->out.backlog, stream->out.queue.n_unsent);
	stream->out.is_parked = true;
	stream->out.is_queued = false;
	pthread_mutex_unlock(&stream->lock);
}

/* ---- with the stream's lock ---- */

/* Queues a frame of the stream's call. Returns where its payload goes, NULL when memory is out.
 * is_last: no credit will tell that it came. */
uint8_t *peer_stream_put(pyr_stream *stream, struct frame *frame, size_t n_payload, bool is_last)
{
	size_t before = stream->out.queue.n_unsent;
	struct queue_end end = { stream->out.parts, is_last ? UINT64_MAX : stream->out.cost };
	uint8_t *at;

	frame->number = stream->route.number; /* of no link: it gets another */
	at = queue_put(&stream->out.queue, frame, n_payload, end);
	if (stream->route.peer && !stream->out.is_parked)
		atomic_fetch_add(&stream->route.peer->out.backlog,
				 stream->out.queue.n_unsent - before);
	return at;
}

uint8_t *peer_stream_append(pyr_stream *stream, const struct stream_part *part)
{
	struct frame frame = { .type = FRAME_ITEM, .value = part->sequence };
	uint8_t *at;

	frame.to_caller = !stream->is_callers;
	frame.flags = part->flags;
	frame.total = part->total;
	frame.body = part->list;
	if (part->n_references > 0)
		frame.flags |= FRAME_REFERENCES;
	stream->out.parts++;
	stream->out.cost += stream_part_cost(part);
	at = peer_stream_put(stream, &frame, part->payload.n, false);
	if (!at) {
		stream->out.parts--;
		stream->out.cost -= stream_part_cost(part);
	}
	stream_charge_queue(stream);
	return at;
}

void peer_stream_grant(pyr_stream *stream, size_t n)
{
	stream->in.to_grant += n;
}

/* Its turn is to come. Returns false if that has been seen to, or there is nothing to send. */
static bool wants_turn(pyr_stream *stream)
{
	if (stream->out.is_queued || stream->out.is_parked || stream->out.queue.n_unsent == 0)
		return false;
	stream->out.is_queued = true;
	return true;
}

void peer_stream_settle(struct peer *peer, pyr_stream *stream)
{
	struct frame frame = { .type = FRAME_CREDIT, .value = stream->in.to_grant };

	wants_turn(stream);
	if (stream->out.is_queued)
		outbox_join(peer, &stream->out.box);
	if (stream->in.to_grant == 0)
		return;
	frame.number = stream->route.number;
	frame.to_caller = !stream->is_callers;
	peer_queue(peer, &frame);
	stream->in.to_grant = 0;
}

/* Whether what is queued is to leave now: its user is about to wait, there is a lot, or it is the
 * first for a while. What follows it soon leaves together. */
static bool is_due(pyr_stream *stream, bool waits)
{
	int64_t now;

	if (waits || stream->out.queue.n_unsent >= PACE)
		return true;
	now = engine_now();
	if (now - stream->out.flushed_at < PACE_NS)
		return false;
	stream->out.flushed_at = now;
	return true;
}

static void flush_soon_unlock(struct peer *peer, const pyr_stream *stream)
{
	if (stream->is_callers) {
		peer_flush_later_unlock(peer);
		return;
	}
	pthread_mutex_unlock(&peer->lock);
	if (!exec_cork_part(&peer->out.cork))
		peer_flush(peer);
}

void peer_stream_flush_unlock(pyr_stream *stream, bool waits)
{
	struct peer *peer = stream->route.peer;
	bool wants = wants_turn(stream), due = peer && is_due(stream, waits);

	if (!peer || (!wants && stream->in.to_grant == 0 && !(due && stream->out.is_queued))) {
		pthread_mutex_unlock(&stream->lock);
		return;
	}
	peer_ref(peer);
	pthread_mutex_unlock(&stream->lock);
	pthread_mutex_lock(&peer->lock);
	pthread_mutex_lock(&stream->lock);
	if (stream->route.peer == peer)
		peer_stream_settle(peer, stream);
	pthread_mutex_unlock(&stream->lock);
	if (due)
		peer_flush_unlock(peer);
	else
		flush_soon_unlock(peer, stream);
	peer_unref(peer);
}

/* ---- onto a link, and off it ---- */

void peer_stream_clear(struct peer *peer, pyr_stream *stream)
{
	const struct codec_carried *kept;

	while ((kept = queue_unhold(&stream->out.queue))) {
		if (peer)
			references_unsend(peer, kept);
		carried_drop(kept);
	}
	queue_clear(&stream->out.queue);
}

struct peer *stream_lock_peer(pyr_stream *stream)
{
	struct peer *peer;
	bool is_there;

	for (;;) {
		pthread_mutex_lock(&stream->lock);
		peer = stream->route.peer;
		if (peer)
			peer_ref(peer);
		pthread_mutex_unlock(&stream->lock);
		if (!peer)
			return NULL;
		pthread_mutex_lock(&peer->lock);
		pthread_mutex_lock(&stream->lock);
		is_there = stream->route.peer == peer;
		pthread_mutex_unlock(&stream->lock);
		if (is_there)
			return peer;
		pthread_mutex_unlock(&peer->lock);
		peer_unref(peer);
	}
}

void peer_stream_enter(struct peer *peer, pyr_stream *stream, uint32_t number)
{
	peer_ref(peer);
	stream->route = (struct stream_route){ peer, number };
	stream->out.is_parked = stream->out.is_queued = false;
	stream->in.to_grant = 0; /* Resume tells what was consumed */
	atomic_fetch_add(&peer->out.backlog, stream->out.queue.n_unsent);
	if (!stream->is_callers)
		stream_charge_to(stream, peer->budget);
}

/* Takes it off its route. Returns the peer, which the caller gives back. With both locks. */
struct peer *peer_stream_take_off(pyr_stream *stream)
{
	struct peer *peer = stream->route.peer;

	if (peer && !stream->out.is_parked)
		atomic_fetch_sub(&peer->out.backlog, stream->out.queue.n_unsent);
	if (!stream->is_callers)
		stream_charge_to(stream, NULL);
	stream->route.peer = NULL;
	stream->out.is_queued = false;
	return peer;
}

void peer_stream_leave(struct peer *peer, pyr_stream *stream, bool drops)
{
	struct peer *from;

	stream_ref(stream); /* who takes it up elsewhere may be through with it at once */
	pthread_mutex_lock(&stream->lock);
	from = peer_stream_take_off(stream);
	if (drops)
		peer_stream_clear(from, stream);
	else if (stream->is_callers)
		stream->state = STREAM_LOST;
	stream->is_resuming = false;
	stream->method.lost_at = engine_now();
	pthread_mutex_unlock(&stream->lock);
	outbox_leave(peer, &stream->out.box);
	stream_wake(stream);
	stream_unref(stream);
	peer_unref(from);
}

void peer_stream_set_limits(struct peer *peer, pyr_stream *stream)
{
	stream->in.window = stream->in.room = peer_window(peer->link->is_local);
	stream->out.window = stream->out.room = peer->theirs.window;
	stream->their_max_item = peer->theirs.max_message;
}

/* ---- frames; in the leader, with the lock ---- */

int peer_stream_item(struct peer *peer, pyr_stream *stream, const struct frame *frame, char *text,
		     size_t n)
{
	struct stream_part part = { .sequence = frame->value, .payload = frame->payload };
	int code = 0;

	part.flags = frame->flags;
	part.total = frame->total;
	if (frame->flags & FRAME_REFERENCES)
		code = references_receive(peer, frame, &part.held);
	if (code)
		snprintf(text, n, "%s", REFERENCES_TOO_MANY);
	if (code)
		return code == PYR_RESOURCE_EXHAUSTED ? code : 0; /* 0: the link ends */
	part.n_references = part.held ? part.held->n : 0;
	pthread_mutex_lock(&stream->lock);
	if (part.held)
		stream->kind->stay(stream);
	code = stream_take(stream, &part, text, n);
	peer_stream_settle(peer, stream);
	pthread_mutex_unlock(&stream->lock);
	return code;
}

void peer_stream_credit(pyr_stream *stream, const struct frame *frame)
{
	pthread_mutex_lock(&stream->lock);
	stream_take_credit(stream, frame->value);
	pthread_mutex_unlock(&stream->lock);
}
