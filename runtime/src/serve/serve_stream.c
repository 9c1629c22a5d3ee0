/* SPDX-License-Identifier: MIT */
/* The method's end of a stream over a link. */
#include "serve/serve_stream.h"

#include <string.h>

#include "exec/exec.h"
#include "incall/incall_stream.h"
#include "reference/references.h"
#include "serve/peer_in.h"
#include "serve/peer_linger.h"

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
	return has_room(stream, stream_part_cost(part)) ? peer_stream_append(stream, part) : NULL;
}

/* Until when a caller whose link was lost holds up others; ENGINE_FOREVER: it has one. */
static int64_t grace_of(pyr_stream *stream)
{
	int64_t end = ENGINE_FOREVER;

	pthread_mutex_lock(&stream->lock);
	if (!stream->route.peer && stream->method.linger)
		end = stream->method.lost_at + STREAM_GRACE_MS * (int64_t)ENGINE_MS;
	pthread_mutex_unlock(&stream->lock);
	return end;
}

/* Waits as engine_wait(). In a serial daemon not for long for a caller without a link while others
 * wait for the thread: then the call ends. */
static bool method_wait(pyr_stream *stream, struct engine_waiter *waiter, int64_t until)
{
	int64_t grace = grace_of(stream);
	bool is_woken;

	if (grace == ENGINE_FOREVER || !exec_watch(waiter))
		return engine_wait(waiter, until);
	if (!exec_has_work()) {
		is_woken = engine_wait(waiter, until); /* work that comes ends it */
	} else if (engine_now() < grace) {
		is_woken = engine_wait(waiter, grace < until ? grace : until);
	} else {
		peer_linger_give_way(stream);
		is_woken = true;
	}
	exec_unwatch();
	return is_woken;
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
	method_wait,
	stream_method_error,
	peer_linger_forgo,
	stream_lock_peer,
};

static const struct outbox_owner method_outbox = { peer_stream_hold, peer_stream_release,
						   peer_stream_take, peer_stream_lost };

/* Of one that is handed on its caller alone tells. */
static const struct codec_operation *operation_of(const pyr_call *call, const struct frame *frame)
{
	if (call->object->forward)
		return codec_stream_as_it_came(frame->flags & FRAME_STREAM_IN,
					       frame->flags & FRAME_STREAM_OUT);
	return &call->object->interface->operations[call->operation];
}

bool peer_stream_serve(struct peer *peer, pyr_call *call, const struct frame *frame)
{
	const struct codec_operation *operation = operation_of(call, frame);
	pyr_stream *stream;

	if (!operation->in_item && !operation->out_item)
		return true;
	stream = stream_new(operation, false);
	if (!stream)
		return false;
	stream->kind = &method_kind;
	stream->out.box.owner = &method_outbox;
	stream->method.call = call;
	stream->max_item = peer->limits.max_message;
	stream->method.lifetime_ms = peer->host->stream_lifetime_ms;
	peer_stream_set_limits(peer, stream);
	peer_stream_enter(peer, stream, frame->number); /* nobody else knows it yet */
	call->stream = stream;
	call->request.number = frame->number;
	if (!(frame->flags & FRAME_REFERENCES) && !call->object->forward) /* of this link */
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

/* The answer cannot be told, or a part of it is queued: the link goes, and the answer with it. If
 * no link carries it, its caller, who comes back, finds that it is not kept. */
static void lose(pyr_stream *stream)
{
	if (!stream->route.peer)
		peer_linger_lose(stream);
	else if (!stream->out.is_parked)
		peer_lose_frame(stream->route.peer);
}

enum last_frame peer_stream_last(pyr_call *call, const struct frame *frame, struct span payload)
{
	pyr_stream *stream = call->stream;
	struct frame last = *frame;
	struct span part = payload;
	bool ok, is_first = true, is_begun = false;

	if (!stream || (!stream->method.linger && stream->out.queue.n_unsent == 0))
		return LAST_ALONE;
	last.total = payload.n > FRAME_FRAGMENT ? (uint32_t)payload.n : 0;
	do {
		part.n = payload.n < FRAME_FRAGMENT ? payload.n : FRAME_FRAGMENT;
		payload.n -= part.n;
		last.flags = is_first ? frame->flags : FRAME_CONTINUES;
		last.flags |= payload.n > 0 ? FRAME_MORE : 0;
		is_first = false;
		ok = append_last(stream, &last, part);
		is_begun |= ok;
		part.p = span_end(part);
		last.total = 0;
		last.body = (struct span){ 0 };
	} while (ok && payload.n > 0);
	stream_charge_queue(stream);
	if (!ok && (is_begun || (!stream->route.peer && frame->type == FRAME_ERROR))) {
		lose(stream);
		return LAST_QUEUED;
	}
	return ok ? LAST_QUEUED : LAST_NO_MEMORY;
}

void peer_stream_close(pyr_stream *stream)
{
	pthread_mutex_lock(&stream->lock);
	stream->state = STREAM_FAILED;
	pthread_mutex_unlock(&stream->lock);
}

/* ---- frames; in the leader, with the lock ---- */

/* Returns NULL if the call has no streams, or is over here. */
static pyr_call *find(struct peer *peer, const struct frame *frame)
{
	pyr_call *call = numtab_get(&peer->taken.calls, frame->number);

	return call && call->stream ? call : NULL;
}

static void refuse(struct peer *peer, pyr_call *call, int code, const char *text)
{
	struct frame error = { .type = FRAME_ERROR, .number = call->request.number };

	error.code = (uint32_t)code;
	error.message = span_of(text);
	incall_cancel(call);
	peer_remove_call(peer, call);
	peer_progress(peer);
	peer_linger_end(peer, call->stream);
	peer_queue(peer, &error);
	incall_unref(call);
}

void serve_on_item(struct peer *peer, const struct frame *frame)
{
	pyr_call *call = find(peer, frame);
	char text[192];
	int code;

	if (!call) {
		references_refuse(peer, frame);
		return;
	}
	code = peer_stream_item(peer, call->stream, frame, text, sizeof(text));
	if (code)
		refuse(peer, call, code, text);
}

void serve_on_end(struct peer *peer, const struct frame *frame)
{
	pyr_call *call = find(peer, frame);
	bool is_open;

	if (!call)
		return;
	pthread_mutex_lock(&call->stream->lock);
	is_open = stream_take_end(call->stream);
	pthread_mutex_unlock(&call->stream->lock);
	if (!is_open)
		refuse(peer, call, PYR_INTERNAL,
		       "ProtocolError: the end of a stream that was not open");
}

void serve_on_credit(struct peer *peer, const struct frame *frame)
{
	pyr_call *call = numtab_get(&peer->taken.calls, frame->number);

	if (call && call->stream)
		peer_stream_credit(call->stream, frame);
	else if (call && call->origin->on_frame)
		call->origin->on_frame(call, frame);
}
