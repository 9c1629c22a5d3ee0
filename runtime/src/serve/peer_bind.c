/* SPDX-License-Identifier: MIT */
/* Sessions that the other end binds: to registered objects, and to references that it was passed.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "reference/references.h"
#include "rules/rules.h"
#include "serve/peer_in.h"
#include "wire/annotation.h"
#include "wire/frame.h"
#include "wire/shape_own.h"

enum {
	SESSION_COST = sizeof(struct taken_session) + sizeof(struct instance) +
		       4 * sizeof(struct numtab_entry),
	FORWARD_COST = 2048 /* of one that is handed on, beside its texts */
};

static void leave_object(struct taken_session *session)
{
	struct object *object = session->object;

	session->object = NULL;
	if (object && session->is_reference && object->is_counted)
		object_leave(object);
	object_unref(object);
}

struct executor *taken_session_executor(const struct taken_session *session)
{
	const struct object *object = session->object;

	return object && object->executor ? object->executor : session->peer->host->executor;
}

void taken_session_end(struct taken_session *session)
{
	track_end(&session->track, session->instance);
	if (session->forward)
		session->object->forward->close(session->forward);
	budget_release(session->peer->budget, session->cost);
	leave_object(session);
	shape_verdict_unref(session->verdict);
	rights_free(session->rights);
	peer_unref(session->peer);
	free(session->rejection);
	free(session);
}

void taken_session_drop(struct taken_session *session)
{
	if (atomic_fetch_sub(&session->refs, 1) != 1)
		return;
	if (session->parting)
		peer_part(session);
	else
		taken_session_end(session);
}

const char *taken_session_text(const struct taken_session *session)
{
	return session->rejection ? session->rejection : session->text;
}

void taken_session_fail(struct taken_session *session, int code, const char *format, ...)
{
	va_list args;

	session->code = code;
	va_start(args, format);
	vsnprintf(session->text, sizeof(session->text), format, args);
	va_end(args);
	text_clean(session->text); /* it quotes the other end */
	leave_object(session);     /* which the text may name */
}

/* Another version: what of it may be called. */
static void compare_shapes(struct taken_session *session, const struct pyr__interface *interface,
			   struct span theirs)
{
	struct shape_verdict *verdict = shape_verdict_get(interface, theirs);
	size_t cost = verdict ? shape_verdict_size(verdict) : 0;

	if (!budget_charge(session->peer->budget, cost)) {
		shape_verdict_unref(verdict);
		taken_session_fail(session, PYR_RESOURCE_EXHAUSTED,
				   "the sessions of this connection take too much");
		return;
	}
	session->cost += cost;
	session->verdict = verdict;
}

/* What a Bind of this process itself asks for, and has brought a use of. */
static struct object *arrived_here(const uint8_t *id)
{
	struct object *object = reference_find_home(id);

	if (object)
		reference_let_go(object);
	return object;
}

static bool is_own_link(const struct peer *peer)
{
	return peer->host->is_process && peer->side == PEER_ACCEPTED;
}

/* The Bind is refused before anybody has looked at what it asks for. */
static void forget_use(const struct peer *peer, const struct frame *frame)
{
	struct object *object = is_own_link(peer) && frame->reference.n == REFERENCE_ID
					? arrived_here(frame->reference.p)
					: NULL;

	if (object)
		object_unref(object);
}

/* One that was passed to the other end. Methods of another executor than the host's do not wait for
 * the link's backlog: nobody would tell them that it has shrunk. */
static void find_reference(struct taken_session *session, struct span id)
{
	struct peer *peer = session->peer;

	if (id.n == REFERENCE_ID)
		session->object =
			is_own_link(peer) ? arrived_here(id.p) : references_find(peer, id.p);
	if (!session->object) {
		if (!peer->taken.has_guessed) {
			peer_audit(peer, "call", "a reference that it does not have");
			log_line(PYR_LOG_WARNING, "link with %s: a reference that it does not have",
				 peer->link->address);
		}
		peer->taken.has_guessed = true;
		taken_session_fail(session, PYR_NOT_FOUND, "no such reference on the link with %s",
				   peer->link->address);
		return;
	}
	session->is_reference = true;
	if (taken_session_executor(session) != peer->host->executor)
		session->lane.stall = NULL;
}

