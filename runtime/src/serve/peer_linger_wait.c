/* SPDX-License-Identifier: MIT */
/*
 * A Resume comes. One in a session that waits for its daemon's hook is a guarded call that has no
 * method: its number is live, it counts as one of the link's, and its turn in the session's lane
 * comes behind the hook. Then the leader, which alone takes calls from link to link, does what it
 * says.
 */
#include <string.h>

#include "serve/peer_in.h"
#include "serve/peer_linger_own.h"

struct waiting {
	struct frame frame; /* what it says; the leader's, as is: */
	uint8_t token[STREAM_TOKEN];
	bool ends; /* it was cancelled, and so is the call that it names */
	pyr_call *call;
	struct engine_hook turn; /* once the session is accepted; counts the call */
};

static struct waiting *waiting_of(const pyr_call *call)
{
	return (struct waiting *)(void *)call->request.payload.p;
}

/* ---- its turn ---- */

/* In the leader. */
static void on_turn(struct engine_hook *hook)
{
	struct waiting *w = (struct waiting *)((char *)hook - offsetof(struct waiting, turn));
	pyr_call *call = w->call;
	struct taken_session *session = session_of(call);
	struct peer *peer = session->peer;
	bool is_live, is_open;

	pthread_mutex_lock(&peer->lock);
	is_live = peer_retire(peer, call);
	is_open = !peer->is_closed && !peer->is_ending;
	if (is_live && is_open)
		lingering_resume(peer, session, &w->frame);
	peer_flush_unlock(peer);
	if (w->ends && is_open)
		lingering_end(session, &w->frame);
	if (is_live)
		incall_unref(call);
	incall_unref(call);
}

/* In a method thread. */
static void run(pyr_call *call)
{
	struct waiting *w = waiting_of(call);

	if (!peer_admit(call))
		return;
	call->answer.is_given = true; /* from here on others see to that */
	incall_ref(call);
	w->turn.run = on_turn;
	engine_before_poll(&w->turn);
}

/* The hook said no; or the daemon has stopped. A Resume hears nothing but that it comes to nothing.
 */
static void fail(pyr_call *call, const struct error_info *error)
{
	struct peer *peer = session_of(call)->peer;
	bool is_live;

	(void)error;
	pthread_mutex_lock(&peer->lock);
	is_live = peer_retire(peer, call);
	if (is_live)
		lingering_refuse(peer, call->request.number);
	peer_flush_soon_unlock(peer);
	if (is_live)
		incall_unref(call);
}

/* Of a caller who goes elsewhere the call stays. In the leader, with the lock. */
static void on_frame(pyr_call *call, const struct frame *frame)
{
	struct waiting *w = waiting_of(call);

	if (frame->type == FRAME_CREDIT)
		w->frame.consumed += frame->value;
	else if (frame->type == FRAME_CANCEL)
		w->ends = frame->code != PYR_UNAVAILABLE;
}

static const struct pyr__operation resume_table = { .name = "<resume>" };
static const struct codec_operation resume = { .table = &resume_table };
static const struct call_origin resume_origin = { .fail = fail,
						  .release = peer_call_release,
						  .peer = peer_call_address,
						  .who = peer_call_who,
						  .hook = &resume,
						  .run = run,
						  .on_frame = on_frame };

/* ---- it comes; in the leader, with the lock ---- */

/* A serial daemon's one method may wait for this very caller: then its hook is asked meanwhile, as
 * for the calls that are part of what the method does. */
static void join_chain(pyr_call *call, struct lingering *table)
{
	pyr_call *method = lingering_method(table, waiting_of(call)->frame.token);

	memcpy(call->task.chain, session_of(call)->peer->id, sizeof(session_of(call)->peer->id));
	if (!method)
		return;
	memcpy(call->task.chain, method->task.chain, sizeof(call->task.chain));
	call->task.is_awaited = true;
	incall_unref(method);
}

static bool keep(pyr_call *call, const struct frame *frame)
{
	struct waiting *w = arena_alloc(&call->arena, sizeof(*w));

	if (!w)
		return false;
	*w = (struct waiting){ .frame = { .type = FRAME_RESUME }, .call = call };
	w->frame.number = frame->number;
	w->frame.attempt = frame->attempt;
	w->frame.received = frame->received;
	w->frame.consumed = frame->consumed;
	w->frame.token = (struct span){ w->token, STREAM_TOKEN };
	memcpy(w->token, frame->token.p, STREAM_TOKEN);
	call->request.payload.p = (const uint8_t *)w;
	return true;
}

/* Its cost was charged. Returns one reference, NULL when memory is out. */
static pyr_call *new_resume(struct taken_session *session, const struct frame *frame)
{
	struct peer *peer = session->peer;
	pyr_call *call = incall_new(&resume_origin, session, session->greeting->object, 0);

	if (!call) {
		budget_release(peer->budget, sizeof(pyr_call));
		return NULL;
	}
	call->request.cost = sizeof(pyr_call);
	call->request.number = frame->number;
	call->is_guarded = true;
	atomic_fetch_add(&session->refs, 1); /* what peer_call_release() gives back */
	atomic_fetch_add(&peer->taken.n_held, 1);
	if (keep(call, frame))
		return call;
	incall_unref(call);
	return NULL;
}

/* Those that were cancelled are bounded as calls are. Charges it if it may. */
static bool has_too_many(struct peer *peer)
{
	return peer_holds_most(peer) || !budget_charge(peer->budget, sizeof(pyr_call));
}

static void wait(struct peer *peer, struct taken_session *session, const struct frame *frame)
{
	pyr_call *call = NULL;

	if (frame->token.n == STREAM_TOKEN && atomic_load(&peer->host->stage) == HOST_SERVES &&
	    !has_too_many(peer))
		call = new_resume(session, frame);
	if (!call || !numtab_put(&peer->taken.calls, frame->number, call)) {
		lingering_refuse(peer, frame->number);
		if (call)
			incall_unref(call);
		return;
	}
	session->n_waiting++;
	join_chain(call, peer->host->lingering);
	(void)incall_submit(peer->host->executor, &session->lane, call);
}

void peer_on_resume(struct peer *peer, const struct frame *frame)
{
	struct taken_session *session = numtab_get(&peer->taken.sessions, frame->session);

	if (!peer_is_free(peer, frame->number))
		peer_protocol_error(peer, "a call is resumed under number %u", frame->number);
	else if (!session || !peer->host || peer->taken.calls.n >= peer->limits.max_calls)
		lingering_refuse(peer, frame->number);
	else if (session->greeting)
		wait(peer, session, frame);
	else
		lingering_resume(peer, session, frame);
}
