/* SPDX-License-Identifier: MIT */
/* The calls that a peer takes, on their way to the executor. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "exec/exec.h"
#include "reference/references.h"
#include "rules/rules.h"
#include "serve/large_reply.h"
#include "serve/peer_batch.h"
#include "serve/peer_in.h"
#include "serve/peer_linger.h"
#include "serve/serve_stream.h"
#include "wire/annotation.h"
#include "wire/frame.h"
#include "wire/shape_own.h"

static int unknown(const struct taken_session *session, const struct object *object,
		   const struct frame *frame, char *text, size_t n)
{
	snprintf(text, n, "no exposed operation or attribute '%.*s' on object '%s' at %s, an %s",
		 (int)(frame->name.n < 128 ? frame->name.n : 128),
		 frame->name.n ? (const char *)frame->name.p : "", object->id,
		 session->peer->host->address, object->interface->table->name);
	return -PYR_UNIMPLEMENTED;
}

static int differs(const struct pyr__operation *op, const char *why, char *text, size_t n)
{
	char signature[256];

	codec_signature(op, signature, sizeof(signature));
	snprintf(text, n, "%s: the object has another version of it, %s%s%s", op->name, signature,
		 why ? ": " : "", why ? why : "");
	return -PYR_FAILED_PRECONDITION;
}

static int place_of(const struct taken_session *session, const struct object *object,
		    const struct frame *frame, char *text, size_t n)
{
	const struct pyr__interface *interface = object->interface->table;
	const struct shape_verdict *verdict = session->verdict;
	int place;

	if (frame->name.n == 0 && session->is_equal && frame->operation < interface->n_operations)
		return (int)frame->operation;
	place = frame->name.n ? object_operation(object, frame->name) : -1;
	if (place < 0)
		return unknown(session, object, frame, text, n);
	if (frame->fingerprint != interface->operations[place].fingerprint &&
	    !(verdict && verdict->operations[place].is_compatible))
		return differs(&interface->operations[place],
			       verdict ? verdict->operations[place].why : NULL, text, n);
	return place;
}

int peer_find_operation(const struct taken_session *session, const struct object *object,
			const struct frame *frame, char *text, size_t n)
{
	int place = place_of(session, object, frame, text, n);

	if (place < 0 || !session->rights ||
	    rights_allow(session->rights, (unsigned)place,
			 object->interface->table->operations[place].name, text, n))
		return place;
	return -PYR_PERMISSION_DENIED;
}

/* Whether the session's object is there; one that was registered anew in its place will do. */
static bool has_object(struct taken_session *session)
{
	struct object *object = session->object, *again;

	if (session->is_reference ? !atomic_load(&object->is_gone) : !object_is_gone(object))
		return true;
	if (session->is_reference) /* it was passed, not its id */
		return false;
	again = objects_find(session->peer->host->objects, span_of(object->id));
	if (!again || again->interface != object->interface) {
		object_unref(again);
		return false;
	}
	session->object = again;
	object_unref(object);
	instance_unref(session->instance); /* of the one before */
	session->instance = NULL;
	return true;
}

/* Calls of a session share one, if each session has one. Returns false when memory is out. */
static bool give_instance(struct taken_session *session, pyr_call *call)
{
	const struct object_life *life = call->object->life;

	if (!life || life->mode != PYR_PER_SESSION)
		return true;
	if (!session->instance)
		session->instance = instance_new(call->object);
	if (session->instance)
		call->instance = instance_ref(session->instance);
	return call->instance;
}

/* Which operation is meant. Returns its place, or minus a status with the text of why not. */
static int find_operation(struct taken_session *session, const struct frame *frame, char *text,
			  size_t n)
{
	if (!session->object) {
		snprintf(text, n, "%s", taken_session_text(session));
		return -session->code;
	}
	if (!has_object(session)) {
		snprintf(text, n, "no object '%s' at %s: it was unregistered", session->object->id,
			 session->peer->host->address);
		return -PYR_NOT_FOUND;
	}
	if ((frame->flags & FRAME_BATCH) || session->forward)
		return 0; /* its items have theirs; it is known there */
	return peer_find_operation(session, session->object, frame, text, n);
}

/* Its session was perhaps refused for that, and itself would not be. */
static bool comes_too_late(const struct peer_host *host, const struct taken_session *session,
			   const struct frame *frame)
{
	return !peer_host_takes(host, frame->chain) ||
	       (session->code == PYR_UNAVAILABLE && atomic_load(&host->stage) != HOST_SERVES);
}

int peer_no_session(const struct peer *peer, uint32_t number, char *text, size_t n)
{
	if (peer->taken.has_refused) {
		snprintf(text, n, "session %u: %s has more sessions on this connection than it may",
			 number, peer->host->address);
		return PYR_RESOURCE_EXHAUSTED;
	}
	snprintf(text, n, "ProtocolError: no session %u", number);
	return PYR_INTERNAL;
}

