/* SPDX-License-Identifier: MIT */
/* The answers of calls that a peer took, and of Binds, on their way back. Any thread. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "exec/exec.h"
#include "reference/carried.h"
#include "reference/references.h"
#include "rules/rules.h"
#include "serve/large_reply.h"
#include "serve/peer_batch.h"
#include "serve/peer_in.h"
#include "serve/peer_linger.h"
#include "serve/serve_stream.h"
#include "wire/annotation.h"
#include "wire/shape_own.h"

#define OUT_OF_MEMORY "out of memory"

enum {
	ERROR_TEXT_MAX = 32768, /* bytes of a message, of a trace */
	ERROR_NAME_MAX = 1024   /* of an exception's name */
};

/* References that it brought are given back as soon as its method's thread has answered it. */
static bool gives_back_at_once(const pyr_call *call)
{
	return call->request.held && !call->is_oneway && !call->answer.deferred && !call->batch;
}

/*
 * A write under way takes along what is queued; else a batch of short methods leaves as one
 * message. gives_back: so does what the call gives back, in a moment. Corking this peer may flush
 * another.
 */
static void flush_answer_unlock(struct peer *peer, bool gives_back)
{
	bool is_writing = peer->out.is_writing;
	struct exec_cork *cork = &peer->out.cork;

	pthread_mutex_unlock(&peer->lock);
	if (!is_writing && !exec_cork(cork) && !(gives_back && exec_cork_briefly(cork)))
		peer_flush(peer);
}

void peer_flush_soon_unlock(struct peer *peer)
{
	flush_answer_unlock(peer, false);
}

bool peer_remove_call(struct peer *peer, const pyr_call *call)
{
	struct taken_session *session = session_of(call);

	if (!numtab_take(&peer->taken.calls, call->request.number, call))
		return false;
	if (session->peer == peer) /* one that came over another link waits no more */
		session->n_waiting -= call->is_guarded;
	if (call->stream)
		peer_stream_close(call->stream);
	return true;
}

bool peer_retire(struct peer *peer, pyr_call *call)
{
	if (!peer_remove_call(peer, call))
		return false;
	if (peer->is_left)
		peer_leave_if_idle(peer);
	peer_progress(peer);
	return true;
}

void peer_see_chains(struct peer *peer, void (*see)(void *data, const uint8_t chain[EXEC_CHAIN]),
		     void *data)
{
	size_t at = 0;
	pyr_call *call;

	pthread_mutex_lock(&peer->lock);
	while ((call = numtab_next(&peer->taken.calls, &at)))
		see(data, call->task.chain);
	pthread_mutex_unlock(&peer->lock);
}

struct span peer_put_notes(const struct peer *peer, const pyr_call *call, struct buf *buf,
			   enum annotation_field field)
{
	const struct peer_host *host = peer->host;
	size_t i;

	for (i = 0; host && i < host->n_annotations; i++)
		annotation_put(buf, field, &host->annotations[i]);
	if (call)
		incall_put_notes(call, buf, (uint32_t)field);
	return (struct span){ buf->data, buf->broken ? 0 : buf->n };
}

void peer_answer_bind(struct peer *peer, struct taken_session *session, struct span answer,
		      struct span along)
{
	struct frame bound = { .type = FRAME_BOUND, .session = session->number };
	const struct pyr__interface *interface;
	struct buf more = { 0 };
	char signature[1024];
	uint32_t i;

	bound.code = (uint32_t)session->code;
	bound.message = span_of(taken_session_text(session));
	bound.handshake = answer;
	buf_append(&more, along.p, along.n);
	if (session->object) {
		interface = session->object->interface->table;
		bound.fingerprint = session->is_equal ? interface->fingerprint : 0;
		for (i = 0; !session->is_equal && i < interface->n_operations; i++) {
			if (more.n > FRAME_MESSAGE_MAX / 2)
				break; /* those not told are refused as unknown */
			codec_signature(&interface->operations[i], signature, sizeof(signature));
			frame_put_operation(&more, interface->operations[i].name,
					    interface->operations[i].fingerprint, signature);
		}
		if (session->verdict && session->verdict->differs)
			bound.shape = shape_packed(interface);
	}
	if (session->is_equal && !session->is_reference)
		peer_offer_direct(session);
	bound.body = (struct span){ more.data, more.n };
	peer_queue(peer, &bound);
	buf_free(&more);
}

