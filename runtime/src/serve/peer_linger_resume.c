/* SPDX-License-Identifier: MIT */
/*
 * A Resume came: the call that its token stands for leaves the link that it is on, if this end does
 * not know yet that it is lost, and enters another. In the leader. Two peers are never locked at
 * once: in between no link carries the call, and nobody else disposes of it.
 */
#include "serve/peer_linger_own.h"

#include <openssl/crypto.h>

#include <string.h>

#include "serve/peer_in.h"

#define TERMINATED "item stream terminated" /* Pyro's words */

/* Whether who asks may have it: the same object, and on this host the same user. */
static bool is_for(const struct lingering_call *l, const struct taken_session *session)
{
	const struct link *link = session->peer->link;

	return l->object->interface == session->object->interface &&
	       strcmp(l->object->id, session->object->id) == 0 &&
	       l->has_credentials == link->has_credentials &&
	       (!l->has_credentials || l->uid == link->credentials.uid);
}

/* What the token stands for, counted, and out of the row: nobody else ends it then. NULL if there
 * is none. */
static struct lingering_call *claim(struct lingering *table, const struct taken_session *session,
				    const struct frame *frame)
{
	struct lingering_call *l;

	if (!table || !session || !session->object || frame->token.n != STREAM_TOKEN)
		return NULL;
	pthread_mutex_lock(&table->lock);
	l = table->is_closed ? NULL : *lingering_find(table, frame->token.p);
	if (l && (!is_for(l, session) || frame->attempt <= l->attempt))
		l = NULL;
	if (l) {
		l->attempt = frame->attempt;
		lingering_leave_row(table, l);
		atomic_fetch_add(&l->refs, 1);
	}
	pthread_mutex_unlock(&table->lock);
	return l;
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
	was_live = call && numtab_take(&old->calls_taken, stream->route.number, call);
	if (!call)
		numtab_take(&old->answered, stream->route.number, l);
	peer_stream_leave(old, stream, false);
	pthread_mutex_unlock(&old->lock);
	peer_unref(old);
	if (was_live)
		incall_unref(call); /* it has another */
}

static void tell_resumed(struct peer *peer, pyr_stream *stream)
{
	struct frame frame = { .type = FRAME_RESUMED, .number = stream->route.number };

	frame.received = stream->in_parts;
	frame.consumed = stream->in_consumed;
	stream->in_room += stream->owed;
	stream->owed = 0;
	peer_queue(peer, &frame);
}

/* With both locks. Returns false if it cannot go on there. */
static bool enter_link(struct peer *peer, struct lingering_call *l, const struct frame *frame)
{
	pyr_stream *stream = l->stream;
	struct numtab *numbers = l->call ? &peer->calls_taken : &peer->answered;

	if (stream->linger != l || !peer_stream_resend(stream, frame->number, frame) ||
	    !numtab_put(numbers, frame->number, l->call ? (void *)l->call : (void *)l))
		return false;
	if (l->call) {
		incall_ref(l->call);
		l->call->number = frame->number;
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
	is_there = l->stream->linger == l;
	if (is_there)
		lingering_leave_table(l);
	pthread_mutex_unlock(&l->stream->lock);
	if (is_there)
		lingering_abandon(l);
}

/* A peer is not locked with another: so this one's lock is dropped, which only the leader may do
 * between frames. Returns false if it cannot go on there. */
static bool take_over(struct peer *peer, struct lingering_call *l, const struct frame *frame)
{
	bool ok;

	pthread_mutex_unlock(&peer->lock);
	leave_link(l);
	pthread_mutex_lock(&peer->lock);
	pthread_mutex_lock(&l->stream->lock);
	ok = enter_link(peer, l, frame);
	pthread_mutex_unlock(&l->stream->lock);
	if (ok) {
		stream_wake(l->stream);
	} else {
		pthread_mutex_unlock(&peer->lock);
		give_up(l);
		pthread_mutex_lock(&peer->lock);
	}
	return ok;
}

void peer_on_resume(struct peer *peer, const struct frame *frame)
{
	struct taken_session *session = numtab_get(&peer->sessions_taken, frame->session);
	struct lingering_call *l = NULL;
	bool ok;

	if (!peer_is_free(peer, frame->number)) {
		peer_protocol_error(peer, "a call is resumed under number %u", frame->number);
		return;
	}
	if (peer->host && peer->calls_taken.n < peer->host->max_calls)
		l = claim(peer->host->lingering, session, frame);
	ok = l && take_over(peer, l, frame);
	if (!ok)
		peer_refuse(peer, frame->number, PYR_NOT_FOUND, TERMINATED);
	peer_linger_drop(l);
}
