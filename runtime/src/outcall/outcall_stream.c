/* SPDX-License-Identifier: MIT */
/* The caller's end of a stream over a link. */
#include "outcall/outcall_stream.h"

#include <stdio.h>

#include "base/error.h"
#include "base/random.h"

static enum stream_state caller_state(const pyr_stream *stream)
{
	return stream->state;
}

static bool caller_end(pyr_stream *stream)
{
	struct frame frame = { .type = FRAME_END };

	if (stream->state != STREAM_OPEN && stream->state != STREAM_LOST)
		return true;
	stream->out.parts++;
	if (peer_stream_put(stream, &frame, 0, true))
		return true;
	stream->out.parts--;
	return false;
}

struct session *peer_stream_session(pyr_stream *stream)
{
	struct session *session;

	pthread_mutex_lock(&stream->lock);
	session = stream->caller.call->session;
	session_ref(session);
	pthread_mutex_unlock(&stream->lock);
	return session;
}

static int64_t caller_until(pyr_stream *stream)
{
	int64_t until = stream->caller.call->deadline;
	struct peer *peer = stream_lock_peer(stream);

	if (!peer)
		return until;
	if (!peer->has_hello && peer->connect_until < until)
		until = peer->connect_until;
	pthread_mutex_unlock(&peer->lock);
	peer_unref(peer);
	return until;
}

static void caller_expire(pyr_stream *stream)
{
	struct session *session = peer_stream_session(stream);
	char text[256];

	if (engine_now() < stream->caller.call->deadline) {
		peer_close(session->peer, PYR_UNAVAILABLE, "failed to connect in time");
	} else {
		snprintf(text, sizeof(text), "TimeoutError: the stream from %s did not end in time",
			 session->peer->link->address);
		outcall_cancel(stream->caller.call, PYR_DEADLINE_EXCEEDED, text);
	}
	session_unref(session);
}

/* The link is gone, the call is not over. */
static int lost_error(pyr_stream *stream)
{
	struct session *session = peer_stream_session(stream);
	struct peer *peer = session->peer;
	struct error_info error = { .code = PYR_UNAVAILABLE, .may_have_run = true };
	char text[512];
	int err;

	pthread_mutex_lock(&peer->lock);
	if (peer->is_closed)
		session_loss(peer, text, sizeof(text), true);
	else /* another thread has just taken it elsewhere */
		snprintf(text, sizeof(text), "ConnectionClosed: %s: connection closed",
			 peer->link->address);
	pthread_mutex_unlock(&peer->lock);
	error.message = text;
	error.object = session->object;
	error.operation = stream->operation->table->name;
	error.address = peer->link->address;
	err = error_set_info(&error);
	session_unref(session);
	return err;
}

static int caller_error(pyr_stream *stream)
{
	return peer_stream_is_over(stream) ? outcall_error(stream->caller.call)
					   : lost_error(stream);
}

/* A task's cancel ends the call. */
static bool caller_wait(pyr_stream *stream, struct engine_waiter *waiter, int64_t until)
{
	int woken = engine_wait_or_cancel(waiter, until);

	if (woken < 0)
		outcall_cancel(stream->caller.call, PYR_CANCELLED, ENGINE_CANCELLED_TEXT);
	return woken != 0;
}

static void caller_stay(pyr_stream *stream)
{
	if (stream->caller.stays)
		return;
	stream->caller.stays = true;
	queue_keep_nothing(&stream->out.queue);
}

static const struct stream_kind caller_kind = {
	FRAME_FRAGMENT,    caller_state,  peer_stream_append,
	peer_stream_grant, caller_end,    peer_stream_flush_unlock,
	caller_until,      caller_expire, caller_wait,
	caller_error,      caller_stay,   stream_lock_peer,
};

/* Items follow their call, which waits in the session's outbox. */
static size_t take_callers(struct outbox *outbox, struct buf *wire, size_t n, bool *is_empty)
{
	pyr_stream *stream = peer_stream_of(outbox);
	const struct outcall *call = stream->caller.call;

	*is_empty = false;
	if (stream->is_resuming || call->session->out.n_taken < call->sent.end)
		return 0;
	return peer_stream_take(outbox, wire, n, is_empty);
}

static const struct outbox_owner caller_outbox = { peer_stream_hold, peer_stream_release,
						   take_callers, peer_stream_lost };

