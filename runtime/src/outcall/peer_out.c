/* SPDX-License-Identifier: MIT */
/* The calls that a peer makes: sessions opened, calls queued and awaited, answers taken to those
 * who wait. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/exec.h"
#include "outcall/outcall.h"
#include "outcall/outcall_stream.h"
#include "reference/carried.h"

/* ---- calls ---- */

static struct outcall_hook is_over; /* the hook of a call that is complete */

void outcall_complete(struct outcall *call)
{
	struct outcall_hook *hook = atomic_exchange(&call->hook, &is_over);
	pyr_stream *stream = call->stream;

	if (stream) {
		peer_stream_over(stream);
		stream_ref(stream); /* it may be freed once the call is */
	}
	engine_wake(&call->waiter);
	if (hook)
		hook->run(hook);
	if (stream) {
		stream_wake(stream);
		stream_unref(stream);
	}
}

bool outcall_set_hook(struct outcall *call, struct outcall_hook *hook)
{
	struct outcall_hook *none = NULL;

	return atomic_compare_exchange_strong(&call->hook, &none, hook);
}

bool outcall_unset_hook(struct outcall *call, struct outcall_hook *hook)
{
	return atomic_compare_exchange_strong(&call->hook, &hook, NULL);
}

void outcall_fail(struct outcall *call, int code, const char *text)
{
	buf_reset(&call->result.answer);
	buf_append(&call->result.answer, text, strlen(text));
	call->result.code = code;
	call->result.is_remote = false;
}

static void fail_too_large(struct outcall *call, const char *what, const char *how)
{
	char text[256];

	snprintf(text, sizeof(text), "MessageTooLarge: a %s %s", what, how);
	outcall_fail(call, PYR_RESOURCE_EXHAUSTED, text);
}

static bool has_left(const struct outcall *call)
{
	return call->session->out.n_taken >= call->sent.end;
}

/* With the lock, and so without a locked instruction. */
static void count_sent(struct session *session, int n)
{
	unsigned so_far = atomic_load_explicit(&session->n_sent, memory_order_relaxed);

	atomic_store_explicit(&session->n_sent, so_far + (unsigned)n, memory_order_relaxed);
}

/* A call that has not left is taken out of the queue by making its frames void. Of the references
 * that it passes its first frame tells. */
static void withdraw(struct outcall *call)
{
	struct session *session = call->session;
	bool is_whole = session->out.n_taken <= call->sent.begin;

	if (is_whole)
		count_sent(session, -1);
	if (is_whole && call->sent.carried)
		references_unsend(session->peer, call->sent.carried);
	outbox_void(&session->out, call->sent.begin, call->sent.end);
}

static void hand_on_operation(const struct frame_operation *came, struct frame *frame)
{
	frame->operation = came->operation;
	frame->name = came->name;
	frame->fingerprint = came->fingerprint;
	frame->flags = came->flags;
}

static void describe_operation(const struct outcall *call, struct frame *frame)
{
	const struct session *session = call->session;
	const struct pyr__operation *table = session_operation(session->interface, call->operation);

	if (call->operation >= session->interface->table->n_operations) {
		frame->name = span_of(table->name); /* an end that knows no batches refuses it */
		frame->flags = FRAME_BATCH;
	} else if (session->state == SESSION_EQUAL && !session->peer->link->is_plain) {
		frame->operation = call->operation;
	} else {
		frame->name = span_of(table->name);
		frame->fingerprint = table->fingerprint;
	}
	if (table->flags & PYR__ONEWAY)
		frame->flags |= FRAME_ONEWAY;
	if (table->flags & (PYR__STREAM_IN | PYR__STREAM_OUT))
		peer_stream_describe(call, table, frame);
}

static void describe(const struct outcall *call, struct frame *frame)
{
	int64_t left;

	frame->type = FRAME_CALL;
	frame->number = call->sent.number;
	frame->session = call->session->number;
	if (call->said.terms->as_it_came)
		hand_on_operation(call->said.terms->as_it_came, frame);
	else
		describe_operation(call, frame);
	if (call->deadline != ENGINE_FOREVER) {
		left = (call->deadline - engine_now()) / 1000;
		frame->time_left = left > 0 ? (uint64_t)left : 1;
	}
	outcall_put_along(call, frame);
}

