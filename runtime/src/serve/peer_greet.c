/* SPDX-License-Identifier: MIT */
/*
 * Sessions whose daemon has hooks. A Bind is then answered by a call that asks on_connect, in the
 * session's lane, which it keeps until it is through: calls that came with the Bind wait behind it
 * as guarded ones. Nothing of what stands here is told before the hook has said yes; also what was
 * asked for in vain is seen by the hook alone. on_disconnect is called once for each session that
 * was accepted, when the last who used it is gone; then its resources are closed.
 *
 * Hooks run in method threads, with no lock held. What they are given is a pyr_call: all that a
 * method may ask of its call, they may too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "context/context.h"
#include "exec/callbacks.h"
#include "serve/peer_batch.h"
#include "serve/peer_in.h"
#include "wire/annotation.h"
#include "wire/frame.h"

#define REJECTED "connection to %s rejected: %s" /* Pyro's words */

enum { REASON_MAX = 512 };

bool peer_is_guarded(const struct peer *peer)
{
	const struct object_hooks *hooks = peer->host ? &peer->host->objects->hooks : NULL;

	return hooks && (hooks->on_connect || hooks->on_disconnect || hooks->on_answer);
}

/* ---- what comes of it; with the lock, which is dropped ---- */

static void settle_unlock(pyr_call *call, struct span answer)
{
	struct taken_session *session = session_of(call);
	struct peer *peer = session->peer;
	struct buf notes = { 0 };

	session->greeting = NULL;
	if (numtab_get(&peer->taken.sessions, session->number) == session)
		peer_answer_bind(peer, session, answer,
				 peer_put_notes(peer, call, &notes, ANNOTATIONS_OF_BIND));
	peer_flush_soon_unlock(peer);
	buf_free(&notes);
	incall_unref(call); /* the session's; who runs it has another */
}

/* The hook said no, or could not be asked. */
static void on_refused(pyr_call *call, const struct error_info *error)
{
	struct taken_session *session = session_of(call);
	const char *why = error->message ? error->message : pyr_status_name(error->code);
	const char *address = object_address(call->object);
	char text[REASON_MAX];

	snprintf(text, sizeof(text), REJECTED, address, why);
	pthread_mutex_lock(&session->peer->lock);
	taken_session_fail(session, error->code, REJECTED, address, why);
	session->rejection = strdup(text_clean(text));
	settle_unlock(call, (struct span){ 0 });
}

/* ---- on_disconnect ---- */

static void release_nothing(pyr_call *call)
{
	(void)call; /* its session outlives it */
}

static const struct pyr__operation disconnect_table = { .name = "<disconnect>" };
static const struct codec_operation disconnect = { .table = &disconnect_table };
static const struct call_origin parting_origin = { .release = release_nothing,
						   .peer = peer_call_address,
						   .who = peer_call_who,
						   .hook = &disconnect };

/* What on_disconnect will be given: made while there is still somebody to be refused. */
static pyr_call *new_parting(const pyr_call *greeting)
{
	pyr_call *call = incall_new(&parting_origin, session_of(greeting), greeting->object, 0);

	if (!call)
		return NULL;
	call->answer.is_given = true;
	call->task.executor = greeting->task.executor;
	exec_ref(call->task.executor);
	return call;
}

/* What the hook does to the thread's last error is not seen. */
static void on_leaving(struct exec_job *job)
{
	struct taken_session *session =
		(struct taken_session *)((char *)job - offsetof(struct taken_session, leaving));
	pyr_call *call = session->parting, *outer = incall_enter(call);
	const struct object_hooks *hooks = &call->object->hooks;
	pyr_error *kept = pyr_error_take();

	context_clear_reply();
	call->has_data = object_enter(call->object);
	hooks->on_disconnect(call, hooks->data);
	if (call->has_data)
		object_leave(call->object);
	error_restore(kept);
	incall_enter(outer);
	incall_unref(call);
	taken_session_end(session);
}

void peer_part(struct taken_session *session)
{
	session->leaving.run = on_leaving;
	callbacks_post(session->parting->task.executor, &session->leaving);
}

/* ---- on_connect ---- */

