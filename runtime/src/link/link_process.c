/* SPDX-License-Identifier: MIT */
/*
 * A link within a process. Who writes leaves the message where it is, and the leader hands it on
 * before it polls: so what comes is handled in the leader here too, with no lock of this end's.
 * Then it may be forgotten, and the next may be written: a message is never queued.
 *
 * The two ends are one block of memory, counted: by the owner of each, and while it is due to be
 * looked at. An end that is closed for a reason is over at once; one that ends in good order, once
 * both have been given what was written before.
 */
#include "link/link_process.h"

#include <pyrite/pyrite.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "engine/engine.h"
#include "wire/frame.h"

enum { CONNECTING, ACCEPTED };

struct pair;

struct end {
	struct link link;
	struct pair *pair;
	/* of the leader: */
	bool is_started;
	bool is_finished; /* closed() was called */
	/* the pair's lock: */
	const struct link_message *message; /* the owner's, to be handed on; NULL: none */
	bool is_closing;                    /* nothing more is written */
	bool has_closed;                    /* by its owner, */
	int close_code;                     /* and why */
	char close_text[256];
};

struct pair {
	atomic_int refs;
	pthread_mutex_t lock; /* after the owners' */
	struct end ends[2];
	struct engine_hook due;
	bool is_due;             /* lock */
	struct link_gift *gifts; /* lock: given, and not taken yet */
	bool has_arrived;        /* leader */
	bool was_here;           /* the place, when it was looked for */
	bool is_visitors;        /* constant; and then it is at */
	const struct link_place *visited;
};

static struct {
	pthread_mutex_t lock; /* before a daemon's */
	struct link_place *first;
} places = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- places ---- */

void link_place_offer(struct link_place *place)
{
	pthread_mutex_lock(&places.lock);
	place->next = places.first;
	places.first = place;
	pthread_mutex_unlock(&places.lock);
}

void link_place_withdraw(struct link_place *place)
{
	struct link_place **at;

	pthread_mutex_lock(&places.lock);
	for (at = &places.first; *at && *at != place; at = &(*at)->next)
		;
	if (*at)
		*at = place->next;
	pthread_mutex_unlock(&places.lock);
}

/* With the lock. */
static struct link_place *find_place(const char *address)
{
	struct link_place *place = places.first;

	while (place && strcmp(place->address, address) != 0)
		place = place->next;
	return place;
}

/* The one that it goes to, if that is still offered. Several may have one address: a visitor's is
 * his daemon's own. */
static struct link_place *place_of(const struct pair *p)
{
	struct link_place *place = places.first;

	if (!p->is_visitors)
		return find_place(p->ends[CONNECTING].link.address);
	while (place && place != p->visited)
		place = place->next;
	return place;
}

bool link_place_is_here(const char *address)
{
	bool is_here;

	pthread_mutex_lock(&places.lock);
	is_here = find_place(address) != NULL;
	pthread_mutex_unlock(&places.lock);
	return is_here;
}

/* ---- a pair ---- */

static void unref(struct pair *p)
{
	struct link_gift *gift;

	if (atomic_fetch_sub(&p->refs, 1) != 1)
		return;
	while ((gift = p->gifts)) {
		p->gifts = gift->next;
		gift->drop(gift);
	}
	free(p->ends[ACCEPTED].link.identity);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static struct end *other(const struct end *e)
{
	return &e->pair->ends[e == &e->pair->ends[CONNECTING] ? ACCEPTED : CONNECTING];
}

/* The leader is to look at it. */
static void look_soon_unlock(struct pair *p)
{
	bool adds = !p->is_due;

	p->is_due = true;
	if (adds)
		atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&p->lock);
	if (adds)
		engine_before_poll(&p->due);
}

/* ---- what its owners want ---- */

static enum link_write write_link(struct link *link, const struct link_message *message)
{
	struct end *e = (struct end *)link;

	pthread_mutex_lock(&e->pair->lock);
	if (e->is_closing) {
		pthread_mutex_unlock(&e->pair->lock);
		return LINK_OVER;
	}
	e->message = message;
	look_soon_unlock(e->pair);
	return LINK_WRITING;
}

static void close_link(struct link *link, int code, const char *text)
{
	struct end *e = (struct end *)link;

	pthread_mutex_lock(&e->pair->lock);
	if (code != 0 && !e->close_code) { /* also after an orderly one that takes too long */
		e->close_code = code;
		snprintf(e->close_text, sizeof(e->close_text), "%s", text);
	}
	e->is_closing = e->has_closed = true;
	look_soon_unlock(e->pair);
}

static void free_link(struct link *link)
{
	unref(((struct end *)link)->pair);
}

static void start_link(struct link *link)
{
	struct end *e = (struct end *)link;

	e->is_started = true;
}

static const struct link_kind process_kind = {
	.write = write_link, .close = close_link, .free = free_link, .start = start_link
};

/* ---- gifts ---- */

bool link_process_is(const struct link *link)
{
	return link->kind == &process_kind;
}

void link_process_give(struct link *link, struct link_gift *gift)
{
	struct pair *p = ((struct end *)link)->pair;

	pthread_mutex_lock(&p->lock);
	gift->next = p->gifts;
	p->gifts = gift;
	pthread_mutex_unlock(&p->lock);
}

struct link_gift *link_process_take(struct link *link, uint32_t number)
{
	struct link_gift **at, *gift;
	struct pair *p;

	if (!link_process_is(link))
		return NULL;
	p = ((struct end *)link)->pair;
	pthread_mutex_lock(&p->lock);
	for (at = &p->gifts; *at && (*at)->number != number; at = &(*at)->next)
		;
	gift = *at;
	if (gift)
		*at = gift->next;
	pthread_mutex_unlock(&p->lock);
	return gift;
}