/* Passes the references that it carries: they go along, in body. Returns 0 or a status. */
static int pass_references(struct outcall *call, struct frame *frame, struct buf *body, char *text,
			   size_t n)
{
	unsigned n_sent;
	int code;

	buf_append(body, frame->body.p, frame->body.n);
	code = references_send(call->session->peer, call->sent.carried, FRAME_CALL, body, &n_sent,
			       text, n);
	frame->body = span_of_buf(body);
	if (n_sent > 0)
		frame->flags |= FRAME_REFERENCES;
	return code;
}

static int put_frames(struct outcall *call, const struct frame *frame,
		      const struct codec_packer *packer, struct block *large)
{
	struct session *session = call->session;
	struct span payload = { large ? large->data : NULL, packer->size };
	uint8_t *at = NULL;
	bool ok;

	call->sent.begin = session->out.n_queued;
	if (large)
		ok = session_append_fragments(session, frame, payload, large);
	else
		ok = (at = session_append(session, frame, packer->size)) != NULL;
	if (at)
		codec_pack(packer, at);
	call->sent.end = session->out.n_queued;
	if (!ok)
		return PYR_RESOURCE_EXHAUSTED;
	count_sent(session, 1);
	return 0;
}

/* Queues the frames. Returns 0 or the status of why not; text: "" if that says all. */
static int put_call(struct outcall *call, const struct codec_packer *packer, struct block *large,
		    char *text, size_t n)
{
	struct session *session = call->session;
	struct frame frame = { 0 };
	struct buf body = { 0 };
	int code = 0;

	*text = '\0';
	if (session->state == SESSION_NEW)
		session_put_bind(session, outcall_chain());
	if (session->state == SESSION_NEW)
		return PYR_RESOURCE_EXHAUSTED;
	describe(call, &frame);
	if (frame.depth >= PEER_MAX_DEPTH)
		return PYR_FAILED_PRECONDITION;
	if (call->sent.carried)
		code = pass_references(call, &frame, &body, text, n);
	if (!code)
		code = put_frames(call, &frame, packer, large);
	buf_free(&body);
	return code;
}

static const char *why_not(int code, char *text, size_t n, const struct outcall *call)
{
	const struct session *session = call->session;

	if (*text)
		return text;
	if (code == PYR_FAILED_PRECONDITION)
		snprintf(text, n,
			 "the call of object '%s' at %s would be %d calls deep, the maximum is %d",
			 session->object, session->peer->link->address, PEER_MAX_DEPTH + 1,
			 PEER_MAX_DEPTH);
	else
		snprintf(text, n, "out of memory");
	return text;
}

/* large: it packed, when it goes in fragments. wrong: why it may not be sent at all. Returns 0, or
 * the status it has failed with. With the lock, which it may drop meanwhile. */
static int start(struct outcall *call, const struct codec_packer *packer, struct block *large,
		 const char *wrong, bool may_block)
{
	struct peer *peer = call->session->peer;
	char text[1024];
	int code = outcall_wait_for_place(peer, call, may_block);

	if (code) {
		code = outcall_explain(call, code, text, sizeof(text));
		outcall_fail(call, code, text);
	} else if (wrong) {
		outcall_fail(call, code = PYR_INVALID_ARGUMENT, wrong);
	} else if ((code = session_check_version(call->session, call->operation, text,
						 sizeof(text)))) {
		outcall_fail(call, code, text);
	} else if (codec_is_too_large(packer, peer->theirs.max_message, text, sizeof(text))) {
		fail_too_large(call, "request", text);
		code = call->result.code;
	} else if ((packer->size > FRAME_FRAGMENT && !large) ||
		   (packer->carried && !call->sent.carried)) {
		outcall_fail(call, code = PYR_RESOURCE_EXHAUSTED, "out of memory");
	} else if ((code = put_call(call, packer, large, text, sizeof(text)))) {
		outcall_fail(call, code, why_not(code, text, sizeof(text), call));
	}
	call->said.terms = NULL;
	if (code && call->sent.number)
		outcall_free_number(peer, call);
	if (!code && call->stream)
		peer_stream_started(call->stream, call->sent.number);
	return code;
}

