/* SPDX-License-Identifier: MIT */
/*
 * Each call with streams that has a token stands in its daemon's table from the beginning, for the
 * caller may see that the link is lost before this end does. Those without a link also stand in a
 * row by the time they end. Whoever takes one out of the row disposes of it: the timer, the
 * daemon's stop, or the leader, who takes it to another link. One that has a link is the leader's
 * alone.
 *
 * Locks: a new peer's, an old peer's, the table's.
 */
#include "peer/peer_linger.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <stdlib.h>
#include <string.h>

#include "peer/peer_in.h"

enum { BUCKETS = 256 };

#define TERMINATED "item stream terminated" /* Pyro's words */

struct lingering_call {
	uint8_t token[STREAM_TOKEN];
	struct lingering *table;
	struct object *object; /* counted */
	bool has_credentials;
	uint32_t uid;
	pyr_stream *stream; /* counted */
	/* the stream's lock: */
	pyr_call *call;  /* counted; NULL: it was answered */
	uint32_t number; /* of the call at its peer */
	/* table->lock: */
	struct lingering_call *next;           /* in its bucket */
	struct lingering_call *sooner, *later; /* in the row */
	bool is_in_row;
	int64_t until;
	size_t n_bytes;
	uint32_t attempt; /* the last Resume that was taken */
};

struct lingering {
	pthread_mutex_t lock; /* a leaf but for the timers' */
	int64_t patience;
	uint64_t key[2]; /* random: who chooses tokens does not choose their bucket */
	struct engine_timer timer;
	struct lingering_call *buckets[BUCKETS];
	struct lingering_call *first, *last; /* the row */
	size_t n, n_bytes;                   /* in it */
	bool is_closed;
};

/* ---- the table; with its lock ---- */

static struct lingering_call **bucket_of(struct lingering *table, const uint8_t *token)
{
	uint64_t words[2];

	memcpy(words, token, sizeof(words));
	return &table->buckets[(words[0] * table->key[0] + words[1] * table->key[1]) >> 56];
}

static struct lingering_call **find(struct lingering *table, const uint8_t *token)
{
	struct lingering_call **at = bucket_of(table, token);

	while (*at && CRYPTO_memcmp((*at)->token, token, STREAM_TOKEN) != 0)
		at = &(*at)->next;
	return at;
}

static void enter_row(struct lingering *table, struct lingering_call *l)
{
	l->sooner = table->last;
	l->later = NULL;
	*(table->last ? &table->last->later : &table->first) = l;
	table->last = l;
	l->is_in_row = true;
	table->n++;
	table->n_bytes += l->n_bytes;
}

static void leave_row(struct lingering *table, struct lingering_call *l)
{
	if (!l->is_in_row)
		return;
	*(l->sooner ? &l->sooner->later : &table->first) = l->later;
	*(l->later ? &l->later->sooner : &table->last) = l->sooner;
	l->is_in_row = false;
	table->n--;
	table->n_bytes -= l->n_bytes;
}

static void take_out(struct lingering *table, struct lingering_call *l)
{
	struct lingering_call **at = find(table, l->token);

	leave_row(table, l);
	*at = l->next;
}

/* The first of the row if its time has come, taken out; else NULL, with the timer set. */
static struct lingering_call *take_due(struct lingering *table)
{
	struct lingering_call *l;

	pthread_mutex_lock(&table->lock);
	l = table->first;
	if (l && l->until > engine_now() && !table->is_closed) {
		(void)engine_timer_set(&table->timer, l->until);
		l = NULL;
	}
	if (l)
		take_out(table, l);
	pthread_mutex_unlock(&table->lock);
	return l;
}

/* ---- the end of one ---- */

/* With the stream's lock: nothing is kept any more. */
static void dismantle(struct lingering_call *l)
{
	pyr_stream *stream = l->stream;

	stream->linger = NULL;
	atomic_store(&stream->is_detached, false);
	outbox_discard(peer_stream_home(stream), &stream->out);
	kept_clear(&stream->kept, &stream->out);
}