static bool may_start(struct peer *peer, const struct frame *frame,
		      const struct taken_session *session)
{
	struct peer_host *host = peer->host;
	const char *wrong;
	char text[256];
	int code;

	if (!session) {
		code = peer_no_session(peer, frame->session, text, sizeof(text));
		peer_refuse(peer, frame->number, code, "%s", text);
	} else if (comes_too_late(host, session, frame))
		peer_turn_away(peer, frame->number);
	else if (!session->object && !session->greeting)
		peer_refuse(peer, frame->number, session->code, "%s", taken_session_text(session));
	else if (peer->taken.calls.n + peer->taken.answered.n >= peer->limits.max_calls ||
		 peer_holds_most(peer))
		peer_refuse(peer, frame->number, PYR_RESOURCE_EXHAUSTED,
			    "%u calls of this link are unanswered here, the maximum",
			    peer->limits.max_calls);
	else if (frame->annotation.p &&
		 (wrong = annotations_problem(frame->body, ANNOTATIONS_OF_CALL)))
		peer_refuse(peer, frame->number, PYR_INVALID_ARGUMENT, "%s", wrong);
	else if (frame->depth >= PEER_MAX_DEPTH)
		peer_refuse(peer, frame->number, PYR_FAILED_PRECONDITION,
			    "the call of object '%s' is %llu calls deep, the maximum is %d",
			    session->object ? session->object->id : "", frame->depth + 1ULL,
			    PEER_MAX_DEPTH);
	else
		return true;
	return false;
}

/* A oneway is answered before it runs; but one that is handed on where it is run. */
static bool is_oneway(const pyr_call *call, const struct frame *frame)
{
	uint32_t flags = incall_operation(call)->flags;

	return ((frame->flags & FRAME_ONEWAY) || (flags & PYR__ONEWAY)) && !call->stream &&
	       incall_has_method(call);
}

static void set_context(struct peer *peer, pyr_call *call, const struct frame *frame)
{
	call->request.number = frame->number;
	call->request.total = frame->total ? frame->total : frame->payload.n;
	call->scope.depth = frame->depth;
	if (frame->time_left > 0 && frame->time_left < UINT64_C(1) << 52)
		call->deadline = engine_now() + (int64_t)frame->time_left * 1000;
	call->is_oneway = is_oneway(call, frame);
	if (frame->chain.n == sizeof(call->task.chain)) {
		memcpy(call->task.chain, frame->chain.p, sizeof(call->task.chain));
	} else { /* it starts one: of this link, and the number that incall_new() gave */
		memcpy(call->task.chain, peer->id, sizeof(peer->id));
	}
	if (frame->correlation_id.n > 0 || frame->traceparent.n > 0)
		incall_set_ids(call, frame->correlation_id, frame->traceparent);
	if (frame->annotation.p)
		call->request.n_annotations = annotations_read(
			frame->body, ANNOTATIONS_OF_CALL, &call->arena, &call->request.annotations);
}

/* Hands over a call whose payload is complete. A oneway is answered now, before it runs, unless
 * many wait here: then when it starts, so that its caller waits for a place. */
static void submit(struct peer *peer, pyr_call *call)
{
	struct taken_session *session = session_of(call);
	bool is_answered = call->is_oneway && !call->is_guarded &&
			   atomic_load(&peer->taken.n_held) <= peer->limits.max_calls &&
			   peer_retire(peer, call);

	call->answer.is_given = is_answered;
	if (is_answered) {
		call->deadline = ENGINE_FOREVER; /* of the acknowledgement */
		peer_put_acknowledgement(peer, call->request.number);
	}
	arena_charge_to(&call->arena, peer->budget); /* so far its cost is the frames' */
	if (session->forward) {
		call->object->forward->call(session->forward, call);
		return;
	}
	if (!incall_submit(taken_session_executor(session), &session->lane, call)) {
		if (!is_answered && peer_retire(peer, call)) {
			peer_linger_end(peer, call->stream);
			peer_refuse(peer, call->request.number, PYR_UNAVAILABLE,
				    "the daemon has stopped");
		}
		is_answered = true;
	}
	if (is_answered)
		incall_unref(call);
}

/* Whether a frame's payload is what it says: of the whole, or of a fragment in its place. */
static bool is_due(const pyr_call *call, const struct frame *frame)
{
	size_t n = call->request.n_owned + frame->payload.n;

	if (frame->flags & FRAME_MORE)
		return frame->payload.n > 0 && n < call->request.total;
	return n == call->request.total;
}

