/* SPDX-License-Identifier: MIT */
/*
 * The caller's streams whose link was lost go on over another. The old peer's lock is not needed: a
 * stream that is lost has left that link.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "outcall/outcall_stream.h"
#include "wire/annotation.h"

/* The call's frame, if it has not left. Returns false if it has, if it is a large one, or if memory
 * is out. */
static bool keep_unsent(pyr_stream *stream)
{
	const struct outcall *call = stream->caller.call;
	const struct outbox *out = &call->session->out;

	if (out->n_taken > call->sent.begin ||
	    call->sent.end - call->sent.begin > FRAME_FRAGMENT) /* its payload is elsewhere */
		return false;
	buf_reset(&stream->caller.unsent);
	buf_append(&stream->caller.unsent, out->queue.data + outbox_index(out, call->sent.begin),
		   (size_t)(call->sent.end - call->sent.begin));
	return !stream->caller.unsent.broken;
}

bool peer_stream_may_detach(pyr_stream *stream)
{
	const struct outcall *call = stream->caller.call;
	const struct peer *peer = call->session->peer;
	bool is_lost = !peer->is_ending && !peer->is_going_away &&
		       (!peer->closed_code || peer->closed_code == PYR_UNAVAILABLE);
	bool keeps = !peer->has_hello || peer->theirs.linger_ms > 0; /* as far as is known */

	if (call->sent.carried || call->result.held || stream->caller.stays)
		return false; /* its references were passed over this link */
	if (!is_lost || stream->is_resuming)
		return is_lost;
	return stream->caller.has_token && keeps &&
	       (call->result.may_have_run || (peer->has_hello && keep_unsent(stream)));
}

void peer_stream_detach(struct peer *peer, pyr_stream *stream)
{
	struct outcall *call = stream->caller.call;

	buf_reset(&call->result.answer); /* a part of it comes again */
	buf_reset(&call->result.notes);
	peer_stream_leave(peer, stream, false);
}

static enum stream_state state_of(pyr_stream *stream)
{
	enum stream_state state;

	pthread_mutex_lock(&stream->lock);
	state = stream->state;
	pthread_mutex_unlock(&stream->lock);
	return state;
}

bool peer_stream_is_lost(pyr_stream *stream)
{
	return state_of(stream) == STREAM_LOST;
}

bool peer_stream_is_over(pyr_stream *stream)
{
	enum stream_state state = state_of(stream);

	return state == STREAM_DONE || state == STREAM_FAILED;
}

bool peer_stream_end_lost(pyr_stream *stream, int code, const char *text)
{
	struct outcall *call = stream->caller.call;
	bool is_lost;

	pthread_mutex_lock(&stream->lock);
	is_lost = stream->state == STREAM_LOST;
	if (is_lost) {
		call->result.may_have_run = stream->caller.unsent.n == 0;
		outcall_fail(call, code, text);
		stream->state = STREAM_FAILED; /* nobody takes it up from here on */
	}
	pthread_mutex_unlock(&stream->lock);
	if (is_lost)
		outcall_complete(call);
	return is_lost;
}

void peer_stream_through(pyr_stream *stream)
{
	struct outcall *call = stream->caller.call;
	struct peer *peer = call->session->peer;
	struct frame frame = { .type = FRAME_CANCEL, .number = call->sent.number };

	if (stream->caller.has_token && peer->theirs.linger_ms > 0)
		peer_queue(peer, &frame);
}

/* ---- taking it up again ---- */

static bool takes_streams(const struct session *session)
{
	return session_is_open(session) && session->state != SESSION_FAILED &&
	       !session->peer->is_going_away;
}

static void put_resume(pyr_stream *stream, struct session *session)
{
	struct frame frame = { .type = FRAME_RESUME, .critical = 1 };
	struct outcall *call = stream->caller.call;

	frame.number = call->sent.number;
	frame.session = session->number;
	frame.token = (struct span){ stream->caller.token, STREAM_TOKEN };
	frame.received = stream->in.parts;
	frame.consumed = stream->in.consumed;
	frame.attempt = ++stream->caller.attempt;
	stream->in.room += stream->in.owed; /* told so */
	stream->in.owed = 0;
	call->sent.begin = session->out.n_queued;
	if (!session_append(session, &frame, 0))
		peer_lose_frame(session->peer);
	call->sent.end = session->out.n_queued;
}

/* The rest of describe(), in peer_out.c, holds in every session. */
static void describe_again(const struct outcall *call, struct frame *frame)
{
	const struct session *session = call->session;
	const struct pyr__operation *table = session_operation(session->interface, call->operation);
	int64_t left = (call->deadline - engine_now()) / 1000;

	frame->operation = 0;
	frame->name = span_of(table->name);
	frame->fingerprint = table->fingerprint;
	if (call->deadline != ENGINE_FOREVER)
		frame->time_left = left > 0 ? (uint64_t)left : 1;
}