/* It can be resumed, unless the other end is known not to keep streams. */
static void set_token(struct peer *peer, pyr_stream *stream)
{
	stream->caller.has_token = (!peer->has_hello || peer->theirs.linger_ms > 0) &&
				   !stream->caller.call->session->import &&
				   random_bytes(stream->caller.token, sizeof(stream->caller.token));
	stream->out.queue.keeps = stream->caller.has_token;
}

void peer_stream_call(pyr_stream *stream, struct session *session)
{
	struct peer *peer = session->peer;

	pthread_mutex_lock(&peer->lock);
	pthread_mutex_lock(&stream->lock);
	stream->kind = &caller_kind;
	stream->out.box.owner = &caller_outbox;
	stream->max_item = peer->limits.max_message;
	stream->out.has_window = peer->has_hello;
	stream->state = STREAM_OPEN;
	peer_stream_set_limits(peer, stream);
	set_token(peer, stream);
	peer_stream_enter(peer, stream, 0);
	pthread_mutex_unlock(&stream->lock);
	pthread_mutex_unlock(&peer->lock);
}

void peer_stream_started(pyr_stream *stream, uint32_t number)
{
	pthread_mutex_lock(&stream->lock);
	stream->route.number = number;
	pthread_mutex_unlock(&stream->lock);
}

/* What a plain gRPC server's end must know. */
static uint32_t stream_flags(const struct pyr__operation *table)
{
	return (table->flags & PYR__STREAM_IN ? FRAME_STREAM_IN : 0) |
	       (table->flags & PYR__STREAM_OUT ? FRAME_STREAM_OUT : 0) |
	       (table->n_in > 0 ? FRAME_PARAMETERS : 0);
}

void peer_stream_describe(const struct outcall *call, const struct pyr__operation *table,
			  struct frame *frame)
{
	frame->flags |= FRAME_STREAMS | stream_flags(table);
	if (call->stream && call->stream->caller.has_token)
		frame->token = (struct span){ call->stream->caller.token, STREAM_TOKEN };
}

void peer_stream_over(pyr_stream *stream)
{
	struct peer *peer;

	pthread_mutex_lock(&stream->lock);
	stream->state = stream->caller.call->result.code == 0 ? STREAM_DONE : STREAM_FAILED;
	peer = peer_stream_take_off(stream);
	peer_stream_clear(peer, stream);
	pthread_mutex_unlock(&stream->lock);
	if (!peer)
		return;
	outbox_leave(peer, &stream->out.box);
	peer_unref(peer);
}

/* Its window is known now. */
static void take_window(const struct peer *peer, pyr_stream *stream, uint32_t window)
{
	pthread_mutex_lock(&stream->lock);
	if (!stream->out.has_window) {
		stream->out.has_window = true;
		if (peer->theirs.linger_ms == 0)
			queue_keep_nothing(&stream->out.queue);
		stream->out.room += window - peer->theirs.window;
		stream->out.window = window;
		stream->their_max_item = peer->theirs.max_message;
	}
	pthread_mutex_unlock(&stream->lock);
	stream_wake(stream);
}

void peer_stream_hello(struct peer *peer, const struct frame *frame)
{
	uint32_t window = frame->window, i;
	struct outcall *call;

	if (window < PEER_WINDOW_FIRST)
		window = PEER_WINDOW_FIRST;
	if (window > STREAM_WINDOW_MAX)
		window = STREAM_WINDOW_MAX;
	for (i = 0; i < peer->made.n_slots; i++) {
		call = peer->made.slots[i].call;
		if (call && call->stream)
			take_window(peer, call->stream, window);
	}
	peer->theirs.window = window;
}

/* ---- frames; in the leader, with the lock ---- */

/* Returns NULL if the call has no streams, or is over here. */
static struct outcall *find(struct peer *peer, const struct frame *frame)
{
	struct outcall *call = peer_live_call(peer, frame->number);

	return call && call->stream ? call : NULL;
}

void outcall_on_item(struct peer *peer, const struct frame *frame)
{
	struct outcall *call = find(peer, frame);
	char text[192];
	int code;

	if (!call) {
		references_refuse(peer, frame);
		return;
	}
	code = peer_stream_item(peer, call->stream, frame, text, sizeof(text));
	if (code)
		outcall_abort(call, code, text);
}

void outcall_on_credit(struct peer *peer, const struct frame *frame)
{
	struct outcall *call = find(peer, frame);

	if (call)
		peer_stream_credit(call->stream, frame);
}