static void drop(struct lingering_call *l)
{
	if (l->call)
		incall_unref(l->call);
	object_unref(l->object);
	stream_unref(l->stream);
	free(l);
}

/* Nobody came for one that was taken out of the row. Without locks. */
static void abandon(struct lingering_call *l)
{
	stream_lock(l->stream);
	dismantle(l);
	if (l->call) /* with the lock: a method that looks just now is to know why */
		incall_cancel(l->call);
	pthread_mutex_unlock(l->stream->lock);
	drop(l);
}

static void on_timer(struct engine_timer *timer)
{
	struct lingering *table =
		(struct lingering *)((char *)timer - offsetof(struct lingering, timer));
	struct lingering_call *l;

	while ((l = take_due(table)))
		abandon(l);
}

struct lingering *lingering_new(uint32_t ms)
{
	struct lingering *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	pthread_mutex_init(&table->lock, NULL);
	table->patience = (int64_t)ms * ENGINE_MS;
	table->timer.fire = on_timer;
	RAND_bytes((uint8_t *)table->key, sizeof(table->key));
	return table;
}

void lingering_close(struct lingering *table)
{
	struct lingering_call *l;

	if (!table)
		return;
	pthread_mutex_lock(&table->lock);
	table->is_closed = true;
	pthread_mutex_unlock(&table->lock);
	while ((l = take_due(table)))
		abandon(l);
}

void lingering_free(struct lingering *table)
{
	if (!table)
		return;
	engine_timer_cancel(&table->timer);
	pthread_mutex_destroy(&table->lock);
	free(table);
}

size_t lingering_count(struct lingering *table)
{
	size_t n;

	pthread_mutex_lock(&table->lock);
	n = table->n;
	pthread_mutex_unlock(&table->lock);
	return n;
}

/* ---- with the peer's lock ---- */

static struct lingering_call *new_linger(struct peer *peer, pyr_call *call, const uint8_t *token)
{
	const struct link *link = peer->link;
	struct lingering_call *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	memcpy(l->token, token, STREAM_TOKEN);
	l->table = peer->host->lingering;
	l->number = call->number;
	l->call = call;
	l->object = call->object;
	l->stream = call->stream;
	l->has_credentials = link->has_credentials;
	l->uid = link->has_credentials ? link->credentials.uid : 0;
	return l;
}

void peer_linger_begin(struct peer *peer, pyr_call *call, struct span token)
{
	struct lingering *table = peer->host->lingering;
	pyr_stream *stream = call->stream;
	struct lingering_call *l, **at;

	if (!table || token.n != STREAM_TOKEN || !(l = new_linger(peer, call, token.p)))
		return;
	pthread_mutex_lock(&table->lock);
	at = find(table, l->token);
	if (*at || table->is_closed) { /* a token twice is none */
		pthread_mutex_unlock(&table->lock);
		free(l);
		return;
	}
	*at = l;
	incall_ref(call);
	object_ref(call->object);
	stream_ref(stream);
	peer_ref(peer);
	stream->home = peer;
	stream->linger = l;
	stream->kept.is_on = true;
	pthread_mutex_unlock(&table->lock);
}

void peer_linger_end(pyr_stream *stream)
{
	struct lingering_call *l = stream ? stream->linger : NULL;

	if (!l)
		return;
	pthread_mutex_lock(&l->table->lock);
	take_out(l->table, l);
	pthread_mutex_unlock(&l->table->lock);
	dismantle(l);
	drop(l);
}

/* Roughly: what was sent and may be wanted again, and what was not read. Once the call is answered
 * nobody reads any more, and what came is let go without a lock. */
static size_t bytes_of(const struct lingering_call *l)
{
	const pyr_stream *stream = l->stream;
	size_t n = kept_size(&stream->kept, &stream->out);

	if (!l->call)
		return n;
	if (stream->window > stream->in_room + stream->owed)
		n += stream->window - stream->in_room - stream->owed;
	return stream->partial ? n + stream->partial->n : n;
}