void outcall_start(struct outcall *call, struct session *session, unsigned operation,
		   const struct codec_packer *packer, bool may_block)
{
	struct peer *peer = session->peer;
	struct block *large = packer->size > FRAME_FRAGMENT ? block_new(packer->size) : NULL;
	struct buf along = { 0 };
	const char *wrong;
	bool is_kept;
	int code;

	if (large)
		codec_pack(packer, large->data);
	call->session = session;
	call->operation = operation;
	wrong = outcall_pack_along(call, &along);
	call->sent.carried = carried_keep(packer->carried, &is_kept);
	if (!call->said.terms->is_detached)
		scope_add(&call->part);
	pthread_mutex_lock(&peer->lock);
	code = start(call, packer, large, wrong, may_block);
	/* Starts that follow each other leave as one message, and so do calls of the tasks of a
	 * thread, unless the link has nothing else to do. */
	if ((may_block && !engine_fiber()) || peer->made.n_calls <= 1)
		peer_flush_unlock(peer);
	else
		peer_flush_later_unlock(peer);
	block_unref(large);
	buf_free(&along);
	if (code)
		outcall_complete(call);
}

/* Ends a call here. With the lock. Returns false if it was answered already. */
static bool end_here(struct outcall *call, int code, const char *text)
{
	struct peer *peer = call->session->peer;
	struct frame frame = { .type = FRAME_CANCEL, .number = call->sent.number };

	if (!call->sent.number)
		return false;
	call->result.may_have_run = has_left(call);
	if (!peer->is_closed) {
		if (call->session->out.n_taken <= call->sent.begin) {
			withdraw(call);
		} else {
			if (!call->result.may_have_run)
				withdraw(call); /* the rest of a half-sent one */
			frame.code = (uint32_t)code;
			peer_queue(peer, &frame);
		}
	}
	outcall_free_number(peer, call);
	outcall_fail(call, code, text);
	return true;
}

void outcall_abort(struct outcall *call, int code, const char *text)
{
	if (end_here(call, code, text))
		outcall_complete(call);
}

/* A stream that is to go on in another session. Returns false if it cannot. */
static bool leave_behind(struct outcall *call)
{
	struct frame frame = { .type = FRAME_CANCEL, .number = call->sent.number };
	struct peer *peer = call->session->peer;
	bool had_left = has_left(call);

	call->result.may_have_run = had_left;
	if (!call->stream || !peer_stream_may_detach(call->stream))
		return false;
	frame.code = PYR_UNAVAILABLE;
	if (!had_left)
		withdraw(call);
	else if (!peer->is_closed)
		peer_queue(peer, &frame);
	outcall_free_number(peer, call);
	peer_stream_detach(peer, call->stream);
	return true;
}

void session_cancel_calls(struct session *session, bool keep_streams)
{
	struct peer *peer = session->peer;
	struct outcall *call;
	uint32_t i;

	for (i = 0; i < peer->made.n_slots; i++) {
		call = peer->made.slots[i].call;
		if (!call || call->session != session || (keep_streams && leave_behind(call)))
			continue;
		if (end_here(call, PYR_CANCELLED, OUTCALL_RELEASED))
			outcall_complete(call);
	}
}

/* Locks the peer that it is at, counted. NULL: it is at none any more, and over. */
static struct peer *lock_peer(struct outcall *call)
{
	struct peer *peer;

	if (call->stream)
		return stream_lock_peer(call->stream);
	peer = call->session->peer;
	pthread_mutex_lock(&peer->lock);
	peer_ref(peer);
	return peer;
}

void outcall_cancel(struct outcall *call, int code, const char *text)
{
	struct peer *peer = NULL;

	/* A stream goes from one link to another, and in between is on none. */
	while (!peer) {
		if (call->stream && peer_stream_end_lost(call->stream, code, text))
			return;
		peer = lock_peer(call);
		if (!peer && peer_stream_is_over(call->stream))
			return;
	}
	if (end_here(call, code, text))
		outcall_complete(call);
	peer_flush_unlock(peer);
	peer_unref(peer);
}

/* ---- answers; in the leader, with the lock ---- */

/* A method that saw the deadline and gave up may be quicker than the caller's own clock. */
static bool is_late(const struct outcall *call, const struct frame *frame)
{
	bool is_end = frame->code == PYR_CANCELLED ||
		      (frame->code == PYR_DEADLINE_EXCEEDED && !frame->raised);

	return is_end && call->deadline != ENGINE_FOREVER && engine_now() >= call->deadline;
}

