/* SPDX-License-Identifier: MIT */
/* The method's end of a stream over a link. */
#include <string.h>

#include "call/peer_linger.h"
#include "call/peer_stream.h"
#include "peer/peer.h"

static enum stream_state method_state(const pyr_stream *stream)
{
	return stream->state == STREAM_OPEN && stream_is_wanted(stream) ? STREAM_OPEN
									: STREAM_FAILED;
}

/* Whether another end that does not consume may make this one keep n bytes more. What was sent is
 * let go first: then the call ends with its link. */
static bool has_room(pyr_stream *stream, size_t n)
{
	if (budget_fits(stream->budget, n))
		return true;
	peer_linger_forgo(stream);
	return budget_fits(stream->budget, n);
}

static uint8_t *method_append(pyr_stream *stream, const struct stream_part *part)
{
	return has_room(stream, part->payload.n + STREAM_COST) ? peer_stream_append(stream, part)
							       : NULL;
}

static const struct stream_kind method_kind = {
	FRAME_FRAGMENT,
	method_state,
	method_append,
	peer_stream_grant,
	NULL,
	peer_stream_flush_unlock,
	stream_method_until,
	stream_method_expire,
	stream_wait_method,
	stream_method_error,
};

static const struct outbox_owner method_outbox = { peer_stream_hold, peer_stream_release,
						   peer_stream_take, peer_stream_lost };

bool peer_stream_serve(struct peer *peer, pyr_call *call, const struct frame *frame)
{
	const struct codec_operation *operation =
		&call->object->interface->operations[call->operation];
	pyr_stream *stream;

	if (!operation->in_item && !operation->out_item)
		return true;
	stream = stream_new(operation, false);
	if (!stream)
		return false;
	stream->kind = &method_kind;
	stream->out.owner = &method_outbox;
	stream->call = call;
	stream->max_item = peer->host->max_message;
	stream->lifetime_ms = peer->host->stream_lifetime_ms;
	peer_stream_set_limits(peer, stream);
	peer_stream_enter(peer, stream, frame->number); /* nobody else knows it yet */
	call->stream = stream;
	call->number = frame->number;
	peer_linger_begin(peer, call, frame->token);
	return true;
}

/* A frame of the answer; payload: its part of it. */
static bool append_last(pyr_stream *stream, struct frame *frame, struct span payload)
{
	uint8_t *at = peer_stream_put(stream, frame, payload.n, true);

	if (at && payload.n > 0)
		memcpy(at, payload.p, payload.n);
	return at != NULL;
}

bool peer_stream_last(pyr_call *call, const struct frame *frame, struct span payload)
{
	pyr_stream *stream = call->stream;
	struct frame last = *frame;
	struct span part = payload;
	bool ok;

	if (!stream || (!stream->linger && stream->queue.n_unsent == 0))
		return false;
	last.total = payload.n > FRAME_FRAGMENT ? (uint32_t)payload.n : 0;
	do {
		part.n = payload.n < FRAME_FRAGMENT ? payload.n : FRAME_FRAGMENT;
		payload.n -= part.n;
		last.flags = (last.flags ? FRAME_CONTINUES : 0) | (payload.n > 0 ? FRAME_MORE : 0);
		ok = append_last(stream, &last, part);
		part.p += part.n;
		last.total = 0;
		last.body = (struct span){ 0 };
	} while (ok && payload.n > 0);
	stream_charge_queue(stream);
	return true;
}

void peer_stream_close(pyr_stream *stream)
{
	pthread_mutex_lock(&stream->lock);
	stream->state = STREAM_FAILED;
	pthread_mutex_unlock(&stream->lock);
}

void stream_release(pyr_stream *stream)
{
	if (!stream)
		return;
	/* No frame finds it any more; only its outbox may still be in the peer's ring. */
	pthread_mutex_lock(&stream->lock);
	stream_drop_items(stream);
	stream->call = NULL;
	pthread_mutex_unlock(&stream->lock);
	stream_unref(stream);
}
