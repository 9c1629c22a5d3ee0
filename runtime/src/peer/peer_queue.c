/* SPDX-License-Identifier: MIT */
/* What a peer sends first: answers that are small, and what keeps a link going. With its lock. */
#include "base/log.h"
#include "peer/peer.h"

enum {
	QUEUE_FREE = 65536, /* bytes that wait to be sent and are not charged */
	QUEUE_STEP = 262144
};

void peer_queue_answer(struct peer *peer, const struct frame *frame)
{
	size_t before = peer->out.urgent.n;

	frame_append(&peer->out.urgent, frame);
	atomic_fetch_add(&peer->out.backlog, peer->out.urgent.n - before);
}

/* What is charged follows in steps, so that a frame costs nothing. */
bool peer_may_queue(struct peer *peer, size_t n)
{
	size_t waits = peer->out.urgent.n - peer->out.urgent_at + n, more;

	if (waits <= peer->out.n_charged + QUEUE_FREE)
		return true;
	more = waits - peer->out.n_charged + QUEUE_STEP;
	if (!budget_charge(peer->budget, more))
		return false;
	peer->out.n_charged += more;
	return true;
}

/* Part of the queue was taken. */
static void uncharge(struct peer *peer)
{
	size_t waits = peer->out.urgent.n - peer->out.urgent_at;

	if (peer->out.n_charged <= waits + 2 * QUEUE_STEP)
		return;
	budget_release(peer->budget, peer->out.n_charged - waits);
	peer->out.n_charged = waits;
}

/* Whether more of what is no reply waits than may, with n bytes that were put aside. */
static bool has_much(struct peer *peer, size_t n)
{
	size_t waits = peer->out.urgent.n - peer->out.urgent_at;

	if (peer->out.n_control > waits)
		peer->out.n_control = waits;
	return peer->out.n_control + n > PEER_MAX_CONTROL;
}

static void let_go(struct peer *peer)
{
	log_line(PYR_LOG_WARNING, "link with %s: closed: it does not read", peer->link->address);
	peer->is_ending = true;
	link_close(peer->link, PYR_RESOURCE_EXHAUSTED, "closed: the other end does not read");
}

/* Methods wait while much is to be sent. Other frames cannot: an end that makes us queue them and
 * does not read is let go. */
void peer_queue(struct peer *peer, const struct frame *frame)
{
	size_t before = peer->out.urgent.n;
	bool fits = peer_may_queue(peer, 0);

	peer_queue_answer(peer, frame);
	peer->out.n_control += peer->out.urgent.n - before;
	if ((has_much(peer, 0) || !fits) && !peer->is_ending)
		let_go(peer);
}

void peer_lose_frame(struct peer *peer)
{
	peer->out.has_lost = true;
}

void peer_limit_aside(struct peer *peer)
{
	struct peer_aside *aside = &peer->out.aside;
	size_t n;

	if (!atomic_load_explicit(&aside->is_there, memory_order_relaxed))
		return;
	pthread_mutex_lock(&aside->lock);
	n = aside->frames.n;
	pthread_mutex_unlock(&aside->lock);
	if ((has_much(peer, n) || !peer_may_queue(peer, n)) && !peer->is_ending)
		let_go(peer);
}

void peer_take_aside(struct peer *peer)
{
	struct peer_aside *aside = &peer->out.aside;

	pthread_mutex_lock(&aside->lock);
	buf_append(&peer->out.urgent, aside->frames.data, aside->frames.n);
	peer->out.n_control += aside->frames.n;
	peer->out.has_lost |= aside->has_lost;
	atomic_fetch_add(&peer->out.backlog, aside->frames.n);
	buf_reset(&aside->frames);
	atomic_store(&aside->is_there, false);
	pthread_mutex_unlock(&aside->lock);
}

/* frame: NULL: there is only something to be looked at. */
static void put_aside(struct peer *peer, const struct frame *frame)
{
	struct peer_aside *aside = &peer->out.aside;
	bool hooks;

	pthread_mutex_lock(&aside->lock);
	if (frame) {
		aside->has_lost |= !frame_append(&aside->frames, frame);
		atomic_store(&aside->is_there, true);
	}
	hooks = !aside->will_flush && !(frame && exec_has_corked(&peer->out.cork));
	aside->will_flush |= hooks;
	if (hooks)
		peer_ref(peer);
	pthread_mutex_unlock(&aside->lock);
	if (hooks)
		engine_before_poll(&aside->hook);
}

void peer_queue_aside(struct peer *peer, const struct frame *frame)
{
	put_aside(peer, frame);
}

void peer_look_later(struct peer *peer)
{
	put_aside(peer, NULL);
}

void peer_flush_aside(struct engine_hook *hook)
{
	struct peer_aside *aside =
		(struct peer_aside *)((char *)hook - offsetof(struct peer_aside, hook));
	struct peer *peer = (struct peer *)((char *)aside - offsetof(struct peer, out.aside));
	void (*idle)(struct peer *) = atomic_load(&peer->shared.idle);

	pthread_mutex_lock(&aside->lock);
	aside->will_flush = false;
	pthread_mutex_unlock(&aside->lock);
	peer_flush(peer);
	if (idle)
		idle(peer);
	peer_unref(peer);
}

/* Urgent frames, whole ones, as many as fit. */
static void take(struct peer *peer)
{
	const uint8_t *data;
	size_t n = 0, left, size;
	struct buf swap;

	if (peer->out.urgent.n <= FRAME_MESSAGE_MAX && peer->out.urgent_at == 0) {
		swap = peer->out.wire.buf;
		peer->out.wire.buf = peer->out.urgent;
		peer->out.urgent = swap;
		return;
	}
	data = peer->out.urgent.data + peer->out.urgent_at;
	left = peer->out.urgent.n - peer->out.urgent_at;
	while ((size = frame_size(data + n, left - n)) > 0 && n + size <= FRAME_MESSAGE_MAX)
		n += size;
	buf_append(&peer->out.wire.buf, data, n);
	peer->out.urgent_at += n;
	if (peer->out.urgent_at < peer->out.urgent.n / 2)
		return; /* moved to the front rarely, for there may be a lot */
	buf_drop(&peer->out.urgent, peer->out.urgent_at);
	peer->out.urgent_at = 0;
}

void peer_take_urgent(struct peer *peer)
{
	take(peer);
	uncharge(peer);
}
