/* SPDX-License-Identifier: MIT */
/*
 * Whether the other end is still there, on links that do not find out themselves: after a while
 * without a message it is asked, and if it does not answer, the link ends. In the runtime's thread.
 */
#include "base/config.h"
#include "peer/peer.h"

/* The accepting end has many; the connecting one may wait for an answer. */
static int64_t patience(const struct peer *peer)
{
	int64_t ms = config_number(CONFIG_KEEPALIVE_MS);

	return (peer->side == PEER_ACCEPTED ? 6 * ms : ms) * ENGINE_MS;
}

static int64_t patience_asked(const struct peer *peer)
{
	int64_t ms = config_number(CONFIG_KEEPALIVE_MS);

	return (peer->side == PEER_ACCEPTED ? 2 * ms : ms / 2) * ENGINE_MS;
}

/* Returns when to look again, or 0: it was asked, and its time is over. With the lock. */
static int64_t look(struct peer *peer)
{
	struct frame ping = { .type = FRAME_PING };
	int64_t now = engine_now(), until;

	if (peer->asked_at && peer->heard_at < peer->asked_at) {
		until = peer->asked_at + patience_asked(peer);
		return now < until ? until : 0;
	}
	peer->asked_at = 0;
	if (now < peer->heard_at + patience(peer))
		return peer->heard_at + patience(peer);
	peer->asked_at = now;
	peer_queue(peer, &ping);
	return now + patience_asked(peer);
}

/* In the leader, who alone reads: its answer has not come, nor does it wait to be read because this
 * process stood still. */
static void on_verdict(struct engine_hook *hook)
{
	struct peer *peer = (struct peer *)((char *)hook - offsetof(struct peer, verdict));
	bool is_gone;

	pthread_mutex_lock(&peer->lock);
	is_gone = peer->heard_at < peer->asked_at && !link_has_input(peer->link);
	if (!is_gone && !peer->is_closed) {
		peer->asked_at = 0;
		peer->heard_at = engine_now();
		(void)engine_timer_set(&peer->silence, peer->heard_at + patience(peer));
	}
	pthread_mutex_unlock(&peer->lock);
	if (is_gone)
		link_close(peer->link, PYR_UNAVAILABLE, "the other end does not answer");
	peer_unref(peer);
}

static void on_silence(struct engine_timer *timer)
{
	struct peer *peer = (struct peer *)((char *)timer - offsetof(struct peer, silence));
	int64_t next = ENGINE_FOREVER;

	pthread_mutex_lock(&peer->lock);
	if (!peer->is_closed)
		next = look(peer);
	if (next != 0 && next != ENGINE_FOREVER)
		(void)engine_timer_set(timer, next);
	if (next == 0)
		peer_ref(peer);
	peer_flush_unlock(peer);
	if (next == 0)
		engine_before_poll(&peer->verdict);
}

void peer_watch_silence(struct peer *peer)
{
	peer->silence.fire = on_silence;
	peer->verdict.run = on_verdict;
	peer->heard_at = engine_now();
	(void)engine_timer_set(&peer->silence, peer->heard_at + patience(peer));
}
