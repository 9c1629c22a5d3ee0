/* SPDX-License-Identifier: MIT */
/*
 * Streams over a link: items leave through an outbox of their own, so that many of them do not
 * stand before other calls; credit goes first. All state is under the peer's lock.
 */
#include <openssl/rand.h>

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "peer/peer.h"
#include "peer/peer_in.h"
#include "peer/peer_linger.h"
#include "peer/session.h"
#include "peer/stream.h"

uint32_t peer_stream_window(bool is_local)
{
	return is_local ? STREAM_WINDOW_NEAR : STREAM_WINDOW_FAR;
}

static pyr_stream *stream_of(struct outbox *outbox)
{
	return (pyr_stream *)((char *)outbox - offsetof(pyr_stream, out));
}

static void hold(struct outbox *outbox)
{
	stream_ref(stream_of(outbox));
}

static void release(struct outbox *outbox)
{
	stream_unref(stream_of(outbox));
}

static struct buf *place(struct outbox *outbox)
{
	return kept_place(&stream_of(outbox)->kept, outbox);
}

static void sent(struct outbox *outbox)
{
	kept_sent(&stream_of(outbox)->kept, outbox);
}

/* A frame was queued. is_last: no credit will tell that it came. */
static void mark(pyr_stream *stream, bool is_last)
{
	kept_mark(&stream->kept,
		  (struct kept_end){ stream->out_parts, is_last ? UINT64_MAX : stream->out_cost });
}

static uint8_t *append_item(struct peer *peer, pyr_stream *stream, uint32_t number,
			    const struct stream_part *part)
{
	struct frame frame = { .type = FRAME_ITEM, .number = number, .value = part->sequence };
	uint8_t *at;

	frame.to_caller = !stream->is_callers;
	frame.flags = part->flags;
	frame.total = part->total;
	at = outbox_append(peer, &stream->out, &frame, part->payload.n);
	stream->out_parts++;
	stream->out_cost += part->payload.n + STREAM_COST;
	mark(stream, false);
	return at;
}

static void grant(struct peer *peer, const pyr_stream *stream, uint32_t number, size_t n)
{
	struct frame frame = { .type = FRAME_CREDIT, .number = number, .value = n };

	frame.to_caller = !stream->is_callers;
	peer_queue(peer, &frame);
}

static void set_limits(struct peer *peer, pyr_stream *stream)
{
	__atomic_store_n(&stream->lock, &peer->lock, __ATOMIC_RELEASE);
	stream->window = stream->in_room = peer_stream_window(peer->link->is_local);
	stream->out_window = stream->out_room = peer->their_window;
	stream->their_max_item = peer->their_max_message;
}

/* ---- the caller's end ---- */

static struct peer *caller_peer(const pyr_stream *stream)
{
	return __atomic_load_n(&stream->outcall->session, __ATOMIC_ACQUIRE)->peer;
}

static enum stream_state caller_state(const pyr_stream *stream)
{
	if (!atomic_load(&stream->outcall->waiter.ready))
		return atomic_load(&stream->is_detached) ? STREAM_LOST : STREAM_OPEN;
	return stream->outcall->code == 0 ? STREAM_DONE : STREAM_FAILED;
}

static uint8_t *caller_append(pyr_stream *stream, const struct stream_part *part)
{
	return append_item(caller_peer(stream), stream, stream->outcall->number, part);
}

static void caller_grant(pyr_stream *stream, size_t n)
{
	if (stream->outcall->number)
		grant(caller_peer(stream), stream, stream->outcall->number, n);
}

static void caller_end(pyr_stream *stream)
{
	struct frame frame = { .type = FRAME_END, .number = stream->outcall->number };

	if (atomic_load(&stream->is_detached))
		frame.number = 1; /* any: it gets another */
	if (!frame.number)
		return;
	outbox_append(caller_peer(stream), &stream->out, &frame, 0);
	stream->out_parts++;
	mark(stream, true);
}

static void caller_flush_unlock(pyr_stream *stream)
{
	peer_flush_unlock(caller_peer(stream));
}

static int64_t caller_until(pyr_stream *stream)
{
	struct peer *peer = caller_peer(stream);
	int64_t until = stream->outcall->deadline;

	pthread_mutex_lock(&peer->lock);
	if (!peer->has_hello && peer->connect_until < until)
		until = peer->connect_until;
	pthread_mutex_unlock(&peer->lock);
	return until;
}

