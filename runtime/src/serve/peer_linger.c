/* SPDX-License-Identifier: MIT */
/*
 * Each call with streams that has a token stands in its daemon's table from the beginning, for the
 * caller may see that the link is lost before this end does. Those without a link also stand in a
 * row by the time they end. Whoever takes one out of the row disposes of it: the timer, the
 * daemon's stop, its own method that gives way, or the leader, who takes it to another link. One
 * that a link carries is the leader's alone, and its method's while that answers.
 *
 * Locks: a peer's, a stream's, the table's.
 */
#include "serve/peer_linger_own.h"

#include <openssl/crypto.h>

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "serve/peer_in.h"

/* ---- the table; with its lock ---- */

static struct lingering_call **bucket_of(struct lingering *table, const uint8_t *token)
{
	uint64_t words[2];

	memcpy(words, token, sizeof(words));
	return &table->buckets[(words[0] * table->key[0] + words[1] * table->key[1]) >> 56];
}

struct lingering_call **lingering_find(struct lingering *table, const uint8_t *token)
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

void lingering_leave_row(struct lingering *table, struct lingering_call *l)
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
	struct lingering_call **at = lingering_find(table, l->token);

	lingering_leave_row(table, l);
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

void peer_linger_drop(struct lingering_call *l)
{
	if (!l || atomic_fetch_sub(&l->refs, 1) != 1)
		return;
	if (l->call)
		incall_unref(l->call);
	object_unref(l->object);
	stream_unref(l->stream);
	free(l->identity);
	free(l);
}

void lingering_leave_table(struct lingering_call *l)
{
	pthread_mutex_lock(&l->table->lock);
	take_out(l->table, l);
	pthread_mutex_unlock(&l->table->lock);
}

/* With the stream's lock: nothing is kept any more. */
static void dismantle(struct lingering_call *l)
{
	pyr_stream *stream = l->stream;

	stream->method.linger = NULL;
	stream_charge(stream, -LINGER_COST);
}

/* Nobody came for one that was taken out of the table, and that no link carries. A method that
 * looks just now is to know why: so the call is cancelled first. Without locks. */
void lingering_abandon(struct lingering_call *l)
{
	pyr_stream *stream = l->stream;
	pyr_call *call;

	pthread_mutex_lock(&stream->lock);
	call = l->call;
	if (call)
		incall_ref(call);
	pthread_mutex_unlock(&stream->lock);
	if (call) {
		incall_cancel(call);
		incall_unref(call);
	}
	pthread_mutex_lock(&stream->lock);
	stream->state = STREAM_FAILED;
	dismantle(l);
	queue_clear(&stream->out.queue);
	pthread_mutex_unlock(&stream->lock);
	peer_linger_drop(l);
}

void peer_linger_give_way(pyr_stream *stream)
{
	struct lingering_call *l;
	bool is_mine = false;

	pthread_mutex_lock(&stream->lock);
	l = stream->method.linger;
	if (l) {
		pthread_mutex_lock(&l->table->lock);
		is_mine = l->is_in_row;
		if (is_mine)
			take_out(l->table, l);
		pthread_mutex_unlock(&l->table->lock);
	}
	pthread_mutex_unlock(&stream->lock);
	if (is_mine)
		lingering_abandon(l);
}

static void on_timer(struct engine_timer *timer)
{
	struct lingering *table =
		(struct lingering *)((char *)timer - offsetof(struct lingering, timer));
	struct lingering_call *l;

	while ((l = take_due(table)))
		lingering_abandon(l);
}

