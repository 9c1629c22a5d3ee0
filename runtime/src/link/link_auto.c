/* SPDX-License-Identifier: MIT */
#include "link/link_auto.h"

#include <pyrite/pyrite.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls/tls.h"

static link_open *pyro[3]; /* [1]: how to speak Pyro's protocol; set once, before any link is */

void link_auto_set_pyro(link_open *open)
{
	pyro[1] = open;
}

struct auto_link {
	struct link link;
	struct link *_Atomic inner; /* lock, to change it */
	atomic_bool is_settled;     /* it stays */
	pthread_mutex_t lock;       /* after the owner's, before that of inner */
	/* lock: */
	struct buf written;        /* until it is settled, */
	struct link_message again; /* as another kind is given it */
	bool is_held_back;         /* the owner has yet to hear written() */
	bool is_closing;           /* by the owner */
	bool may_be_pyro;          /* constant */
	link_open *const *kind;    /* of inner, in the target's list */
	uint32_t max_message;
	struct tls_settings *tls; /* counted; NULL: none */
	pyr_uri uri;              /* whom to dial: port, host and socket alone */
	char target[];            /* of gRPC; behind it host and socket */
};

static struct auto_link *of(struct link *link)
{
	return (struct auto_link *)link;
}

/* What the owner reads is told of the kind that it turned out to be. */
static void be_like(struct auto_link *a, const struct link *inner)
{
	a->link.lane = inner->lane;
	a->link.is_plain = inner->is_plain;
	a->link.wants_pings = inner->wants_pings;
	a->link.identity = inner->identity;
}

/* Later events go to the owner without a detour. Returns whether written() is to be told. In the
 * leader, who alone reads these. */
static bool settle(struct auto_link *a)
{
	struct link *inner;
	bool is_held_back;

	pthread_mutex_lock(&a->lock);
	inner = atomic_load(&a->inner);
	inner->events = a->link.events;
	inner->owner = a->link.owner;
	be_like(a, inner);
	if (a->again.n == 0 || a->is_held_back) /* else it is still being written */
		buf_free(&a->written);
	is_held_back = a->is_held_back;
	atomic_store(&a->is_settled, true);
	pthread_mutex_unlock(&a->lock);
	return is_held_back;
}

static void on_message(void *owner, struct span message)
{
	struct auto_link *a = owner;

	if (settle(a))
		a->link.events->written(a->link.owner);
	a->link.events->message(a->link.owner, message);
}

static void on_written(void *owner)
{
	struct auto_link *a = owner;

	pthread_mutex_lock(&a->lock);
	a->is_held_back = true;
	pthread_mutex_unlock(&a->lock);
}

static const struct link_events events;

/* Tries the next kind; with the lock. Returns NULL if there is none, or it is not wanted. */
static struct link *open_next(struct auto_link *a)
{
	struct link_target target = { .tls = a->tls,
				      .uri = &a->uri,
				      .target = a->target,
				      .address = a->link.address,
				      .is_local = a->link.is_local,
				      .max_message = a->max_message };
	struct link *next;
	bool is_last;

	if (a->is_closing || a->written.broken || !a->kind[1])
		return NULL;
	is_last = !a->kind[2] && !a->tls; /* with TLS it is yet to be known who is there */
	next = a->kind[1](&target, is_last ? a->link.events : &events, is_last ? a->link.owner : a);
	if (!next)
		return NULL;
	a->kind++;
	be_like(a, next);
	atomic_store(&a->inner, next);
	atomic_store(&a->is_settled, is_last);
	return next;
}

/* Hands over to the next kind. */
static bool fall_back(struct auto_link *a, const struct link_end *end)
{
	struct link *before, *next;
	bool was_written = false;

	pthread_mutex_lock(&a->lock);
	before = atomic_load(&a->inner);
	if (end->is_pyro && a->may_be_pyro && pyro[1])
		a->kind = pyro;
	a->is_held_back = false;
	next = open_next(a);
	if (next && a->written.n > 0) {
		a->again = (struct link_message){ { span_of_buf(&a->written) }, 1, a->written.n };
		was_written = next->kind->write(next, &a->again) == LINK_WRITTEN;
	}
	if (was_written && !atomic_load(&a->is_settled))
		a->is_held_back = true;
	was_written &= atomic_load(&a->is_settled);
	pthread_mutex_unlock(&a->lock);
	if (!next)
		return false;
	before->kind->free(before);
	if (was_written)
		a->link.events->written(a->link.owner);
	return true;
}