static void caller_expire(pyr_stream *stream)
{
	struct peer *peer = caller_peer(stream);
	char text[256];

	if (engine_now() < stream->outcall->deadline) {
		peer_close(peer, PYR_UNAVAILABLE, "failed to connect in time");
		return;
	}
	snprintf(text, sizeof(text), "TimeoutError: the stream from %s did not end in time",
		 peer->link->address);
	outcall_cancel(stream->outcall, PYR_DEADLINE_EXCEEDED, text);
}

/* The link is gone, the call is not over. */
static int lost_error(pyr_stream *stream)
{
	const struct session *session;
	struct error_info error = { .code = PYR_UNAVAILABLE, .may_have_run = true };
	char text[512];

	stream_lock(stream);
	session = stream->outcall->session;
	if (session->peer->is_closed)
		session_loss(session->peer, text, sizeof(text), true);
	else /* another thread has just taken it elsewhere */
		snprintf(text, sizeof(text), "ConnectionClosed: %s: connection closed",
			 session->peer->link->address);
	pthread_mutex_unlock(stream->lock);
	error.message = text;
	error.object = session->object;
	error.operation = stream->operation->table->name;
	error.address = session->peer->link->address;
	return error_set_info(&error);
}

static int caller_error(pyr_stream *stream)
{
	if (!atomic_load(&stream->outcall->waiter.ready))
		return lost_error(stream);
	return outcall_error(stream->outcall);
}

static const struct stream_kind caller_kind = {
	FRAME_FRAGMENT,      caller_state, caller_append, caller_grant, caller_end,
	caller_flush_unlock, caller_until, caller_expire, caller_error,
};

/* Items follow their call, which waits in the session's outbox. */
static bool may_send(struct outbox *outbox)
{
	const pyr_stream *stream = stream_of(outbox);
	const struct outcall *call = stream->outcall;

	return !stream->is_resuming && call->session->out.n_taken >= call->end;
}

static const struct outbox_owner caller_outbox = { hold, release, may_send, place, sent };

/* It can be resumed, unless the other end is known not to keep streams. */
static void set_token(struct peer *peer, pyr_stream *stream)
{
	stream->has_token = (!peer->has_hello || peer->their_linger_ms > 0) &&
			    RAND_bytes(stream->token, sizeof(stream->token)) == 1;
	stream->kept.is_on = stream->has_token;
}

void peer_stream_call(pyr_stream *stream, struct session *session)
{
	struct peer *peer = session->peer;

	pthread_mutex_lock(&peer->lock);
	stream->kind = &caller_kind;
	stream->out.owner = &caller_outbox;
	stream->max_item = peer->max_reply;
	stream->has_window = peer->has_hello;
	set_limits(peer, stream);
	set_token(peer, stream);
	pthread_mutex_unlock(&peer->lock);
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
	if (call->stream && call->stream->has_token)
		frame->token = (struct span){ call->stream->token, STREAM_TOKEN };
}

void peer_stream_over(pyr_stream *stream)
{
	outbox_discard(caller_peer(stream), &stream->out);
	kept_clear(&stream->kept, &stream->out);
}

void peer_stream_hello(struct peer *peer, const struct frame *frame)
{
	uint32_t window = frame->window > STREAM_WINDOW_FIRST ? frame->window : STREAM_WINDOW_FIRST;
	pyr_stream *stream;
	uint32_t i;

	for (i = 0; i < peer->n_slots; i++) {
		stream = peer->slots[i].call ? peer->slots[i].call->stream : NULL;
		if (!stream || stream->has_window)
			continue;
		stream->has_window = true;
		stream->kept.is_on &= peer->their_linger_ms > 0;
		stream->out_room += window - peer->their_window;
		stream->out_window = window;
		stream->their_max_item = peer->their_max_message;
		stream_wake(stream);
	}
	peer->their_window = window;
}

/* ---- the method's end ---- */

struct peer *peer_stream_home(const pyr_stream *stream)
{
	return (struct peer *)((char *)stream->lock - offsetof(struct peer, lock));
}

static bool is_live(const pyr_stream *stream)
{
	const pyr_call *call = stream->call;

	if (!call)
		return false;
	return stream->is_detached ||
	       numtab_get(&peer_stream_home(stream)->calls_taken, call->number) == call;
}

static enum stream_state method_state(const pyr_stream *stream)
{
	return is_live(stream) && stream_is_wanted(stream) ? STREAM_OPEN : STREAM_FAILED;
}