/* The Call that never left. Returns false if memory is out. */
static bool put_unsent(pyr_stream *stream, struct session *session)
{
	const uint8_t *at = stream->caller.unsent.data;
	struct outcall *call = stream->caller.call;
	struct buf annotations = { 0 };
	struct frame frame;
	uint8_t *to;

	if (frame_read(&at, at + stream->caller.unsent.n, &frame) != 1)
		return false; /* cannot be: it was written here */
	frame.number = call->sent.number;
	frame.session = session->number;
	describe_again(call, &frame);
	annotations_copy(frame.body, ANNOTATIONS_OF_CALL, &annotations);
	frame.annotation = (struct span){ 0 };
	frame.body = span_of_buf(&annotations);
	call->sent.begin = session->out.n_queued;
	to = session_append(session, &frame, frame.payload.n);
	if (to && frame.payload.n > 0)
		memcpy(to, frame.payload.p, frame.payload.n);
	call->sent.end = session->out.n_queued;
	buf_free(&annotations);
	return to != NULL;
}

/* Nothing of it was ever sent: so it begins there, with what was written meanwhile. Returns false
 * if memory is out. */
static bool begin_anew(pyr_stream *stream, struct session *session)
{
	static const struct frame nothing_came = { 0 };

	if (!put_unsent(stream, session))
		return false;
	buf_free(&stream->caller.unsent);
	peer_stream_set_limits(session->peer, stream);
	stream->out.has_window = session->peer->has_hello;
	return peer_stream_resend(stream, stream->caller.call->sent.number, &nothing_came);
}

/* With both locks. Returns the session that it was in, NULL if it cannot be, for now. */
static struct session *begin(pyr_stream *stream, struct session *session)
{
	struct outcall *call = stream->caller.call;
	struct session *before = call->session;

	if (stream->state != STREAM_LOST || !takes_streams(session))
		return NULL;
	if (session->state == SESSION_NEW)
		session_put_bind(session, NULL);
	call->session = session;
	if (session->state == SESSION_NEW || !outcall_take_number(session->peer, call, false)) {
		call->session = before;
		return NULL;
	}
	session_ref(session);
	stream->is_resuming = stream->caller.unsent.n == 0;
	if (stream->is_resuming) {
		put_resume(stream, session);
	} else if (!begin_anew(stream, session)) {
		outcall_free_number(session->peer, call);
		return before;
	}
	stream->state = STREAM_OPEN;
	peer_stream_enter(session->peer, stream, call->sent.number);
	if (!stream->is_resuming)
		peer_stream_settle(session->peer, stream);
	return before;
}

void peer_stream_resume(pyr_stream *stream, struct session *session)
{
	struct peer *peer = session->peer;
	struct session *before;

	pthread_mutex_lock(&peer->lock);
	pthread_mutex_lock(&stream->lock);
	before = begin(stream, session);
	pthread_mutex_unlock(&stream->lock);
	peer_flush_unlock(peer);
	session_unref(before);
}

bool peer_resume_refused(struct outcall *call, const struct frame *frame)
{
	char text[256];
	int n;

	if (!call->stream->is_resuming || frame->code != PYR_UNIMPLEMENTED)
		return false;
	n = snprintf(text, sizeof(text),
		     "ConnectionClosed: %s does not keep streams of a lost connection",
		     call->session->peer->link->address);
	buf_reset(&call->result.answer);
	buf_append(&call->result.answer, text, (size_t)n);
	call->result.code = PYR_UNAVAILABLE;
	call->result.is_remote = false;
	call->result.may_have_run = true;
	return true;
}

/* What is queued already, and counted as to be sent, is queued anew. Returns false if it cannot be.
 */
static bool resend_here(struct peer *peer, pyr_stream *stream, const struct frame *told)
{
	size_t before = stream->out.queue.n_unsent;
	bool ok = peer_stream_resend(stream, stream->route.number, told);

	if (!stream->out.is_parked)
		atomic_fetch_add(&peer->out.backlog, stream->out.queue.n_unsent - before);
	return ok;
}

void peer_on_resumed(struct peer *peer, const struct frame *frame)
{
	struct outcall *call = peer_live_call(peer, frame->number);
	pyr_stream *stream = call ? call->stream : NULL;
	bool ok;

	if (!stream || !stream->is_resuming)
		return;
	pthread_mutex_lock(&stream->lock);
	stream->is_resuming = false;
	ok = resend_here(peer, stream, frame);
	if (ok)
		stream_grant_all(stream);
	peer_stream_settle(peer, stream);
	pthread_mutex_unlock(&stream->lock);
	if (ok)
		stream_wake(stream);
	else
		outcall_abort(call, PYR_INTERNAL,
			      "ProtocolError: a stream cannot be resumed at the place that the "
			      "other end names");
}