struct lingering *lingering_new(uint32_t ms)
{
	struct lingering *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	pthread_mutex_init(&table->lock, NULL);
	table->patience = (int64_t)ms * ENGINE_MS;
	table->timer.fire = on_timer;
	(void)random_bytes((uint8_t *)table->key, sizeof(table->key));
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
		lingering_abandon(l);
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

/* ---- with the lock of the peer that carries it ---- */

static struct lingering_call *new_linger(struct peer *peer, pyr_call *call, const uint8_t *token)
{
	const struct link *link = peer->link;
	struct lingering_call *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->refs = 1;
	memcpy(l->token, token, STREAM_TOKEN);
	l->table = peer->host->lingering;
	l->call = call;
	l->object = call->object;
	l->stream = call->stream;
	l->has_credentials = link->has_credentials;
	l->uid = link->has_credentials ? link->credentials.uid : 0;
	l->identity = link->identity && link->identity[0] ? strdup(link->identity) : NULL;
	if (l->identity || !link->identity || !link->identity[0])
		return l;
	free(l);
	return NULL;
}

void peer_linger_begin(struct peer *peer, pyr_call *call, struct span token)
{
	struct lingering *table = peer->host->lingering;
	pyr_stream *stream = call->stream;
	struct lingering_call *l, **at;

	if (!table || token.n != STREAM_TOKEN || !(l = new_linger(peer, call, token.p)))
		return;
	pthread_mutex_lock(&table->lock);
	at = lingering_find(table, l->token);
	if (*at || table->is_closed) { /* a token twice is none */
		pthread_mutex_unlock(&table->lock);
		free(l->identity);
		free(l);
		return;
	}
	*at = l;
	incall_ref(call);
	object_ref(call->object);
	stream_ref(stream);
	stream->method.linger = l; /* nobody else knows the stream yet */
	stream->out.queue.keeps = true;
	stream_charge(stream, LINGER_COST);
	pthread_mutex_unlock(&table->lock);
}

void peer_linger_end(struct peer *peer, pyr_stream *stream)
{
	struct lingering_call *l;

	if (!stream)
		return;
	pthread_mutex_lock(&stream->lock);
	stream->state = STREAM_FAILED;
	l = stream->method.linger;
	if (l) {
		lingering_leave_table(l);
		dismantle(l);
	}
	pthread_mutex_unlock(&stream->lock);
	if (l && !l->call)
		numtab_take(&peer->taken.answered, stream->route.number, l);
	peer_stream_leave(peer, stream, true);
	peer_linger_drop(l);
}

/* Roughly: what was sent and may be wanted again, and what was not read. Once the call is answered
 * nobody reads any more. With the stream's lock. */
static size_t bytes_of(const struct lingering_call *l)
{
	const pyr_stream *stream = l->stream;
	size_t n = stream->out.queue.n;

	if (!l->call)
		return n;
	if (stream->in.window > stream->in.room + stream->in.owed)
		n += stream->in.window - stream->in.room - stream->in.owed;
	return stream->in.partial ? n + stream->in.partial->n : n;
}

static bool join_row(struct lingering_call *l, size_t n_bytes)
{
	struct lingering *table = l->table;
	bool ok;

	pthread_mutex_lock(&table->lock);
	l->n_bytes = n_bytes;
	l->until = engine_now() + table->patience;
	ok = !table->is_closed && table->n < LINGER_MAX &&
	     table->n_bytes + l->n_bytes <= LINGER_MAX_BYTES;
	if (ok) {
		enter_row(table, l);
		ok = table->first != l || engine_timer_set(&table->timer, l->until) == 0;
		if (!ok)
			lingering_leave_row(table, l);
	}
	pthread_mutex_unlock(&table->lock);
	return ok;
}

/* The link is lost, and nothing of it leads to the call any more: waits for another. Returns false
 * if it may not. It may end at once if it does. */
static bool wait_for_another(struct peer *peer, struct lingering_call *l)
{
	size_t n_bytes;
	bool is_kept;

	peer_stream_leave(peer, l->stream, false);
	pthread_mutex_lock(&l->stream->lock);
	is_kept = l->stream->method.linger == l; /* its method may have forgone it just before */
	n_bytes = bytes_of(l);
	pthread_mutex_unlock(&l->stream->lock);
	return is_kept && join_row(l, n_bytes);
}

/* This end has not ended the link, nor has the other in good order. */
static bool is_lost(const struct peer *peer)
{
	return !peer->is_ending && !peer->link->is_orderly;
}

/* Of a call whose request is complete: counted; NULL: there is none, or none any more. */
static struct lingering_call *linger_of(const pyr_call *call)
{
	struct lingering_call *l;