/* The link is lost: waits for another. Returns false if it may not. */
static bool wait_for_another(struct lingering_call *l)
{
	struct lingering *table = l->table;
	bool ok;

	pthread_mutex_lock(&table->lock);
	l->n_bytes = bytes_of(l);
	l->until = engine_now() + table->patience;
	ok = !table->is_closed && table->n < LINGER_MAX &&
	     table->n_bytes + l->n_bytes <= LINGER_MAX_BYTES;
	if (ok) {
		enter_row(table, l);
		ok = table->first != l || engine_timer_set(&table->timer, l->until) == 0;
		if (!ok)
			leave_row(table, l);
	}
	pthread_mutex_unlock(&table->lock);
	if (ok) {
		atomic_store(&l->stream->is_detached, true);
		outbox_park(peer_stream_home(l->stream), &l->stream->out);
	}
	return ok;
}

/* This end has not ended the link, nor has the other in good order. */
static bool is_lost(const struct peer *peer)
{
	return !peer->is_ending && !peer->link->is_orderly;
}

bool peer_linger_leave(pyr_call *call)
{
	struct lingering_call *l = call->stream ? call->stream->linger : NULL;

	return l && call->executor /* its request is complete */ && wait_for_another(l);
}

bool peer_linger_detach(struct peer *peer, pyr_call *call)
{
	return is_lost(peer) && peer_linger_leave(call);
}

void peer_linger_end_all(struct peer *peer)
{
	struct lingering_call *l;

	while ((l = numtab_pop(&peer->answered)))
		if (!is_lost(peer) || !wait_for_another(l))
			peer_linger_end(l->stream);
}

bool peer_linger_has_room(pyr_stream *stream, size_t n)
{
	struct lingering_call *l = stream->linger;
	bool ok;

	pthread_mutex_lock(&l->table->lock);
	ok = l->table->n_bytes + n <= LINGER_MAX_BYTES;
	if (ok) {
		l->n_bytes += n;
		l->table->n_bytes += n;
	}
	pthread_mutex_unlock(&l->table->lock);
	return ok;
}

pyr_call *peer_linger_answered(pyr_stream *stream)
{
	struct lingering_call *l = stream->linger;
	struct peer *peer = peer_stream_home(stream);
	pyr_call *call = l->call;

	l->call = NULL;
	if (!stream->is_detached && !numtab_put(&peer->answered, l->number, l)) {
		pthread_mutex_lock(&l->table->lock);
		take_out(l->table, l); /* then what waits leaves, and is not kept */
		pthread_mutex_unlock(&l->table->lock);
		stream->linger = NULL;
		stream->kept.is_on = false;
		drop(l);
	}
	return call;
}

void peer_on_through(struct peer *peer, const struct frame *frame)
{
	struct lingering_call *l = numtab_remove(&peer->answered, frame->number);

	if (l && (frame->code != PYR_UNAVAILABLE || !wait_for_another(l)))
		peer_linger_end(l->stream);
}

/* ---- going to another link; in the leader ---- */

/* Whether who asks may have it: the same object, and on this host the same user. */
static bool is_for(const struct lingering_call *l, const struct taken_session *session)
{
	const struct link *link = session->peer->link;

	return l->object->interface == session->object->interface &&
	       strcmp(l->object->id, session->object->id) == 0 &&
	       l->has_credentials == link->has_credentials &&
	       (!l->has_credentials || l->uid == link->credentials.uid);
}

/* What the token stands for, out of the row: nobody else ends it then. NULL if there is none. */
static struct lingering_call *claim(struct lingering *table, const struct taken_session *session,
				    const struct frame *frame)
{
	struct lingering_call *l;

	if (!table || !session || !session->object || frame->token.n != STREAM_TOKEN)
		return NULL;
	pthread_mutex_lock(&table->lock);
	l = table->is_closed ? NULL : *find(table, frame->token.p);
	if (l && (!is_for(l, session) || frame->attempt <= l->attempt))
		l = NULL;
	if (l) {
		l->attempt = frame->attempt;
		leave_row(table, l);
	}
	pthread_mutex_unlock(&table->lock);
	return l;
}