static uint8_t *method_append(pyr_stream *stream, const struct stream_part *part)
{
	return append_item(peer_stream_home(stream), stream, stream->call->number, part);
}

static void method_grant(pyr_stream *stream, size_t n)
{
	if (is_live(stream) && !stream->is_detached)
		grant(peer_stream_home(stream), stream, stream->call->number, n);
}

static void method_flush_unlock(pyr_stream *stream)
{
	peer_flush_unlock(peer_stream_home(stream));
}

static const struct stream_kind method_kind = {
	FRAME_FRAGMENT,      method_state,        method_append,        method_grant,        NULL,
	method_flush_unlock, stream_method_until, stream_method_expire, stream_method_error,
};

static const struct outbox_owner method_outbox = { hold, release, NULL, place, sent };

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
	stream->held = &peer->n_held_bytes;
	stream->max_held = (size_t)PEER_MAX_REQUESTS * peer->host->max_message;
	stream->max_item = peer->host->max_message;
	stream->lifetime_ms = peer->host->stream_lifetime_ms;
	set_limits(peer, stream);
	call->stream = stream;
	call->number = frame->number;
	peer_linger_begin(peer, call, frame->token);
	return true;
}

/* A frame of the answer; payload: its part of it. */
static bool append_last(pyr_stream *stream, const struct frame *frame, struct span payload)
{
	uint8_t *at = outbox_append(peer_stream_home(stream), &stream->out, frame, payload.n);

	if (at && payload.n > 0)
		memcpy(at, payload.p, payload.n);
	mark(stream, true);
	return at != NULL;
}

bool peer_stream_last(pyr_call *call, const struct frame *frame, struct span payload)
{
	pyr_stream *stream = call->stream;
	struct frame last = *frame;
	struct span part = payload;
	bool ok;

	if (!stream || (!stream->linger && outbox_is_empty(&stream->out)))
		return false;
	last.number = call->number;
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
	return true;
}

void stream_release(pyr_stream *stream)
{
	if (!stream)
		return;
	/* No frame finds it any more; only its outbox may still be in the peer's ring. */
	stream_drop_items(stream);
	stream->call = NULL;
	stream_unref(stream);
}

/* ---- frames; in the leader, with the lock ---- */

static void refuse(struct peer *peer, pyr_call *call, int code, const char *text)
{
	struct frame error = { .type = FRAME_ERROR, .number = call->number };

	error.code = (uint32_t)code;
	error.message = span_of(text);
	peer_remove_call(peer, call);
	peer_progress(peer);
	peer_linger_end(call->stream);
	outbox_discard(peer, &call->stream->out);
	peer_queue(peer, &error);
	incall_cancel(call);
	incall_unref(call);
}

/* The call that a frame is about: one of the two, or none if it is over here. */
struct about {
	pyr_call *taken;
	struct outcall *made;
	pyr_stream *stream; /* NULL: it has none */
};

static bool find(struct peer *peer, const struct frame *frame, struct about *ret)
{
	*ret = (struct about){ 0 };
	if (frame->to_caller)
		ret->made = peer_live_call(peer, frame->number);
	else
		ret->taken = numtab_get(&peer->calls_taken, frame->number);
	if (ret->made)
		ret->stream = ret->made->stream;
	else if (ret->taken)
		ret->stream = ret->taken->stream;
	return ret->stream != NULL;
}

static void fail(struct peer *peer, const struct about *about, int code, const char *text)
{
	if (about->made)
		outcall_abort(about->made, code, text);
	else
		refuse(peer, about->taken, code, text);
}

void peer_on_item(struct peer *peer, const struct frame *frame)
{
	struct stream_part part = { .sequence = frame->value, .payload = frame->payload };
	struct about about;
	char text[192];
	int code;

	if (!find(peer, frame, &about))
		return;
	part.flags = frame->flags;
	part.total = frame->total;
	code = stream_take(about.stream, &part, text, sizeof(text));
	if (code)
		fail(peer, &about, code, text);
}

void peer_on_end(struct peer *peer, const struct frame *frame)
{
	struct about about;

	if (frame->to_caller || !find(peer, frame, &about))
		return;
	if (!stream_take_end(about.stream))
		fail(peer, &about, PYR_INTERNAL,
		     "ProtocolError: the end of a stream that was not open");
}

void peer_on_credit(struct peer *peer, const struct frame *frame)
{
	struct about about;

	if (find(peer, frame, &about))
		stream_take_credit(about.stream, frame->value);
}
