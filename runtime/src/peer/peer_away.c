/* SPDX-License-Identifier: MIT */
/* An end that goes away: what it still takes, what it says, and what may still be started at the
 * other end of its links. */
#include <stdio.h>

#include "peer/peer.h"

bool peer_host_takes(const struct peer_host *host, struct span chain)
{
	switch (atomic_load(&host->stage)) {
	case HOST_SERVES:
		return true;
	case HOST_FINISHES:
		return chain.n == IDSET_ID && idset_has(&host->in_flight, chain.p);
	default:
		return false;
	}
}

void peer_turn_away(struct peer *peer, uint32_t number)
{
	struct frame frame = { .type = FRAME_ERROR, .number = number, .code = PYR_UNAVAILABLE };
	char text[256];

	snprintf(text, sizeof(text), PEER_STOPS, peer->host->address);
	frame.message = span_of(text);
	frame.was_not_run = true;
	peer_queue(peer, &frame);
}

void peer_goaway(struct peer *peer, const char *text)
{
	struct frame frame = { .type = FRAME_GOAWAY };
	struct buf marks = { 0 };

	pthread_mutex_lock(&peer->lock);
	if (!peer->is_closed && !peer->is_ending) {
		frame_put_mark(&marks, 0, peer->taken.last);
		frame.message = span_of(text);
		frame.takes_none = atomic_load(&peer->host->stage) == HOST_LEAVES;
		frame.body = (struct span){ marks.data, marks.n };
		peer_queue(peer, &frame);
	}
	pthread_mutex_unlock(&peer->lock);
	buf_free(&marks);
}

void peer_leave(struct peer *peer)
{
	pthread_mutex_lock(&peer->lock);
	peer->is_left = true;
	peer_leave_if_idle(peer);
	peer_flush_unlock(peer);
}

bool peer_is_usable(struct peer *peer)
{
	bool usable;

	pthread_mutex_lock(&peer->lock);
	usable = !peer->is_closed && !peer->is_ending && !peer->is_going_away;
	pthread_mutex_unlock(&peer->lock);
	return usable;
}

bool peer_is_over(struct peer *peer)
{
	bool is_over;

	pthread_mutex_lock(&peer->lock);
	is_over = peer->is_closed || peer->is_ending;
	pthread_mutex_unlock(&peer->lock);
	return is_over;
}

bool peer_goes_away(struct peer *peer)
{
	bool does;

	pthread_mutex_lock(&peer->lock);
	does = peer->is_going_away;
	pthread_mutex_unlock(&peer->lock);
	return does;
}

bool peer_takes_chains(struct peer *peer)
{
	bool takes;

	pthread_mutex_lock(&peer->lock);
	takes = peer->takes_chains && !peer->is_ending && !peer->is_closed;
	pthread_mutex_unlock(&peer->lock);
	return takes;
}