/* Of one that the owner has closed the next kind is not tried, and what the server speaks not
 * known. */
static void on_closed(void *owner, const struct link_end *end)
{
	static const struct link_end own = { .code = PYR_UNAVAILABLE, .text = "connection closed" };
	static const struct link_end full = { .code = PYR_RESOURCE_EXHAUSTED,
					      .text = "out of memory or descriptors" };
	struct auto_link *a = owner;
	bool is_closing, has_next;

	if (end->is_other && fall_back(a, end))
		return;
	pthread_mutex_lock(&a->lock);
	is_closing = a->is_closing;
	has_next = a->kind[1] != NULL;
	pthread_mutex_unlock(&a->lock);
	(void)settle(a);
	if (end->is_other && (is_closing || has_next))
		end = is_closing ? &own : &full;
	a->link.events->closed(a->link.owner, end);
}

static const struct link_events events = { on_message, on_written, on_closed };

/* Not before it is known that there will be no other. */
static enum link_write write_first(struct auto_link *a, const struct link_message *message)
{
	struct link *inner = atomic_load(&a->inner);
	enum link_write written = inner->kind->write(inner, message);

	uint8_t *copy = buf_grow(&a->written, message->n);

	if (copy)
		link_message_copy(message, copy);
	if (written == LINK_OVER && a->is_closing)
		return LINK_OVER;
	/* Of one that has just ended the next kind takes the message, or closed() comes. */
	a->is_held_back = written == LINK_WRITTEN;
	return LINK_WRITING;
}

static enum link_write write_link(struct link *link, const struct link_message *message)
{
	struct auto_link *a = of(link);
	enum link_write written;
	struct link *inner;

	if (!atomic_load_explicit(&a->is_settled, memory_order_acquire)) {
		pthread_mutex_lock(&a->lock);
		if (!atomic_load(&a->is_settled)) {
			written = write_first(a, message);
			pthread_mutex_unlock(&a->lock);
			return written;
		}
		pthread_mutex_unlock(&a->lock);
	}
	inner = atomic_load(&a->inner);
	return inner->kind->write(inner, message);
}

static void close_link(struct link *link, int code, const char *text)
{
	struct auto_link *a = of(link);
	struct link *inner;

	pthread_mutex_lock(&a->lock);
	a->is_closing = true;
	inner = atomic_load(&a->inner);
	inner->kind->close(inner, code, text);
	pthread_mutex_unlock(&a->lock);
}

static void free_link(struct link *link)
{
	struct auto_link *a = of(link);
	struct link *inner = atomic_load(&a->inner);

	if (inner)
		inner->kind->free(inner);
	buf_free(&a->written);
	tls_settings_unref(a->tls);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

/* ---- beginnings ---- */

static bool has_input(struct link *link)
{
	struct link *inner = atomic_load(&of(link)->inner);

	return inner->kind->has_input && inner->kind->has_input(inner);
}

static struct link *inner_of(struct link *link)
{
	return atomic_load(&of(link)->inner);
}

static const struct link_kind auto_kind = { .write = write_link,
					    .close = close_link,
					    .free = free_link,
					    .has_input = has_input,
					    .inner = inner_of };

struct link *link_auto_connect(const struct link_target *target, const struct link_events *owners,
			       void *owner)
{
	size_t n = strlen(target->target) + 1, n_host = strlen(target->uri->host) + 1;
	size_t n_socket = strlen(target->uri->socket) + 1;
	struct auto_link *a = calloc(1, sizeof(*a) + n + n_host + n_socket);
	struct link *inner;

	if (!a)
		return NULL;
	a->link.kind = &auto_kind;
	a->link.events = owners;
	a->link.owner = owner;
	a->link.is_local = target->is_local;
	a->kind = target->kinds;
	a->max_message = target->max_message;
	a->may_be_pyro = target->may_be_pyro;
	a->tls = tls_settings_ref(target->tls);
	snprintf(a->link.address, sizeof(a->link.address), "%s", target->address);
	memcpy(a->target, target->target, n);
	a->uri.port = target->uri->port;
	a->uri.host = memcpy(a->target + n, target->uri->host, n_host);
	a->uri.socket = memcpy(a->target + n + n_host, target->uri->socket, n_socket);
	pthread_mutex_init(&a->lock, NULL);
	pthread_mutex_lock(&a->lock); /* events may come before this returns */
	inner = a->kind[0](target, &events, a);
	atomic_store(&a->inner, inner);
	pthread_mutex_unlock(&a->lock);
	if (inner)
		return &a->link;
	free_link(&a->link);
	return NULL;
}