static void take_error(struct outcall *call, const struct frame *frame)
{
	struct span told = frame->found_here ? frame->message : frame->body;
	char text[256];

	if (is_late(call, frame)) {
		outcall_fail(call, PYR_DEADLINE_EXCEEDED, outcall_late(call, text, sizeof(text)));
		call->result.may_have_run = true;
		return;
	}
	if (call->stream && peer_resume_refused(call, frame))
		return;
	buf_reset(&call->result.answer);
	buf_append(&call->result.answer, told.p, told.n);
	call->result.code = frame->code >= 1 && frame->code <= PYR_UNAUTHENTICATED
				    ? (int)frame->code
				    : PYR_UNKNOWN;
	call->result.is_remote = !frame->found_here;
	call->result.may_have_run = frame->may_have_run;
	call->result.was_not_run = frame->was_not_run;
}

/* The next part of a reply. The call has failed if there is no room for it. */
static void take_part(struct peer *peer, struct outcall *call, const struct frame *frame)
{
	struct codec_packer reply = { 0 };
	char text[128];

	if (frame->total > frame->payload.n && frame->total <= peer->limits.max_message)
		(void)buf_reserve(&call->result.answer, frame->total); /* all of it at once */
	buf_append(&call->result.answer, frame->payload.p, frame->payload.n);
	reply.size = call->result.answer.n > frame->total ? call->result.answer.n : frame->total;
	if (call->result.answer.broken)
		outcall_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory for the reply");
	else if (codec_is_too_large(&reply, peer->limits.max_message, text, sizeof(text)))
		fail_too_large(call, "reply", text);
}

/* Returns false if the link ends. The call has failed if they are too many. An Error may follow the
 * first part of a Reply. */
static bool keep_references(struct peer *peer, struct outcall *call, const struct frame *frame)
{
	int code;

	import_list_drop(call->result.held);
	call->result.held = NULL;
	code = references_receive(peer, frame, &call->result.held);
	if (code == PYR_RESOURCE_EXHAUSTED) {
		outcall_fail(call, code, REFERENCES_TOO_MANY);
		call->result.may_have_run = true;
	}
	return code != PYR_INTERNAL;
}

void peer_on_answer(struct peer *peer, const struct frame *frame)
{
	struct outcall *call = peer_live_call(peer, frame->number);

	if (!call) { /* cancelled here meanwhile */
		references_refuse(peer, frame);
		return;
	}
	if (references_may_come(frame) && !keep_references(peer, call, frame))
		return; /* the link ends, and the call with it */
	if (frame->type == FRAME_ERROR && !call->result.code) {
		take_error(call, frame);
	} else if (!call->result.code) {
		if (frame->annotation.p)
			outcall_keep_notes(call, frame);
		take_part(peer, call, frame);
		if (!call->result.code && (frame->flags & FRAME_MORE))
			return;
	}
	if (call->stream)
		peer_stream_through(call->stream);
	outcall_free_number(peer, call);
	outcall_complete(call);
}

void peer_on_hello_out(struct peer *peer, const struct frame *frame)
{
	if (frame->max_calls > 0 && frame->max_calls < peer->made.max_calls)
		peer->made.max_calls = frame->max_calls;
	peer_stream_hello(peer, frame);
	outcall_wake_blocked(peer);
}

/* What a call is told whose link is gone. */
static void lost(struct peer *peer, struct outcall *call)
{
	char text[512];

	call->result.may_have_run = peer->was_connected && has_left(call);
	call->result.was_not_run = !call->result.may_have_run && peer->was_connected;
	session_loss(peer, text, sizeof(text), call->result.may_have_run);
	outcall_free_number(peer, call);
	if (call->stream && peer_stream_may_detach(call->stream)) {
		peer_stream_detach(peer, call->stream);
		return;
	}
	outcall_fail(call, peer->closed_code ? peer->closed_code : PYR_UNAVAILABLE, text);
	outcall_complete(call);
}

void peer_end_out(struct peer *peer)
{
	struct session *session;
	uint32_t i;

	for (i = 0; i < peer->made.n_slots; i++)
		if (peer->made.slots[i].call)
			lost(peer, peer->made.slots[i].call);
	outcall_wake_blocked(peer);
	while ((session = numtab_pop(&peer->made.sessions)))
		session_end(session);
	outbox_discard_all(peer);
}
