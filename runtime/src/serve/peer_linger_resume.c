/* SPDX-License-Identifier: MIT */
/*
 * What a Resume does: the call that its token stands for leaves the link that it is on, if this end
 * does not know yet that it is lost, and enters another. In the leader. Two peers are never locked
 * at once: in between no link carries the call, and nobody else disposes of it.
 */
#include "serve/peer_linger_own.h"

#include <openssl/crypto.h>

#include <string.h>

#include "serve/peer_in.h"

#define TERMINATED "item stream terminated" /* Pyro's words */

static bool is_same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Whether who asks may have it: the same object, by the same identity, and on this host the same
 * user. */
static bool is_for(const struct lingering_call *l, const struct taken_session *session)
{
	const struct link *link = session->peer->link;

	return l->object->interface == session->object->interface &&
	       strcmp(l->object->id, session->object->id) == 0 &&
	       is_same(l->identity, link->identity) &&
	       l->has_credentials == link->has_credentials &&
	       (!l->has_credentials || l->uid == link->credentials.uid);
}

/* What the token stands for, counted; NULL if that is nothing. */
static struct lingering_call *look_up(struct lingering *table, struct span token)
{
	struct lingering_call *l;

	if (!table || token.n != STREAM_TOKEN)
		return NULL;
	pthread_mutex_lock(&table->lock);
	l = *lingering_find(table, token.p);
	if (l)
		atomic_fetch_add(&l->refs, 1);
	pthread_mutex_unlock(&table->lock);
	return l;
}

/* The method's call, counted; NULL: it was answered. Without locks. */
static pyr_call *call_of(struct lingering_call *l)
{
	pyr_call *call;

	pthread_mutex_lock(&l->stream->lock);
	call = l->call;
	if (call)
		incall_ref(call);
	pthread_mutex_unlock(&l->stream->lock);
	return call;
}

/* Whether it does not wait for its own session's hook, which has to do with the link that it came
 * over alone. Without locks. */
static bool is_admitted(struct lingering_call *l)
{
	pyr_call *call = call_of(l);
	struct taken_session *own;
	bool waits = false;

	if (!call)
		return true;
	if (call->is_guarded) {
		own = session_of(call);
		pthread_mutex_lock(&own->peer->lock);
		waits = own->greeting != NULL;
		pthread_mutex_unlock(&own->peer->lock);
	}
	incall_unref(call);
	return !waits;
}

/* Out of the row: nobody else ends it then. Returns false if who asks may not have it. */
static bool claim(struct lingering_call *l, const struct taken_session *session, uint32_t attempt)
{
	struct lingering *table = l->table;
	bool ok;

	pthread_mutex_lock(&table->lock);
	ok = !table->is_closed && *lingering_find(table, l->token) == l && session->object &&
	     is_for(l, session) && attempt > l->attempt;
	if (ok) {
		l->attempt = attempt;
		lingering_leave_row(table, l);
	}
	pthread_mutex_unlock(&table->lock);
	return ok;
}

/* This end may not know yet that the old link is gone. Without locks. */
static void leave_link(struct lingering_call *l)
{
	pyr_stream *stream = l->stream;
	struct peer *old = stream_lock_peer(stream);
	pyr_call *call;
	bool was_live;

	if (!old)
		return;
	pthread_mutex_lock(&stream->lock);
	call = l->call;
	pthread_mutex_unlock(&stream->lock);
	was_live = call && numtab_take(&old->taken.calls, stream->route.number, call);
	if (!call)
		numtab_take(&old->taken.answered, stream->route.number, l);
	peer_stream_leave(old, stream, false);
	pthread_mutex_unlock(&old->lock);
	peer_unref(old);
	if (was_live)
		incall_unref(call); /* it has another */
}

static void tell_resumed(struct peer *peer, pyr_stream *stream)
{
	struct frame frame = { .type = FRAME_RESUMED, .number = stream->route.number };

	frame.received = stream->in.parts;
	frame.consumed = stream->in.consumed;
	stream->in.room += stream->in.owed;
	stream->in.owed = 0;
	peer_queue(peer, &frame);
}

/* With both locks. Returns false if it cannot go on there. */
static bool enter_link(struct peer *peer, struct lingering_call *l, const struct frame *frame)
{
	pyr_stream *stream = l->stream;
	struct numtab *numbers = l->call ? &peer->taken.calls : &peer->taken.answered;

	if (stream->method.linger != l || !peer_stream_resend(stream, frame->number, frame) ||
	    !numtab_put(numbers, frame->number, l->call ? (void *)l->call : (void *)l))
		return false;
	if (l->call) {
		incall_ref(l->call);
		l->call->request.number = frame->number;
	}
	peer_stream_enter(peer, stream, frame->number);
	tell_resumed(peer, stream);
	peer_stream_settle(peer, stream);
	return true;
}

/* It left its link and can go to no other. Without locks. */
static void give_up(struct lingering_call *l)
{
	bool is_there;

	pthread_mutex_lock(&l->stream->lock);
	is_there = l->stream->method.linger == l;
	if (is_there)
		lingering_leave_table(l);
	pthread_mutex_unlock(&l->stream->lock);
	if (is_there)
		lingering_abandon(l);
}

/* Returns false if it cannot go on there. Without locks. */
static bool take_over(struct peer *peer, struct lingering_call *l, const struct frame *frame)
{
	bool ok;

	leave_link(l);
	pthread_mutex_lock(&peer->lock);
	pthread_mutex_lock(&l->stream->lock);
	ok = enter_link(peer, l, frame);
	pthread_mutex_unlock(&l->stream->lock);
	pthread_mutex_unlock(&peer->lock);
	if (ok)
		stream_wake(l->stream);
	else
		give_up(l);
	return ok;
}

/* A peer is not locked with another: so this one's lock is dropped, which only the leader may do
 * between frames. */
void lingering_resume(struct peer *peer, const struct taken_session *session,
		      const struct frame *frame)
{
	struct lingering_call *l = look_up(peer->host->lingering, frame->token);
	bool ok;

	pthread_mutex_unlock(&peer->lock);
	ok = l && is_admitted(l) && claim(l, session, frame->attempt) && take_over(peer, l, frame);
	peer_linger_drop(l);
	pthread_mutex_lock(&peer->lock);
	if (!ok)
		lingering_refuse(peer, frame->number);
}

void lingering_end(const struct taken_session *session, const struct frame *frame)
{
	struct lingering_call *l = look_up(session->peer->host->lingering, frame->token);

	if (l && is_admitted(l) && claim(l, session, frame->attempt)) {
		leave_link(l);
		give_up(l);
	}
	peer_linger_drop(l);
}

void lingering_refuse(struct peer *peer, uint32_t number)
{
	peer_refuse(peer, number, PYR_NOT_FOUND, TERMINATED);
}

pyr_call *lingering_method(struct lingering *table, struct span token)
{
	struct lingering_call *l = look_up(table, token);
	pyr_call *call = l ? call_of(l) : NULL;

	peer_linger_drop(l);
	return call;
}