/* Whether the object has the interface that the binder asks for; one that asks for none, of an
 * Object, is content with any. */
static bool has_interface(const struct taken_session *session, const struct frame *frame)
{
	return frame->interface.n == 0 ||
	       codec_has_interface(session->object->interface->table, frame->interface);
}

/* What was passed to the other end, it may call; what it knows by its id, as rules say. */
static bool give_rights(struct taken_session *session)
{
	const struct peer *peer = session->peer;
	const struct object *object = session->object;
	struct rules *rules = peer->host->rules;
	unsigned n = object->interface->table->n_operations;
	struct rules_question caller = { .from = peer->link->address, .object = object->id };
	size_t cost;
	char uid[IDENTITY_UID];

	if (!rules || session->is_reference || peer->link->is_own || object->is_built_in)
		return true;
	rules_refresh(rules, false);
	caller.who = link_identity(peer->link, uid);
	cost = rights_size(&caller, n);
	if (!budget_charge(peer->budget, cost))
		return false;
	session->cost += cost;
	session->rights = rights_new(rules, &caller, n);
	return session->rights;
}

static void find_object(struct taken_session *session, const struct frame *frame)
{
	struct peer_host *host = session->peer->host;
	const struct pyr__interface *interface;

	if (frame->reference.p) {
		find_reference(session, frame->reference);
		if (!session->object)
			return;
	} else {
		session->object = objects_find(host->objects, frame->object);
	}
	if (!session->object && objects_would_make(host->objects, frame->object)) {
		taken_session_fail(session, PYR_RESOURCE_EXHAUSTED,
				   "out of memory for object '%.*s'", (int)frame->object.n,
				   (const char *)frame->object.p);
		return;
	}
	if (!session->object) { /* a connecting end offers nothing but references it passed */
		taken_session_fail(session, PYR_NOT_FOUND, "no object '%.*s' at %s",
				   (int)(frame->object.n < 64 ? frame->object.n : 64),
				   frame->object.n ? (const char *)frame->object.p : "",
				   host->address);
		return;
	}
	if (!give_rights(session)) {
		taken_session_fail(session, PYR_RESOURCE_EXHAUSTED,
				   "the sessions of this connection take too much");
		return;
	}
	if (session->object->forward) /* its owner compares */
		return;
	interface = session->object->interface->table;
	if (has_interface(session, frame)) {
		session->is_equal = span_is(frame->interface, interface->name) &&
				    frame->fingerprint == interface->fingerprint;
		if (!session->is_equal)
			compare_shapes(session, interface, frame->shape);
		return;
	}
	taken_session_fail(session, PYR_FAILED_PRECONDITION,
			   "object '%.64s' at %s has the interface %s, not %.*s",
			   session->object->id, object_address(session->object), interface->name,
			   (int)(frame->interface.n < 64 ? frame->interface.n : 64),
			   frame->interface.n ? (const char *)frame->interface.p : "");
}

/* A Bind that bears a chain asks whether its calls are taken. */
static bool is_too_late(struct taken_session *session, const struct frame *frame)
{
	const struct peer_host *host = session->peer->host;

	if (!frame->chain.p || peer_host_takes(host, frame->chain))
		return false;
	taken_session_fail(session, PYR_UNAVAILABLE, PEER_STOPS, host->address);
	return true;
}

/* Too much to be looked at. */
static bool is_too_large(struct taken_session *session, const struct frame *frame)
{
	if (frame->handshake.n <= PYR_HANDSHAKE_MAX)
		return false;
	taken_session_fail(session, PYR_INVALID_ARGUMENT,
			   "connection to %s rejected: a handshake of %zu bytes, the maximum is %d",
			   session->peer->host->address, frame->handshake.n, PYR_HANDSHAKE_MAX);
	return true;
}