/* This end may not know yet that the old link is gone. With its lock. */
static void leave_link(struct peer *old, struct lingering_call *l)
{
	outbox_park(old, &l->stream->out);
	if (l->stream->is_detached)
		return;
	if (!l->call)
		numtab_remove(&old->answered, l->number);
	else if (numtab_remove(&old->calls_taken, l->number))
		incall_unref(l->call); /* it has another */
}

static bool enter_link(struct peer *peer, struct lingering_call *l, uint32_t number)
{
	bool ok = numtab_put(l->call ? &peer->calls_taken : &peer->answered, number,
			     l->call ? (void *)l->call : (void *)l);

	l->number = number;
	if (!l->call)
		return ok;
	l->call->number = number;
	if (ok)
		incall_ref(l->call);
	return ok;
}

static void tell_resumed(struct peer *peer, pyr_stream *stream, uint32_t number)
{
	struct frame frame = { .type = FRAME_RESUMED, .number = number };

	frame.received = stream->in_parts;
	frame.consumed = stream->in_consumed;
	stream->in_room += stream->owed;
	stream->owed = 0;
	peer_queue(peer, &frame);
}

/* With the locks of both. Returns false if it cannot go on there. */
static bool move(struct peer *peer, struct lingering_call *l, struct stream_former *former,
		 const struct frame *frame)
{
	pyr_stream *stream = l->stream;
	bool ok;

	former->peer = stream->home;
	leave_link(former->peer, l);
	stream->home = peer;
	peer_ref(peer);
	atomic_store(&stream->is_detached, false);
	stream_move(stream, &peer->lock, former);
	ok = enter_link(peer, l, frame->number) &&
	     peer_stream_resend(peer, stream, frame->number, frame);
	if (ok)
		tell_resumed(peer, stream, frame->number);
	return ok;
}

/* It is here, and cannot go on. */
static void give_up(struct peer *peer, struct lingering_call *l)
{
	pyr_call *call = l->call, *taken = numtab_remove(&peer->calls_taken, l->number);

	numtab_remove(&peer->answered, l->number);
	peer_refuse(peer, l->number, PYR_NOT_FOUND, TERMINATED);
	if (call)
		incall_ref(call);
	peer_linger_end(l->stream);
	if (call)
		incall_cancel(call);
	if (taken)
		incall_unref(taken);
	if (call)
		incall_unref(call);
}

/* former: taken. */
static void take_over(struct peer *peer, struct lingering_call *l, struct stream_former *former,
		      const struct frame *frame)
{
	pthread_mutex_t *old = l->stream->lock;
	bool ok;

	if (old != &peer->lock)
		pthread_mutex_lock(old);
	ok = move(peer, l, former, frame);
	if (old != &peer->lock)
		pthread_mutex_unlock(old);
	if (ok)
		stream_wake(l->stream);
	else
		give_up(peer, l);
}

void peer_on_resume(struct peer *peer, const struct frame *frame)
{
	struct taken_session *session = numtab_get(&peer->sessions_taken, frame->session);
	struct stream_former *former;
	struct lingering_call *l = NULL;

	if (frame->number == 0 || numtab_get(&peer->calls_taken, frame->number)) {
		peer_protocol_error(peer, "a call is resumed under number %u", frame->number);
		return;
	}
	former = calloc(1, sizeof(*former));
	if (former && peer->host && peer->calls_taken.n < peer->host->max_calls)
		l = claim(peer->host->lingering, session, frame);
	if (l) {
		take_over(peer, l, former, frame);
		return;
	}
	free(former);
	peer_refuse(peer, frame->number, PYR_NOT_FOUND, TERMINATED);
}
