/* SPDX-License-Identifier: MIT */
/*
 * Objects of other processes, passed on to a third one by who holds a reference to them. The holder
 * offers an object that stands in, and knows nothing of its interface: sessions, calls and items
 * are handed on as they came, over the link that the reference came over. All of it is done by the
 * leader, before it polls and without locks: no thread of the holder's user has a part in it, and
 * none waits.
 *
 * A session of the third process has one of its own at the owner's; so order, instances and
 * versions are as if it had called the owner itself.
 */
#include "forward/forward_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "outcall/outcall.h"
#include "proxy/links.h"
#include "reference/references.h"

struct forward_session {
	struct session_relay relay; /* what the owner is told, and tells */
	atomic_int refs;            /* who took the session; the hook, while it waits */
	struct engine_hook hook;
	struct import *import; /* counted: of the owner's object */
	struct peer *from;     /* counted: over which the session was bound */
	struct span chain;     /* of its Bind */
	/* The hook's: */
	struct session *session; /* at the owner's, counted; NULL: not yet, or there is none */
	bool has_begun;
	int code; /* why there is none */
	char text[256];
	/* After a peer's; a leaf but for the engine's. Guards: */
	pthread_mutex_t lock;
	void *taken; /* NULL: closed */
	const struct forward_origin *origin;
	bool is_posted;
	pyr_call *first, **last; /* to be started, counted */
	bool is_bound;           /* what is to be told of it: */
	struct frame bound;
	struct buf message, shape, operations;
	uint8_t texts[]; /* of relay and chain */
};