static bool keep_payload(pyr_call *call, const struct frame *frame)
{
	size_t n = frame->payload.n;

	if (!(frame->flags & (FRAME_MORE | FRAME_CONTINUES))) {
		call->request.payload.p = arena_copy(&call->arena, frame->payload.p, n);
		call->request.payload.n = n;
		return call->request.payload.p || n == 0;
	}
	/* All that was announced, and charged, at once: so nothing is copied again. */
	if (!call->request.owned && !(call->request.owned = block_new(call->request.total)))
		return false;
	if (n > 0)
		memcpy(call->request.owned->data + call->request.n_owned, frame->payload.p, n);
	call->request.n_owned += n;
	call->request.payload = (struct span){ call->request.owned->data, call->request.n_owned };
	return true;
}

/* Adds a frame's payload. Returns false, with the call refused, if it does not fit. */
static bool add_payload(struct peer *peer, pyr_call *call, const struct frame *frame)
{
	if (is_due(call, frame) && keep_payload(call, frame))
		return true;
	peer_retire(peer, call);
	peer_linger_end(peer, call->stream);
	if (!is_due(call, frame))
		peer_refuse(peer, frame->number, PYR_INTERNAL,
			    "ProtocolError: fragments that do not make up the %zu bytes announced",
			    call->request.total);
	else
		peer_refuse(peer, frame->number, PYR_RESOURCE_EXHAUSTED, "out of memory");
	incall_unref(call);
	return false;
}

/* What a Call says beside its payload: once as it came, once for what it lies in. */
static size_t cost_beside(const struct frame *frame)
{
	return frame->annotation.p ? 2 * (frame->body.n - frame->payload.n) + 1024 : 0;
}

/* Charges a request, as large as it is announced, before anything is kept of it. Returns what was
 * charged; 0: it was refused. */
static size_t charge(struct peer *peer, const struct frame *frame)
{
	size_t total = frame->total > frame->payload.n ? frame->total : frame->payload.n;
	size_t cost = sizeof(pyr_call) + total + cost_beside(frame);
	uint32_t max = peer->limits.max_message;

	if (total > max)
		peer_refuse(peer, frame->number, PYR_RESOURCE_EXHAUSTED,
			    "MessageTooLarge: a request of %zu bytes, the maximum at %s is %u",
			    total, peer->host->address, max);
	else if (!budget_charge(peer->budget, cost))
		peer_refuse(peer, frame->number, PYR_RESOURCE_EXHAUSTED,
			    "MessageTooLarge: with this request more than %zu bytes of this "
			    "connection's are held at %s",
			    budget_max(peer->budget), peer->host->address);
	else
		return cost;
	return 0;
}

/* place: of the operation; or minus a status for a guarded call, which will be refused as why says,
 * but not before it is known whether the session is accepted: a stranger learns nothing of what is
 * here. Returns NULL when memory is out. */
static pyr_call *new_call(struct peer *peer, struct taken_session *session, int place,
			  const char *why)
{
	struct object *object = session->object ? session->object
						: session->greeting->object; /* which asks for it */
	pyr_call *call = incall_new(place < 0 ? &refused_origin : &link_origin, session, object,
				    place < 0 ? 0 : (unsigned)place);

	if (!call)
		return NULL;
	call->request.max_message = peer->limits.max_message;
	call->peer = peer;
	atomic_fetch_add(&session->refs, 1); /* what on_release() gives back */
	atomic_fetch_add(&peer->taken.n_held, 1);
	call->is_guarded = session->greeting;
	if (place < 0) {
		call->answer.failure.code = -place;
		call->answer.failure.message = arena_copy(&call->arena, why, strlen(why) + 1);
	}
	return call;
}

/* What it calls, its object's owner knows. Returns false when memory is out. */
static bool keep_operation(pyr_call *call, const struct frame *frame)
{
	struct handed_on *on = arena_alloc(&call->arena, sizeof(*on));
	const void *name = frame->name.n > 0 ? (const void *)frame->name.p : "";

	if (!on)
		return false;
	on->what = (struct frame_operation){ .operation = frame->operation,
					     .flags = frame->flags & FRAME_OF_OPERATION,
					     .fingerprint = frame->fingerprint };
	on->what.name =
		(struct span){ arena_copy(&call->arena, name, frame->name.n), frame->name.n };
	call->request.handed_on = on;
	return on->what.name.p;
}

static bool init_kind(struct peer *peer, pyr_call *call, const struct frame *frame)
{
	if (call->answer.failure.code)
		return true;
	if (call->object->forward)
		return keep_operation(call, frame) && peer_stream_serve(peer, call, frame);
	return frame->flags & FRAME_BATCH ? peer_batch_init(call)
					  : peer_stream_serve(peer, call, frame);
}

/* held: what its payload brings. Returns false if it was refused before there was a call to hold
 * that. */
static bool begin_call(struct peer *peer, const struct frame *frame, struct taken_session *session,
		       struct import_list *held)
{
	char why[512];
	pyr_call *call;
	size_t cost;
	int place;