/* NULL: it may have no more. */
static struct taken_session *new_session(struct peer *peer, uint32_t number)
{
	struct taken_session *session;

	if (peer->taken.sessions.n >= PEER_MAX_SESSIONS ||
	    !budget_charge(peer->budget, SESSION_COST))
		return NULL;
	session = calloc(1, sizeof(*session));
	if (!session || !numtab_put(&peer->taken.sessions, number, session)) {
		free(session);
		budget_release(peer->budget, SESSION_COST);
		return NULL;
	}
	session->refs = 1;
	session->cost = SESSION_COST;
	session->peer = peer;
	session->number = number;
	session->lane.stall = &peer->out.stall;
	peer_ref(peer);
	return session;
}

/* Nothing is kept of it: its calls are told what peer_no_session() says. */
static void refuse_session(struct peer *peer, uint32_t number)
{
	struct frame bound = { .type = FRAME_BOUND, .session = number };
	char text[256];

	if (!peer->taken.has_refused) {
		peer_audit(peer, "connect", "more sessions than it may have");
		log_line(PYR_LOG_WARNING, "link with %s: more sessions than it may have",
			 peer->link->address);
	}
	peer->taken.has_refused = true;
	bound.code = (uint32_t)peer_no_session(peer, number, text, sizeof(text));
	bound.message = span_of(text);
	peer_queue(peer, &bound);
}

/* What comes of a Bind to another process's object. */
static void answer_forwarded(void *data, struct frame *bound)
{
	struct taken_session *session = data;
	struct peer *peer = session->peer;

	bound->session = session->number;
	if (numtab_get(&peer->taken.sessions, session->number) == session)
		peer_queue(peer, bound);
}

/* Returns false if there is nobody to hand it on to. */
static bool hand_on(struct taken_session *session, const struct frame *frame)
{
	static const struct forward_origin origin = { answer_forwarded };
	struct object *object = session->object;
	size_t cost = FORWARD_COST + frame->interface.n + frame->shape.n;

	if (!object || !object->forward)
		return false;
	if (budget_charge(session->peer->budget, cost)) {
		session->cost += cost;
		session->forward =
			object->forward->open(object, session->peer, session, &origin, frame);
	}
	if (!session->forward)
		taken_session_fail(session, PYR_RESOURCE_EXHAUSTED,
				   "the sessions of this connection take too much");
	return session->forward;
}

void peer_on_bind(struct peer *peer, const struct frame *frame)
{
	struct taken_session *session;
	struct buf notes = { 0 };

	if (numtab_get(&peer->taken.sessions, frame->session)) {
		peer_protocol_error(peer, "session %u is bound already", frame->session);
		return;
	}
	session = new_session(peer, frame->session);
	if (!session) {
		forget_use(peer, frame);
		refuse_session(peer, frame->session);
		return;
	}
	if (!is_too_large(session, frame) && !is_too_late(session, frame))
		find_object(session, frame);
	else
		forget_use(peer, frame);
	if (hand_on(session, frame))
		return;
	if (peer_is_guarded(peer) && !frame->reference.p && frame->handshake.n <= PYR_HANDSHAKE_MAX)
		peer_greet(peer, session, frame);
	if (!session->greeting)
		peer_answer_bind(peer, session, (struct span){ 0 },
				 peer_put_notes(peer, NULL, &notes, ANNOTATIONS_OF_BIND));
	buf_free(&notes);
}

void peer_on_unbind(struct peer *peer, const struct frame *frame)
{
	struct taken_session *session = numtab_remove(&peer->taken.sessions, frame->session);

	if (!session)
		return;
	if (session->greeting && session->n_waiting == 0)
		incall_cancel(session->greeting);
	peer_close_direct(session, false);
	taken_session_drop(session);
}