/* ---- what becomes of it; in the leader ---- */

/* The daemon may be gone meanwhile: then it was there. */
static void arrive(struct pair *p)
{
	struct end *e = &p->ends[ACCEPTED];
	struct link_place *place;

	p->has_arrived = true;
	pthread_mutex_lock(&places.lock);
	place = place_of(p);
	if (place) {
		atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
		place->arrive(place, &e->link);
	}
	pthread_mutex_unlock(&places.lock);
	if (place && e->is_started)
		return;
	pthread_mutex_lock(&p->lock);
	e->is_closing = e->has_closed = true;
	pthread_mutex_unlock(&p->lock);
}

static void tell(struct end *to, const struct link_message *message)
{
	struct buf whole = { 0 };
	uint8_t *at;

	if (message->n_parts == 1) {
		to->link.events->message(to->link.owner, message->parts[0]);
		return;
	}
	at = buf_grow(&whole, message->n);
	if (at) {
		link_message_copy(message, at);
		to->link.events->message(to->link.owner, span_of_buf(&whole));
	} else {
		close_link(&to->link, PYR_RESOURCE_EXHAUSTED, "out of memory");
	}
	buf_free(&whole);
}

/* Hands on what one end has written, unless the other one has closed at once. */
static void pass(struct end *from)
{
	const struct link_message *message;
	struct end *to = other(from);

	if (!to->is_started || to->is_finished || from->is_finished)
		return;
	pthread_mutex_lock(&from->pair->lock);
	message = to->close_code ? NULL : from->message;
	pthread_mutex_unlock(&from->pair->lock);
	if (!message)
		return;
	tell(to, message);
	pthread_mutex_lock(&from->pair->lock);
	from->message = NULL;
	pthread_mutex_unlock(&from->pair->lock);
	from->link.events->written(from->link.owner);
}

/* Tells the owner, unless there is none, or he was told. */
static void finish(struct end *e)
{
	struct link_end end = { .code = PYR_UNAVAILABLE, .text = "connection closed" };
	char text[sizeof(e->close_text)];
	struct end *by = other(e);

	if (!e->is_started || e->is_finished)
		return;
	e->is_finished = true;
	pthread_mutex_lock(&e->pair->lock);
	if (e->close_code) {
		end.code = e->close_code;
		end.text = memcpy(text, e->close_text, sizeof(text));
	}
	e->link.is_orderly = e == &e->pair->ends[ACCEPTED] && by->has_closed && !by->close_code &&
			     !e->close_code;
	pthread_mutex_unlock(&e->pair->lock);
	end.was_connected = e == &e->pair->ends[ACCEPTED] || e->pair->was_here;
	if (!end.was_connected && !e->close_code)
		end.text = "no daemon of this process is there";
	e->link.events->closed(e->link.owner, &end);
}

static void on_due(struct engine_hook *hook)
{
	struct pair *p = (struct pair *)((char *)hook - offsetof(struct pair, due));
	struct end *a = &p->ends[CONNECTING], *b = &p->ends[ACCEPTED];
	bool is_over, is_cut, is_first;

	pthread_mutex_lock(&p->lock);
	p->is_due = false;
	pthread_mutex_unlock(&p->lock);
	if (!p->has_arrived)
		arrive(p);
	pass(a);
	pass(b);

	pthread_mutex_lock(&p->lock);
	is_over = a->is_closing || b->is_closing;
	is_cut = a->close_code || b->close_code || !b->is_started;
	a->is_closing = b->is_closing = is_over;
	is_over = is_over && (is_cut || (!a->message && !b->message));
	is_first = a->has_closed;
	pthread_mutex_unlock(&p->lock);
	if (is_over) { /* who has begun hears of it when the other one has */
		finish(is_first ? b : a);
		finish(is_first ? a : b);
	}
	unref(p);
}

/* ---- beginnings ---- */

/* The accepting end sees him there. Returns false when memory is out. */
static bool admit_visitor(struct pair *p, const struct link_visitor *visitor)
{
	struct link *link = &p->ends[ACCEPTED].link;

	p->is_visitors = true;
	p->visited = atomic_load(&visitor->place);
	p->was_here = p->visited;
	link->is_vouched = true;
	link->is_local = visitor->is_local;
	link->has_credentials = visitor->has_credentials;
	link->credentials = visitor->credentials;
	snprintf(link->address, sizeof(link->address), "%s", visitor->address);
	link->identity = visitor->identity[0] ? strdup(visitor->identity) : NULL;
	return link->identity || !visitor->identity[0];
}

static void init_end(struct pair *p, int which, const char *address)
{
	struct end *e = &p->ends[which];

	e->pair = p;
	e->link.kind = &process_kind;
	e->link.lane = "process";
	e->link.is_local = true;
	snprintf(e->link.address, sizeof(e->link.address), "%s", address);
}

struct link *link_process_connect(const struct link_target *target,
				  const struct link_events *events, void *owner)
{
	struct pair *p = calloc(1, sizeof(*p));
	struct end *e;

	if (!p)
		return NULL;
	p->refs = 1;
	p->was_here = target->is_here;
	p->due.run = on_due;
	pthread_mutex_init(&p->lock, NULL);
	init_end(p, CONNECTING, target->address);
	init_end(p, ACCEPTED, target->address);
	if (target->visitor && !admit_visitor(p, target->visitor)) {
		unref(p);
		return NULL;
	}
	e = &p->ends[CONNECTING];
	e->link.events = events;
	e->link.owner = owner;
	e->is_started = true;
	pthread_mutex_lock(&p->lock);
	look_soon_unlock(p);
	return &e->link;
}