static void put_reply(struct peer *peer, const struct frame *frame,
		      const struct codec_packer *packer)
{
	size_t before = peer->out.urgent.n;
	uint8_t *at;

	at = frame_write(&peer->out.urgent, frame, packer ? packer->size : 0);
	if (at && packer)
		codec_pack(packer, at);
	atomic_fetch_add(&peer->out.backlog, peer->out.urgent.n - before);
}

void peer_put_acknowledgement(struct peer *peer, uint32_t number)
{
	struct frame frame = { .type = FRAME_REPLY, .number = number };

	put_reply(peer, &frame, NULL);
}

void peer_refuse(struct peer *peer, uint32_t number, int code, const char *format, ...)
{
	struct frame frame = { .type = FRAME_ERROR, .number = number, .code = (uint32_t)code };
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	frame.message = span_of(text_clean(text));
	peer_queue(peer, &frame);
}

/* Whether the budget has room for a reply of that size until it has left. Of a large one it is
 * large_reply.c that charges it. */
static bool may_keep(struct peer *peer, const pyr_call *call, size_t size)
{
	if (call->stream)
		return budget_fits(call->stream->budget, size); /* its queue is charged */
	return size > FRAME_FRAGMENT || peer_may_queue(peer, size);
}

/* Why a reply of that size cannot be sent: in text, else NULL. */
static const char *problem_of(struct peer *peer, pyr_call *call, const struct codec_packer *packer,
			      char *text, size_t n)
{
	size_t size = packer ? packer->size : 0;
	char how[128];
	uint32_t max = peer->limits.max_message;

	if (peer->theirs.max_message < max)
		max = peer->theirs.max_message;
	if (packer && codec_is_too_large(packer, max, how, sizeof(how)))
		snprintf(text, n, "MessageTooLarge: a reply %s", how);
	else if (call->stream && peer_linger_waits(call->stream) &&
		 !peer_linger_has_room(call->stream, size))
		snprintf(text, n,
			 "a reply of %zu bytes came while its caller was away: too many are kept",
			 size);
	else if (!may_keep(peer, call, size))
		snprintf(text, n,
			 "a reply of %zu bytes: more than %zu of this connection would wait here",
			 size, budget_max(peer->budget));
	else
		return NULL;
	return text;
}

static void put_problem(struct peer *peer, pyr_call *call, int code, const char *text)
{
	struct frame frame = { .type = FRAME_ERROR, .number = call->request.number };

	frame.code = (uint32_t)code;
	frame.message = span_of(text);
	if (peer_stream_last(call, &frame, (struct span){ 0 }) != LAST_QUEUED)
		peer_queue_answer(peer, &frame);
}

/* A call that is being answered. */
struct answering {
	struct peer *peer; /* locked. That it came over if no link carries its stream: not locked */
	bool is_carried;
	bool was_live, is_wanted;
	struct buf notes;
	const struct codec_carried *kept; /* references that go behind items */
};

/* Takes the lock of the peer that the call is at now, and that of its stream. */
static void begin_answer(pyr_call *call, struct answering *ret)
{
	pyr_stream *stream = call->stream;
	struct peer *peer = session_of(call)->peer;

	*ret = (struct answering){ .peer = peer, .is_carried = true };
	if (stream) {
		peer = stream_lock_peer(stream);
		ret->is_carried = peer != NULL;
		ret->peer = peer ? peer : ret->peer;
	} else {
		pthread_mutex_lock(&peer->lock);
	}
	ret->was_live = ret->is_carried && peer_retire(peer, call);
	ret->is_wanted = ret->was_live;
	if (!stream)
		return;
	pthread_mutex_lock(&stream->lock);
	if (!stream->route.peer)
		ret->is_wanted = peer_linger_waits(stream);
}

/* And gives them back. */
static void end_answer(pyr_call *call, struct answering *a)
{
	pyr_stream *stream = call->stream;
	pyr_call *kept = NULL;

	if (stream) {
		stream->state = STREAM_FAILED;
		if (a->is_wanted && stream->method.linger)
			kept = peer_linger_answered(stream);
		if (a->is_carried)
			peer_stream_settle(a->peer, stream);
		pthread_mutex_unlock(&stream->lock);
	}
	if (a->is_carried)
		flush_answer_unlock(a->peer, gives_back_at_once(call));
	if (stream && a->is_carried)
		peer_unref(a->peer);
	buf_free(&a->notes);
	carried_drop(a->kept);
	if (a->was_live)
		incall_unref(call);
	if (kept)
		incall_unref(kept);
}

