/* SPDX-License-Identifier: MIT */
/* The beginning of a link: what both ends say of themselves before anything else. */
#include <stdio.h>

#include "base/log.h"
#include "base/text.h"
#include "peer/peer.h"

void peer_say_hello(struct peer *peer, bool is_local, struct span nonce, struct span keys)
{
	struct frame frame = { .type = FRAME_HELLO,
			       .min_version = FRAME_VERSION_MIN,
			       .max_version = FRAME_VERSION_MAX };

	frame.max_calls = peer->limits.max_calls;
	frame.max_message = peer->limits.max_message;
	frame.stream_linger_ms = peer->limits.stream_linger_ms;
	frame.window = peer_window(is_local);
	frame.agent = span_of("pyrite/" PYR_VERSION);
	frame.token = nonce;
	frame.handshake = keys;
	if (peer->side == PEER_ACCEPTED)
		frame.from = span_of(peer->link->address);
	if (peer->auth)
		peer_auth_queue(peer, &frame);
	else
		peer_queue(peer, &frame);
}

bool peer_may_come_first(struct peer *peer, const struct frame *frame)
{
	if (frame->type == FRAME_HELLO || frame->type == FRAME_GOAWAY)
		return true;
	if (!peer->auth || !peer_auth_has_hello(peer))
		peer_protocol_error(peer, "a frame before Hello");
	else if (frame->type == FRAME_AUTH)
		return true;
	else
		peer_auth_refuse(peer, "a frame before the proof of the shared key",
				 "it has sent a frame before the proof of the shared key");
	return false;
}

static void note(struct peer *peer, const struct frame *frame)
{
	char agent[65];

	snprintf(agent, sizeof(agent), "%.*s", (int)(frame->agent.n < 64 ? frame->agent.n : 64),
		 frame->agent.n ? (const char *)frame->agent.p : "");
	log_line(PYR_LOG_DEBUG, "link with %s: %s, %s", peer->link->address, peer->link->lane,
		 text_clean(agent));
	peer->theirs.linger_ms = frame->stream_linger_ms;
	if (frame->max_message > 0)
		peer->theirs.max_message = frame->max_message;
	if (frame->from.n > 0 && frame->from.n < sizeof(peer->from)) {
		memcpy(peer->from, frame->from.p, frame->from.n);
		text_clean(peer->from);
	}
}

static void end_without_version(struct peer *peer, const struct frame *frame)
{
	char own[256], theirs[256];

	snprintf(own, sizeof(own),
		 "ProtocolError: no common protocol version: %u-%u at %s, %u-%u here",
		 frame->min_version, frame->max_version, peer->link->address, FRAME_VERSION_MIN,
		 FRAME_VERSION_MAX);
	log_line(PYR_LOG_WARNING, "%s", own);
	snprintf(theirs, sizeof(theirs),
		 "ProtocolError: no common protocol version: %u-%u here, %u-%u there",
		 FRAME_VERSION_MIN, FRAME_VERSION_MAX, frame->min_version, frame->max_version);
	peer_end_with_goaway(peer, PYR_FAILED_PRECONDITION, theirs, own);
}

void peer_on_hello(struct peer *peer, const struct frame *frame)
{
	if (peer->has_hello || (peer->auth && peer_auth_has_hello(peer))) {
		peer_protocol_error(peer, "a second Hello");
		return;
	}
	note(peer, frame);
	if (frame->min_version > FRAME_VERSION_MAX || frame->max_version < FRAME_VERSION_MIN) {
		peer->has_hello = true;
		end_without_version(peer, frame);
	} else if (peer->auth) {
		peer_auth_on_hello(peer, frame);
	} else {
		peer_greeted(peer, frame);
	}
}

void peer_greeted(struct peer *peer, const struct frame *hello)
{
	peer->has_hello = true;
	if (peer->link->wants_pings && peer->side == PEER_CONNECTED)
		peer_watch_silence(peer);
	peer->handlers->hello(peer, hello);
}