static void destroy(struct forward_session *f)
{
	import_unref(f->import);
	peer_unref(f->from);
	buf_free(&f->message);
	buf_free(&f->shape);
	buf_free(&f->operations);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static void unref(struct forward_session *f)
{
	if (atomic_fetch_sub(&f->refs, 1) == 1)
		destroy(f);
}

/* There is something for the hook to do. With the lock. */
static void post(struct forward_session *f)
{
	if (f->is_posted)
		return;
	f->is_posted = true;
	atomic_fetch_add(&f->refs, 1);
	engine_before_poll(&f->hook);
}

/* ---- what the owner says ---- */

/* With the lock. What there is no memory for is told as that. */
static void keep_bound(struct forward_session *f, const struct frame *bound)
{
	f->bound = (struct frame){ .type = FRAME_BOUND, .code = bound->code };
	f->bound.fingerprint = bound->fingerprint;
	buf_append(&f->message, bound->message.p, bound->message.n);
	buf_append(&f->shape, bound->shape.p, bound->shape.n);
	frame_copy_operations(bound->body, &f->operations);
	if (f->message.broken || f->shape.broken || f->operations.broken)
		f->bound = (struct frame){ .type = FRAME_BOUND, .code = PYR_RESOURCE_EXHAUSTED };
	f->is_bound = true;
	post(f);
}

/* In the leader, with the lock of the owner's peer. */
static void on_bound(struct session_relay *relay, const struct frame *bound)
{
	struct forward_session *f = (struct forward_session *)relay;
	struct frame lost = { .code = PYR_UNAVAILABLE };
	char text[512] = "";

	if (!bound)
		session_loss(f->import->peer, text, sizeof(text), false);
	lost.message = span_of(text);
	pthread_mutex_lock(&f->lock);
	keep_bound(f, bound ? bound : &lost);
	pthread_mutex_unlock(&f->lock);
}

/* Tells who has bound it. */
static void tell_bound(struct forward_session *f)
{
	pthread_mutex_lock(&f->from->lock);
	pthread_mutex_lock(&f->lock);
	if (f->is_bound && f->taken) {
		f->bound.message = span_of_buf(&f->message);
		f->bound.shape = span_of_buf(&f->shape);
		f->bound.body = span_of_buf(&f->operations);
		f->origin->answer(f->taken, &f->bound);
	}
	f->is_bound = false;
	buf_free(&f->message);
	buf_free(&f->shape);
	buf_free(&f->operations);
	pthread_mutex_unlock(&f->lock);
	peer_flush_unlock(f->from);
}

/* ---- the session at the owner's ---- */

/* There will be none. */
static void cannot_begin(struct forward_session *f, int code, const char *text)
{
	struct frame bound = { .code = (uint32_t)code, .message = span_of(text) };

	f->code = code;
	snprintf(f->text, sizeof(f->text), "%s", text);
	pthread_mutex_lock(&f->lock);
	keep_bound(f, &bound);
	pthread_mutex_unlock(&f->lock);
}

static void begin(struct forward_session *f)
{
	struct peer *peer = f->import->peer;
	char name[REFERENCE_NAME], text[256];
	int code;

	f->has_begun = true;
	reference_name(f->import->node.id, name);
	if (!links_share(peer)) {
		snprintf(text, sizeof(text),
			 "ConnectionClosed: the connection to %.160s over which '%s' came is gone",
			 peer->link->address, name);
		cannot_begin(f, PYR_UNAVAILABLE, text);
		return;
	}
	f->session = session_new(peer, name, &codec_as_it_came, NULL);
	if (!f->session) {
		links_put(peer);
		cannot_begin(f, PYR_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	f->session->import = import_ref(f->import);
	f->session->relay = &f->relay;
	code = session_bind_soon(f->session, f->chain.n == EXEC_CHAIN ? f->chain.p : NULL, text,
				 sizeof(text));
	if (code)
		cannot_begin(f, code, text);
}

/* Nobody uses it: no call in it is left. */
static void end(struct forward_session *f)
{
	struct peer *peer = f->import->peer;

	if (!f->session)
		return;
	session_close(f->session, false);
	f->session = NULL;
	links_put(peer);
}

static void start_all(struct forward_session *f, pyr_call *call)
{
	pyr_call *next;

	for (; call; call = next) {
		next = call->request.handed_on->next;
		if (f->code)
			forward_fail(call, f->code, f->text);
		else
			forward_call(call, f->session);
	}
}

/* The hook. The thread may be one of the user's. */
static void run(struct engine_hook *hook)
{
	struct forward_session *f =
		(struct forward_session *)((char *)hook - offsetof(struct forward_session, hook));
	pyr_error *kept = pyr_error_take();
	pyr_call *first;
	bool is_closed, is_bound;

	pthread_mutex_lock(&f->lock);
	f->is_posted = false;
	first = f->first;
	f->first = NULL;
	f->last = &f->first;
	is_closed = !f->taken;
	is_bound = f->is_bound;
	pthread_mutex_unlock(&f->lock);
	if (!f->has_begun && !is_closed)
		begin(f);
	start_all(f, first);
	if (is_bound)
		tell_bound(f);
	if (is_closed)
		end(f);
	error_restore(kept);
	unref(f);
}

/* ---- what comes of it; with the lock of the peer that it comes over ---- */

/* Texts of the Bind, as long as the session. */
static struct span keep(uint8_t **at, struct span text)
{
	struct span kept = { *at, text.n };

	if (text.n > 0)
		memcpy(*at, text.p, text.n);
	*at += text.n;
	return kept;
}

static struct forward_session *open_session(struct object *object, struct peer *from, void *taken,
					    const struct forward_origin *origin,
					    const struct frame *bind)
{
	struct forward_session *f =
		calloc(1, sizeof(*f) + bind->interface.n + bind->shape.n + bind->chain.n);
	uint8_t *at;

	if (!f)
		return NULL;
	at = f->texts;
	f->relay = (struct session_relay){ .fingerprint = bind->fingerprint, .bound = on_bound };
	f->relay.interface = keep(&at, bind->interface);
	f->relay.shape = keep(&at, bind->shape);
	f->chain = keep(&at, bind->chain);
	f->refs = 1;
	f->hook.run = run;
	f->import = import_ref(object->stands_for);
	peer_ref(f->from = from);
	f->taken = taken;
	f->origin = origin;
	f->last = &f->first;
	pthread_mutex_init(&f->lock, NULL);
	pthread_mutex_lock(&f->lock);
	post(f);
	pthread_mutex_unlock(&f->lock);
	return f;
}

static void hand_on(struct forward_session *f, pyr_call *call)
{
	incall_ref(call);
	pthread_mutex_lock(&f->lock);
	*f->last = call;
	f->last = &call->request.handed_on->next;
	post(f);
	pthread_mutex_unlock(&f->lock);
}

static void close_session(struct forward_session *f)
{
	pthread_mutex_lock(&f->lock);
	f->taken = NULL;
	post(f);
	pthread_mutex_unlock(&f->lock);
	unref(f);
}

static const struct call_forward forward = { open_session, hand_on, close_session };

/* ---- the object ---- */

static void on_unused(struct object *object)
{
	import_unref(object->stands_for);
}

static struct object *make(struct import *import)
{
	static void (*const none)(void) = NULL;
	struct object *object =
		reference_object(&codec_as_it_came, NULL, import->peer->link->address, &none, NULL);

	if (!object)
		return NULL;
	object->forward = &forward;
	object->stands_for = import_ref(import);
	atomic_store(&object->on_unused, on_unused);
	return object;
}

static void __attribute__((constructor)) offer(void)
{
	reference_set_forwarder(make);
}