	if (!may_start(peer, frame, session))
		return false;
	place = find_operation(session, frame, why, sizeof(why));
	if (place < 0 && !session->greeting) {
		peer_refuse(peer, frame->number, -place, "%s", why);
		return false;
	}
	cost = charge(peer, frame);
	if (cost == 0)
		return false;
	call = new_call(peer, session, place, why);
	if (call) {
		call->request.cost = cost;
		call->request.held = held;
	} else {
		budget_release(peer->budget, cost);
	}
	if (!call || !give_instance(session, call) || !init_kind(peer, call, frame) ||
	    !numtab_put(&peer->taken.calls, frame->number, call)) {
		peer_refuse(peer, frame->number, PYR_RESOURCE_EXHAUSTED, "out of memory");
		if (call) {
			peer_linger_end(peer, call->stream);
			incall_unref(call);
		}
		return call;
	}
	session->n_waiting += call->is_guarded;
	peer->taken.last = frame->number;
	set_context(peer, call, frame);
	if (add_payload(peer, call, frame) && !(frame->flags & FRAME_MORE))
		submit(peer, call);
	return true;
}

static void on_first(struct peer *peer, const struct frame *frame, struct taken_session *session)
{
	struct import_list *held = NULL;
	int code = 0;

	if (frame->flags & FRAME_REFERENCES)
		code = references_receive(peer, frame, &held);
	if (code == PYR_RESOURCE_EXHAUSTED)
		peer_refuse(peer, frame->number, code, REFERENCES_TOO_MANY);
	if (code)
		return;
	if (!begin_call(peer, frame, session, held))
		import_list_drop(held);
}

/* Nothing of a call that had that number is kept. */
static bool is_through(const struct peer *peer, uint32_t number)
{
	return !numtab_get(&peer->taken.replies, number) &&
	       !numtab_get(&peer->taken.answered, number);
}

bool peer_is_free(const struct peer *peer, uint32_t number)
{
	return number != 0 && !numtab_get(&peer->taken.calls, number) && is_through(peer, number);
}

void peer_on_call(struct peer *peer, const struct frame *frame)
{
	pyr_call *live = numtab_get(&peer->taken.calls, frame->number);
	struct taken_session *session;

	if (frame->flags & FRAME_CONTINUES) {
		/* Of a call that was refused or cancelled meanwhile: its rest is still on the way.
		 */
		if (live && live->request.n_owned > 0 &&
		    live->request.n_owned < live->request.total && add_payload(peer, live, frame) &&
		    !(frame->flags & FRAME_MORE))
			submit(peer, live);
		return;
	}
	if (frame->number == 0) {
		peer_protocol_error(peer, "a call without a number");
		return;
	}
	if (live || !is_through(peer, frame->number)) {
		peer_protocol_error(peer, "call number %u is live already", frame->number);
		return;
	}
	session = numtab_get(&peer->taken.sessions, frame->session);
	on_first(peer, frame, session);
	if (session) /* it is one of the session's users now, or over */
		atomic_store_explicit(&session->n_came,
				      atomic_load_explicit(&session->n_came, memory_order_relaxed) +
					      1,
				      memory_order_release);
}

void peer_on_cancel(struct peer *peer, const struct frame *frame)
{
	pyr_call *call = numtab_get(&peer->taken.calls, frame->number);

	if (!call) {
		if (!large_reply_drop(peer, frame->number))
			peer_on_through(peer, frame);
		return;
	}
	if (frame->code == PYR_UNAVAILABLE && peer_linger_leave(peer, call))
		return;
	if (call->origin->on_frame)
		call->origin->on_frame(call, frame);
	incall_cancel(call);
	peer_retire(peer, call);
	peer_linger_end(peer, call->stream);
	incall_unref(call);
}

/* What the call's session is waiting for. One that came over another link has been admitted, and
 * its session has another lock. */
static pyr_call *greeting_of(const struct peer *peer, const pyr_call *call)
{
	const struct taken_session *session = session_of(call);

	return session->peer == peer ? session->greeting : NULL;
}

void peer_end_in(struct peer *peer)
{
	struct taken_session *session;
	pyr_call *call, *greeting;

	while ((call = numtab_pop(&peer->taken.calls))) {
		greeting = greeting_of(peer, call);
		if (greeting)
			incall_cancel(greeting);
		if (greeting || !peer_linger_detach(peer, call)) {
			incall_cancel(call);
			peer_linger_end(peer, call->stream);
		}
		incall_unref(call);
	}
	peer_linger_end_all(peer);
	while ((session = numtab_pop(&peer->taken.sessions))) {
		if (session->greeting)
			incall_cancel(session->greeting);
		peer_close_direct(session, !peer->link->is_orderly);
		taken_session_drop(session);
	}
}
