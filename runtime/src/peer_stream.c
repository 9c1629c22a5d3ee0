/* SPDX-License-Identifier: MIT */
/*
 * Streams over a link: items leave through an outbox of their own, so that many of them do not
 * stand before other calls; credit goes first. All state is under the peer's lock.
 */
#include <stdio.h>

#include "peer.h"
#include "session.h"
#include "stream.h"

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

static uint8_t *append_item(struct peer *peer, pyr_stream *stream, uint32_t number,
			    const struct stream_part *part)
{
	struct frame frame = { .type = FRAME_ITEM, .number = number, .value = part->sequence };

	frame.to_caller = !stream->is_callers;
	frame.flags = part->flags;
	frame.total = part->total;
	return outbox_append(peer, &stream->out, &frame, part->payload.n);
}

static void grant(struct peer *peer, const pyr_stream *stream, uint32_t number, size_t n)
{
	struct frame frame = { .type = FRAME_CREDIT, .number = number, .value = n };

	frame.to_caller = !stream->is_callers;
	peer_queue(peer, &frame);
}

static void set_limits(struct peer *peer, pyr_stream *stream)
{
	stream->lock = &peer->lock;
	stream->window = stream->in_room = peer_stream_window(peer->link->is_local);
	stream->out_window = stream->out_room = peer->their_window;
	stream->their_max_item = peer->their_max_message;
}

/* ---- the caller's end ---- */

static struct peer *caller_peer(const pyr_stream *stream)
{
	return stream->outcall->session->peer;
}

static enum stream_state caller_state(const pyr_stream *stream)
{
	if (!atomic_load(&stream->outcall->waiter.ready))
		return STREAM_OPEN;
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

	if (frame.number)
		outbox_append(caller_peer(stream), &stream->out, &frame, 0);
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

static int caller_error(pyr_stream *stream)
{
	return outcall_error(stream->outcall);
}

static const struct stream_kind caller_kind = {
	FRAME_FRAGMENT,      caller_state, caller_append, caller_grant, caller_end,
	caller_flush_unlock, caller_until, caller_expire, caller_error,
};

/* Items follow their call, which waits in the session's outbox. */
static bool has_left(struct outbox *outbox)
{
	const struct outcall *call = stream_of(outbox)->outcall;

	return call->session->out.n_taken >= call->end;
}

static const struct outbox_owner caller_outbox = { hold, release, has_left };

void peer_stream_call(pyr_stream *stream, struct session *session)
{
	struct peer *peer = session->peer;

	pthread_mutex_lock(&peer->lock);
	stream->kind = &caller_kind;
	stream->out.owner = &caller_outbox;
	stream->max_item = peer->max_reply;
	set_limits(peer, stream);
	pthread_mutex_unlock(&peer->lock);
}

void peer_stream_over(pyr_stream *stream)
{
	outbox_discard(caller_peer(stream), &stream->out);
	stream_wake(stream);
}

void peer_stream_hello(struct peer *peer, const struct frame *frame)
{
	uint32_t window = frame->window > STREAM_WINDOW_FIRST ? frame->window : STREAM_WINDOW_FIRST;
	pyr_stream *stream;
	uint32_t i;

	for (i = 0; i < peer->n_slots; i++) {
		stream = peer->slots[i].call ? peer->slots[i].call->stream : NULL;
		if (!stream)
			continue;
		stream->out_room += window - peer->their_window;
		stream->out_window = window;
		stream->their_max_item = peer->their_max_message;
		stream_wake(stream);
	}
	peer->their_window = window;
}

/* ---- the method's end ---- */

/* NULL once the call was answered. */
static struct peer *method_peer(const pyr_stream *stream)
{
	return (struct peer *)((char *)stream->lock - offsetof(struct peer, lock));
}

static bool is_live(const pyr_stream *stream)
{
	const pyr_call *call = stream->call;

	return call && numtab_get(&method_peer(stream)->calls_taken, call->number) == call;
}

static enum stream_state method_state(const pyr_stream *stream)
{
	return is_live(stream) && stream_is_wanted(stream) ? STREAM_OPEN : STREAM_FAILED;
}

static uint8_t *method_append(pyr_stream *stream, const struct stream_part *part)
{
	return append_item(method_peer(stream), stream, stream->call->number, part);
}

static void method_grant(pyr_stream *stream, size_t n)
{
	if (is_live(stream))
		grant(method_peer(stream), stream, stream->call->number, n);
}

static void method_flush_unlock(pyr_stream *stream)
{
	peer_flush_unlock(method_peer(stream));
}

static const struct stream_kind method_kind = {
	FRAME_FRAGMENT,      method_state,        method_append,        method_grant,        NULL,
	method_flush_unlock, stream_method_until, stream_method_expire, stream_method_error,
};

static const struct outbox_owner method_outbox = { hold, release, NULL };

bool peer_stream_serve(struct peer *peer, pyr_call *call)
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
	return true;
}

bool peer_stream_last(pyr_call *call, const struct frame *frame)
{
	pyr_stream *stream = call->stream;
	struct frame last = *frame;

	if (!stream || stream->out.queue.n == 0)
		return false;
	last.number = call->number;
	outbox_append(method_peer(stream), &stream->out, &last, 0);
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
	numtab_remove(&peer->calls_taken, call->number);
	peer_progress(peer);
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