/* What goes behind items holds its references until it has left. Returns 0 or a status. */
static int keep_references(struct answering *a, pyr_call *call, const struct codec_carried *carried)
{
	bool ok = true;

	if (call->stream && call->stream->method.linger)
		peer_linger_forgo(call->stream); /* they are of this link */
	if (call->stream)
		a->kept = carried_keep(carried, &ok);
	return ok ? 0 : PYR_RESOURCE_EXHAUSTED;
}

/* Passes the references that the answer carries: they go along. Returns false with the problem
 * queued. */
static bool pass_references(struct answering *a, pyr_call *call,
			    const struct codec_carried *carried, struct frame *frame)
{
	char text[128] = OUT_OF_MEMORY;
	unsigned n;
	int code;

	if (!a->is_carried) {
		put_problem(a->peer, call, PYR_UNAVAILABLE,
			    "the link over which its references would go is gone");
		return false;
	}
	code = keep_references(a, call, carried);
	if (!code)
		code = references_send(a->peer, carried, frame->type, &a->notes, &n, text,
				       sizeof(text));
	frame->body = span_of_buf(&a->notes);
	if (code)
		put_problem(a->peer, call, code, text);
	else if (n > 0)
		frame->flags = FRAME_REFERENCES;
	return code == 0;
}

/* It was put behind items: so were its references. */
static void hand_over_references(struct answering *a, pyr_call *call)
{
	if (!a->kept)
		return;
	queue_hold(&call->stream->out.queue, a->kept);
	a->kept = NULL;
}

/* Queues a reply, or why it cannot be sent. packed: it, when it goes in fragments or behind items.
 */
static void put_result(struct answering *a, pyr_call *call, const struct codec_packer *packer,
		       struct block *packed, struct frame frame)
{
	struct peer *peer = a->peer;
	size_t size = packer ? packer->size : 0;
	struct span payload = { packed ? packed->data : NULL, packed ? size : 0 };
	char text[256];
	const char *problem = problem_of(peer, call, packer, text, sizeof(text));
	enum last_frame last = LAST_ALONE;

	if (!problem && !packed && (size > FRAME_FRAGMENT || (call->stream && size > 0)))
		problem = OUT_OF_MEMORY;
	if (!problem)
		last = peer_stream_last(call, &frame, payload);
	if (last == LAST_QUEUED) {
		hand_over_references(a, call);
		return;
	}
	if (last == LAST_NO_MEMORY)
		problem = OUT_OF_MEMORY;
	if (!problem && size <= FRAME_FRAGMENT)
		put_reply(peer, &frame, packer);
	else if (!problem && !large_reply_put(peer, &frame, payload, packed, packer->carried))
		problem = "MessageTooLarge: no room for the reply";
	if (!problem)
		return;
	put_problem(peer, call, PYR_RESOURCE_EXHAUSTED, problem);
	if (frame.flags & FRAME_REFERENCES)
		references_unsend(peer, packer->carried);
}

static void put_answer(struct answering *a, pyr_call *call, const struct codec_packer *packer,
		       struct block *packed)
{
	struct frame frame = { .type = FRAME_REPLY, .number = call->request.number };

	frame.body = peer_put_notes(a->peer, call, &a->notes, ANNOTATIONS_OF_REPLY);
	if (!packer || !packer->carried || pass_references(a, call, packer->carried, &frame))
		put_result(a, call, packer, packed, frame);
}

/* packer: NULL for a oneway, which is answered with nothing. */
static void on_reply(pyr_call *call, const struct codec_packer *packer)
{
	struct answering a;
	struct block *packed = NULL;
	size_t n = packer ? packer->size : 0;

	if (n > FRAME_FRAGMENT || (call->stream && n > 0))
		packed = block_new(n);
	if (packed)
		codec_pack(packer, packed->data);
	begin_answer(call, &a);
	if (a.is_wanted)
		put_answer(&a, call, packer, packed);
	end_answer(call, &a);
	block_unref(packed);
}

bool peer_may_trace(const struct peer *peer)
{
	enum pyr_switch traces = peer->host->traces;
	struct rules_question question = { .action = "traces", .target = "", .object = "" };
	unsigned line;
	char uid[IDENTITY_UID];

	if (traces != PYR_DEFAULT)
		return traces == PYR_YES;
	if (!peer->host->rules || peer->link->is_own)
		return peer->link->is_local;
	question.who = link_identity(peer->link, uid);
	return rules_allow(peer->host->rules, &question, &line);
}

/* One that is handed on is as long as the other end of another link liked. */
static struct span at_most(const char *text, size_t max)
{
	size_t n = text ? strnlen(text, max) : 0;