static void accept_session(pyr_call *call, const struct pyr_bytes *answer)
{
	struct taken_session *session = session_of(call);
	pyr_call *parting = NULL;

	if (call->object->hooks.on_disconnect && !(parting = new_parting(call))) {
		incall_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	incall_before_answer(call);
	call->answer.is_given = true;
	pthread_mutex_lock(&session->peer->lock);
	session->parting = parting;
	settle_unlock(call, (struct span){ answer->items, answer->n });
}

static void ask(pyr_call *call)
{
	const struct object_hooks *hooks = &call->object->hooks;
	struct pyr_bytes handshake = { call->request.payload.n,
				       (uint8_t *)call->request.payload.p };
	struct pyr_bytes answer = { 0 };
	int err = 0;

	if (hooks->on_connect)
		err = hooks->on_connect(call, &handshake, &answer, hooks->data);
	if (err)
		incall_returned(call, err);
	else if (answer.n > PYR_HANDSHAKE_MAX)
		incall_fail(call, PYR_INTERNAL,
			    "on_connect answered with %zu bytes, the maximum is %d", answer.n,
			    PYR_HANDSHAKE_MAX);
	else
		accept_session(call, &answer);
}

/* It may have run already, when peer_admit() could not wait for its turn. */
static void run_connect(pyr_call *call)
{
	struct error_info gone = { .code = PYR_CANCELLED, .message = "the caller is gone" };

	if (session_of(call)->greeting != call)
		return;
	if (!atomic_load(&call->scope.is_cancelled)) {
		ask(call);
		return;
	}
	call->answer.is_given = true;
	on_refused(call, &gone);
}

static void release_connect(pyr_call *call)
{
	struct peer *peer = session_of(call)->peer;

	atomic_fetch_sub(&peer->taken.n_held, 1);
	budget_release(peer->budget, call->request.cost);
	taken_session_drop(session_of(call));
}

static const struct pyr__operation connect_table = { .name = "<connect>" };
static const struct codec_operation connect = { .table = &connect_table };
static const struct call_origin connect_origin = {
	.fail = on_refused,
	.release = release_connect,
	.peer = peer_call_address,
	.who = peer_call_who,
	.hook = &connect,
	.run = run_connect,
	.keeps_lane = true,
};

/* ---- a Bind that comes; with the lock ---- */

static bool keep_what_came(pyr_call *call, const struct frame *bind)
{
	struct span told = bind->handshake;

	call->request.payload.p =
		arena_copy(&call->arena, told.p ? (const void *)told.p : "", told.n);
	call->request.payload.n = told.n;
	if (bind->annotation.p)
		call->request.n_annotations = annotations_read(
			bind->body, ANNOTATIONS_OF_BIND, &call->arena, &call->request.annotations);
	return call->request.payload.p && (call->request.n_annotations > 0 || !bind->annotation.p);
}

/* With the object that stands in for one that is not there, and what on_disconnect is given. */
static size_t cost_of(const struct frame *bind)
{
	return 3 * sizeof(pyr_call) + bind->body.n;
}

/* Its cost was charged. Returns one reference, NULL when memory is out. */
static pyr_call *new_greeting(struct peer *peer, struct taken_session *session,
			      const struct frame *bind)
{
	struct object *object = session->object, *stand_in = NULL;
	pyr_call *call;

	if (!object)
		object = stand_in =
			objects_stand_in(peer->host->objects, bind->object, peer->host->address);
	call = object ? incall_new(&connect_origin, session, object, 0) : NULL;
	object_unref(stand_in);
	if (!call) {
		budget_release(peer->budget, cost_of(bind));
		return NULL;
	}
	if (bind->chain.n == sizeof(call->task.chain))
		memcpy(call->task.chain, bind->chain.p, sizeof(call->task.chain));
	else
		memcpy(call->task.chain, peer->id, sizeof(peer->id));
	call->request.total = bind->body.n;
	session->cost += sizeof(pyr_call); /* what on_disconnect is given */
	call->request.cost = cost_of(bind) - sizeof(pyr_call);
	atomic_fetch_add(&session->refs, 1); /* what release_connect() gives back */
	atomic_fetch_add(&peer->taken.n_held, 1);
	if (keep_what_came(call, bind))
		return call;
	incall_unref(call);
	return NULL;
}

/* Those that wait for the hook are bounded as calls are. Charges it if it may. */
static bool has_too_many(struct peer *peer, const struct frame *bind)
{
	return peer_holds_most(peer) || !budget_charge(peer->budget, cost_of(bind));
}

void peer_greet(struct peer *peer, struct taken_session *session, const struct frame *bind)
{
	const struct peer_host *host = peer->host;
	const char *wrong = NULL;

	if (bind->annotation.p)
		wrong = annotations_problem(bind->body, ANNOTATIONS_OF_BIND);
	if (wrong)
		taken_session_fail(session, PYR_INVALID_ARGUMENT, REJECTED, host->address, wrong);
	else if (!peer_host_takes(host, bind->chain))
		taken_session_fail(session, PYR_UNAVAILABLE, PEER_STOPS, host->address);
	else if (has_too_many(peer, bind))
		taken_session_fail(session, PYR_RESOURCE_EXHAUSTED, REJECTED, host->address,
				   "too many calls and sessions of this link wait");
	else if (!(session->greeting = new_greeting(peer, session, bind)))
		taken_session_fail(session, PYR_RESOURCE_EXHAUSTED, REJECTED, host->address,
				   "out of memory");
	else
		(void)incall_submit(host->executor, &session->lane, session->greeting);
}

/* ---- guarded calls, when their turn comes ---- */

static void finish(pyr_call *call, int code, const char *text)
{
	struct error_info error = { .code = code, .message = text };

	call->answer.is_given = true;
	call->origin->fail(call, &error);
}

/*
 * The hook has had its turn before, but for a call of the chain that a serial daemon's one method
 * waits for: that goes before others, so its session's hook does too.
 */
bool peer_admit(pyr_call *call)
{
	struct taken_session *session = session_of(call);
	pyr_call *greeting = session->greeting;

	if (greeting && !greeting->has_begun) {
		incall_ref(greeting);
		exec_move_to_chain(&greeting->task, call->task.chain);
		incall_run(greeting);
		incall_unref(greeting);
	} else if (greeting) {
		finish(call, PYR_FAILED_PRECONDITION,
		       "the hook on_connect waits for its own session");
		return false;
	}
	if (session->code == 0)
		return true;
	finish(call, session->code, taken_session_text(session));
	return false;
}

static void refuse(pyr_call *call)
{
	if (peer_admit(call))
		finish(call, call->answer.failure.code,
		       call->answer.failure.message ? call->answer.failure.message : "");
}

static const struct pyr__operation refused_table = { .name = "<refused>" };
static const struct codec_operation refused = { .table = &refused_table };
const struct call_origin refused_origin = { .fail = peer_call_fail,
					    .release = peer_call_release,
					    .peer = peer_call_address,
					    .who = peer_call_who,
					    .hook = &refused,
					    .run = refuse,
					    .cancel_batch = peer_batch_cancel };
