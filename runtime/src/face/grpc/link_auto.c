/* SPDX-License-Identifier: MIT */
/*
 * A link to a server of which it is not known whether it is a Pyrite: frames over a stream, unless
 * the server does not know the stream's method. Then a plain link takes over, and gets the one
 * message that was written so far. Until the first message comes no more than one is written, so
 * that there is no more to be kept; then this is out of the way but for a pointer.
 */
#include "face/grpc/link_auto.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct auto_link {
	struct link link;
	struct link *_Atomic inner; /* lock, to change it */
	atomic_bool is_settled;     /* it stays */
	bool is_held_back;          /* leader: the owner has yet to hear written() */
	pthread_mutex_t lock;       /* after the owner's, before that of inner */
	/* lock: */
	struct buf written; /* until it is settled */
	bool is_closing;    /* by the owner */
	uint32_t max_message;
	char target[]; /* of gRPC */
};

static struct auto_link *of(struct link *link)
{
	return (struct auto_link *)link;
}

/* Later events go to the owner without a detour. In the leader, who alone reads these. */
static void settle(struct auto_link *a)
{
	struct link *inner;

	pthread_mutex_lock(&a->lock);
	inner = atomic_load(&a->inner);
	inner->events = a->link.events;
	inner->owner = a->link.owner;
	buf_free(&a->written);
	atomic_store(&a->is_settled, true);
	pthread_mutex_unlock(&a->lock);
}

static void on_message(void *owner, struct span message)
{
	struct auto_link *a = owner;

	settle(a);
	if (a->is_held_back)
		a->link.events->written(a->link.owner);
	a->link.events->message(a->link.owner, message);
}

static void on_written(void *owner)
{
	struct auto_link *a = owner;

	a->is_held_back = true;
}

/* Hands over to a plain link. */
static bool fall_back(struct auto_link *a)
{
	struct link *stream, *plain = NULL;
	struct link_target target = { .target = a->target,
				      .address = a->link.address,
				      .is_local = a->link.is_local,
				      .max_message = a->max_message };
	bool was_written = false;

	pthread_mutex_lock(&a->lock);
	stream = atomic_load(&a->inner);
	if (!a->is_closing && !a->written.broken)
		plain = link_plain_connect(&target, a->link.events, a->link.owner);
	if (plain) {
		a->link.is_plain = true;
		was_written = a->written.n > 0;
		if (was_written)
			plain->kind->write(plain, (struct span){ a->written.data, a->written.n });
		buf_free(&a->written);
		atomic_store(&a->inner, plain);
		atomic_store(&a->is_settled, true);
	}
	pthread_mutex_unlock(&a->lock);
	if (!plain)
		return false;
	stream->kind->free(stream);
	if (was_written)
		a->link.events->written(a->link.owner);
	return true;
}

static void on_closed(void *owner, const struct link_end *end)
{
	struct auto_link *a = owner;

	if (end->code == PYR_UNIMPLEMENTED && fall_back(a))
		return;
	settle(a);
	a->link.events->closed(a->link.owner, end);
}

static const struct link_events events = { on_message, on_written, on_closed };

static enum link_write write_link(struct link *link, struct span message)
{
	struct auto_link *a = of(link);
	enum link_write written;
	struct link *inner;

	if (!atomic_load_explicit(&a->is_settled, memory_order_acquire)) {
		pthread_mutex_lock(&a->lock);
		inner = atomic_load(&a->inner);
		if (!atomic_load(&a->is_settled))
			buf_append(&a->written, message.p, message.n);
		written = inner->kind->write(inner, message);
		pthread_mutex_unlock(&a->lock);
		return written;
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
	pthread_mutex_destroy(&a->lock);
	free(a);
}

/* ---- beginnings ---- */

static const struct link_kind auto_kind = { write_link, close_link, free_link, NULL };

struct link *link_auto_connect(const struct link_target *target, const struct link_events *owners,
			       void *owner)
{
	size_t n = strlen(target->target) + 1;
	struct auto_link *a = calloc(1, sizeof(*a) + n);
	struct link *inner;

	if (!a)
		return NULL;
	a->link.kind = &auto_kind;
	a->link.events = owners;
	a->link.owner = owner;
	a->link.is_local = target->is_local;
	a->max_message = target->max_message;
	snprintf(a->link.address, sizeof(a->link.address), "%s", target->address);
	memcpy(a->target, target->target, n);
	pthread_mutex_init(&a->lock, NULL);
	pthread_mutex_lock(&a->lock); /* events may come before this returns */
	inner = link_grpc_connect(target, &events, a);
	atomic_store(&a->inner, inner);
	pthread_mutex_unlock(&a->lock);
	if (inner)
		return &a->link;
	free_link(&a->link);
	return NULL;
}
