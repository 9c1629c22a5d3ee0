/* SPDX-License-Identifier: MIT */
/*
 * Streams whose link was lost go on over another: the caller's end, and what is the same at both.
 * The method's end is in peer_linger.c. A stream has one lock at a time, its peer's; to move it
 * both are taken, that of the new peer first. The old one is closed, and nothing moves to it any
 * more.
 */
#include <stdio.h>
#include <stdlib.h>

#include "peer/peer.h"
#include "peer/session.h"
#include "peer/stream.h"

bool peer_stream_detach(pyr_stream *stream)
{
	struct outcall *call = stream->outcall;
	const struct peer *peer = call->session->peer;
	bool is_lost = !peer->is_ending && !peer->is_going_away &&
		       (!peer->closed_code || peer->closed_code == PYR_UNAVAILABLE);
	bool keeps = !peer->has_hello || peer->their_linger_ms > 0; /* as far as is known */
	bool may_resume = stream->is_resuming || (stream->has_token && keeps && call->may_have_run);

	if (!is_lost || !may_resume)
		return false;
	stream->is_resuming = false;
	atomic_store(&stream->is_detached, true);
	buf_reset(&call->answer); /* a part of it comes again */
	buf_reset(&call->notes);
	stream_wake(stream);
	return true;
}

void peer_stream_through(pyr_stream *stream)
{
	struct outcall *call = stream->outcall;
	struct peer *peer = call->session->peer;
	struct frame frame = { .type = FRAME_CANCEL, .number = call->number };

	if (stream->has_token && peer->their_linger_ms > 0)
		peer_queue(peer, &frame);
}

/* ---- taking it up again ---- */

static bool is_open(const struct session *session)
{
	const struct peer *peer = session->peer;

	return !session->is_unbound && session->state != SESSION_FAILED && !peer->is_closed &&
	       !peer->is_ending && !peer->is_going_away;
}

static void put_resume(pyr_stream *stream, struct session *session)
{
	struct frame frame = { .type = FRAME_RESUME, .critical = 1 };
	struct outcall *call = stream->outcall;

	frame.number = call->number;
	frame.session = session->number;
	frame.token = (struct span){ stream->token, STREAM_TOKEN };
	frame.received = stream->in_parts;
	frame.consumed = stream->in_consumed;
	frame.attempt = ++stream->attempt;
	stream->in_room += stream->owed; /* told so */
	stream->owed = 0;
	call->begin = session->out.n_queued;
	session_append(session, &frame, 0);
	call->end = session->out.n_queued;
}

/* With both locks. Returns false if it cannot be, for now. */
static bool begin(pyr_stream *stream, struct session *session, struct stream_former *former)
{
	struct outcall *call = stream->outcall;

	if (!atomic_load(&stream->is_detached) || !is_open(session))
		return false;
	if (session->state == SESSION_NEW)
		session_put_bind(session);
	if (session->state == SESSION_NEW || !outcall_take_number(session->peer, call, false))
		return false;
	former->session = call->session;
	session_ref(session);
	__atomic_store_n(&call->session, session, __ATOMIC_RELEASE);
	stream->is_resuming = true;
	atomic_store(&stream->is_detached, false);
	put_resume(stream, session);
	stream_move(stream, &session->peer->lock, former);
	return true;
}

void peer_stream_resume(pyr_stream *stream, struct session *session)
{
	struct stream_former *former = calloc(1, sizeof(*former));
	struct peer *peer = session->peer;
	pthread_mutex_t *old;
	bool has_begun = false;

	if (!former)
		return;
	pthread_mutex_lock(&peer->lock);
	old = __atomic_load_n(&stream->lock, __ATOMIC_ACQUIRE);
	if (old != &peer->lock) { /* else another thread was here before */
		pthread_mutex_lock(old);
		has_begun = old == __atomic_load_n(&stream->lock, __ATOMIC_RELAXED) &&
			    begin(stream, session, former);
		pthread_mutex_unlock(old);
	}
	peer_flush_unlock(peer);
	if (!has_begun)
		free(former);
}

bool peer_resume_refused(struct outcall *call, const struct frame *frame)
{
	char text[256];
	int n;

	if (!call->stream->is_resuming || frame->code != PYR_UNIMPLEMENTED)
		return false;
	n = snprintf(text, sizeof(text), "ConnectionClosed: %s keeps no streams of a lost link",
		     call->session->peer->link->address);
	buf_reset(&call->answer);
	buf_append(&call->answer, text, (size_t)n);
	call->code = PYR_UNAVAILABLE;
	call->is_remote = false;
	call->may_have_run = true;
	return true;
}

/* ---- what is sent again; with the lock ---- */

/* What the other end tells may be. */
static bool is_possible(const pyr_stream *stream, const struct frame *told)
{
	return told->received >= stream->kept.n_forgotten && told->received <= stream->out_parts &&
	       told->consumed >= stream->out_consumed && told->consumed <= stream->out_cost;
}

struct resend {
	struct peer *peer;
	pyr_stream *stream;
	uint32_t number;
	uint64_t received, part;
};

/* Frames of the answer, which are no parts, go again in any case. */
static void resend_frame(struct resend *r, enum frame_type type, struct span frame)
{
	struct kept *kept = &r->stream->kept;
	struct kept_end end = { .cost = r->stream->out_cost }; /* at most */

	r->part += type == FRAME_ITEM || type == FRAME_END;
	end.n_parts = r->part;
	if (type != FRAME_ITEM)
		end.cost = UINT64_MAX;
	if (r->part > r->received || type == FRAME_REPLY || type == FRAME_ERROR)
		outbox_append_again(r->peer, &r->stream->out, frame, r->number);
	else
		kept->n_forgotten = r->part;
	kept_mark(kept, end);
}

static void resend_chunk(struct resend *r, const struct buf *frames)
{
	const uint8_t *at = frames->data, *next = at, *end = at + frames->n;
	struct frame frame;

	for (; frame_read(&next, end, &frame) > 0; at = next)
		resend_frame(r, frame.type, (struct span){ at, (size_t)(next - at) });
}

bool peer_stream_resend(struct peer *peer, pyr_stream *stream, uint32_t number,
			const struct frame *told)
{
	struct resend r = { peer, stream, number, told->received, stream->kept.n_forgotten };
	struct kept_chunk *chunks, *chunk;
	bool ok = is_possible(stream, told);

	if (!ok)
		return false;
	chunks = kept_take(&stream->kept, &stream->out, &ok);
	for (chunk = chunks; chunk; chunk = chunk->next)
		resend_chunk(&r, &chunk->frames);
	kept_free(chunks);
	stream->out_consumed = told->consumed;
	stream->out_room = stream->out_window - (int64_t)(stream->out_cost - told->consumed);
	return ok;
}

void peer_on_resumed(struct peer *peer, const struct frame *frame)
{
	struct outcall *call = peer_live_call(peer, frame->number);
	pyr_stream *stream = call ? call->stream : NULL;

	if (!stream || !stream->is_resuming)
		return;
	stream->is_resuming = false;
	outbox_park(peer, &stream->out);
	if (!peer_stream_resend(peer, stream, call->number, frame)) {
		outcall_abort(call, PYR_INTERNAL,
			      "ProtocolError: a stream cannot go on where the other end says");
		return;
	}
	stream_grant_all(stream);
	stream_wake(stream);
}