	if (!call->stream || !call->task.executor)
		return NULL;
	pthread_mutex_lock(&call->stream->lock);
	l = call->stream->method.linger;
	if (l)
		atomic_fetch_add(&l->refs, 1);
	pthread_mutex_unlock(&call->stream->lock);
	return l;
}

bool peer_linger_detach(struct peer *peer, pyr_call *call)
{
	struct lingering_call *l = is_lost(peer) ? linger_of(call) : NULL;
	bool waits = l && wait_for_another(peer, l);

	peer_linger_drop(l);
	return waits;
}

/* With no room for one that waits, it ends as any other. */
bool peer_linger_leave(struct peer *peer, pyr_call *call)
{
	struct lingering_call *l = linger_of(call);

	if (!l)
		return false;
	numtab_take(&peer->taken.calls, call->request.number, call);
	if (!wait_for_another(peer, l)) {
		incall_cancel(call);
		peer_linger_end(peer, call->stream);
	}
	peer_linger_drop(l);
	incall_unref(call);
	return true;
}

void peer_linger_end_all(struct peer *peer)
{
	struct lingering_call *l;

	while ((l = numtab_pop(&peer->taken.answered)))
		if (!is_lost(peer) || !wait_for_another(peer, l))
			peer_linger_end(peer, l->stream);
}

void peer_on_through(struct peer *peer, const struct frame *frame)
{
	struct lingering_call *l = numtab_remove(&peer->taken.answered, frame->number);

	if (l && (frame->code != PYR_UNAVAILABLE || !wait_for_another(peer, l)))
		peer_linger_end(peer, l->stream);
}

/* ---- with the stream's lock; and with that of the peer that carries it, if one does ---- */

bool peer_linger_waits(const pyr_stream *stream)
{
	return stream->method.linger && stream->method.linger->call && !stream->route.peer;
}

bool peer_linger_has_room(pyr_stream *stream, size_t n)
{
	struct lingering_call *l = stream->method.linger;
	bool ok;

	pthread_mutex_lock(&l->table->lock);
	ok = l->table->n_bytes + n <= LINGER_MAX_BYTES;
	if (ok && l->is_in_row) {
		l->n_bytes += n;
		l->table->n_bytes += n;
	}
	pthread_mutex_unlock(&l->table->lock);
	return ok;
}

/* It is not kept any more, which is all that there was to it. Returns it: to be dropped. */
static struct lingering_call *forgo(pyr_stream *stream)
{
	struct lingering_call *l = stream->method.linger;

	lingering_leave_table(l);
	dismantle(l);
	queue_keep_nothing(&stream->out.queue);
	stream_charge_queue(stream);
	return l;
}

pyr_call *peer_linger_answered(pyr_stream *stream)
{
	struct lingering_call *l = stream->method.linger;
	struct peer *peer = stream->route.peer;
	pyr_call *call = l->call;

	l->call = NULL;
	if (peer && (!stream_charge(stream, 0) ||
		     !numtab_put(&peer->taken.answered, stream->route.number, l)))
		peer_linger_drop(forgo(stream)); /* what waits leaves all the same */
	return call;
}

/* One that was taken out of the table just now is about to be abandoned. */
void peer_linger_lose(pyr_stream *stream)
{
	struct lingering_call *l = stream->method.linger;
	bool is_mine;

	if (!l)
		return;
	pthread_mutex_lock(&l->table->lock);
	is_mine = *lingering_find(l->table, l->token) == l;
	if (is_mine)
		take_out(l->table, l);
	pthread_mutex_unlock(&l->table->lock);
	if (!is_mine)
		return;
	dismantle(l);
	queue_clear(&stream->out.queue);
	stream_charge_queue(stream);
	peer_linger_drop(l); /* not the last of the call: who answers it has another */
}

void peer_linger_forgo(pyr_stream *stream)
{
	if (stream->method.linger && stream->route.peer && stream->method.linger->call)
		peer_linger_drop(forgo(stream)); /* its method runs: not the last of anything */
}