	while (n > 0 && n == max && ((uint8_t)text[n] & 0xc0) == 0x80)
		max = --n; /* whole characters */
	return (struct span){ (const uint8_t *)text, n };
}

void peer_describe_error(const struct error_info *error, bool may_trace, struct frame *frame)
{
	if (error->n_detail > FRAME_MESSAGE_MAX / 2) {
		frame->code = PYR_RESOURCE_EXHAUSTED;
		frame->message = span_of("MessageTooLarge: the exception that was raised");
		return;
	}
	frame->code = (uint32_t)error->code;
	frame->raised = error->raised;
	frame->message = at_most(error->message, ERROR_TEXT_MAX);
	frame->exception = at_most(error->exception, ERROR_NAME_MAX);
	frame->detail = (struct span){ error->detail, error->n_detail };
	if (may_trace)
		frame->trace = at_most(error->trace, ERROR_TEXT_MAX);
	frame->correlation_id = span_of(error->correlation_id);
	frame->may_have_run = error->may_have_run;
}

static size_t size_of(const struct frame *error)
{
	return error->message.n + error->trace.n + error->detail.n + error->body.n;
}

/* Whether an error may wait to be sent. One that goes behind items is charged with them: its peer
 * may be that of a link that carries the call no more, and is not locked then. */
static bool may_tell(struct peer *peer, const pyr_call *call, size_t n)
{
	const pyr_stream *stream = call->stream;

	if (stream && (stream->method.linger || stream->out.queue.n_unsent > 0))
		return budget_fits(stream->budget, n);
	return peer_may_queue(peer, n);
}

/* Why an error cannot be sent as it is; NULL: it can. */
static const char *problem_of_error(struct peer *peer, const pyr_call *call,
				    const struct frame *frame)
{
	size_t n = size_of(frame);

	if (n > FRAME_MESSAGE_MAX - 1024)
		return "MessageTooLarge: the exception that was raised";
	return may_tell(peer, call, n) ? NULL : "the error is too long for what waits already";
}

static void put_error(struct answering *a, pyr_call *call, const struct error_info *error)
{
	struct frame frame = { .type = FRAME_ERROR, .number = call->request.number };
	const struct codec_carried *carried = NULL;
	const char *problem;

	frame.body = peer_put_notes(a->peer, call, &a->notes, ANNOTATIONS_OF_ERROR);
	peer_describe_error(error, peer_may_trace(a->peer), &frame);
	if (frame.detail.n > 0)
		carried = carried_held(error->held);
	if (carried && !pass_references(a, call, carried, &frame))
		return;
	problem = problem_of_error(a->peer, call, &frame);
	if (problem) {
		put_problem(a->peer, call, PYR_RESOURCE_EXHAUSTED, problem);
		if (carried)
			references_unsend(a->peer, carried);
	} else if (peer_stream_last(call, &frame, (struct span){ 0 }) == LAST_QUEUED) {
		hand_over_references(a, call);
	} else {
		peer_queue_answer(a->peer, &frame);
	}
}

void peer_call_fail(pyr_call *call, const struct error_info *error)
{
	struct answering a;

	begin_answer(call, &a);
	if (a.is_wanted)
		put_error(&a, call, error);
	end_answer(call, &a);
}

void peer_call_release(pyr_call *call)
{
	peer_batch_free(call->batch);
	atomic_fetch_sub(&session_of(call)->peer->taken.n_held, 1);
	budget_release(session_of(call)->peer->budget, call->request.cost);
	taken_session_drop(session_of(call));
}

const char *peer_call_address(const pyr_call *call)
{
	return session_of(call)->peer->link->address;
}

struct call_who peer_who(struct taken_session *session)
{
	const struct link *link = session->peer->link;

	return (struct call_who){ .credentials = link->has_credentials ? &link->credentials : NULL,
				  .identity = link->identity,
				  .is_local = link->is_local,
				  .audit = session->peer->host->audit,
				  .rules = link->is_own ? NULL : session->peer->host->rules,
				  .link = session->peer->id,
				  .session = session->number,
				  .track = &session->track };
}

void peer_call_who(const pyr_call *call, struct call_who *ret)
{
	*ret = peer_who(session_of(call));
}

const struct call_origin link_origin = { .reply = on_reply,
					 .fail = peer_call_fail,
					 .release = peer_call_release,
					 .peer = peer_call_address,
					 .who = peer_call_who,
					 .admit = peer_admit,
					 .run_batch = peer_batch_run,
					 .cancel_batch = peer_batch_cancel };
