/* SPDX-License-Identifier: MIT */
/* Links without a network: what the library writes is kept for the model, what the model writes is
 * delivered within one of its steps. */
#include "fuzz.h"

#include <grpc/grpc.h>
#include <grpc/support/time.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tsan.h"
#include "peer/peer.h"
#include "wire/frame.h"

struct link *(*fuzz_connect)(const struct link_target *target, const struct link_events *events,
			     void *owner);

static struct fake *of(struct link *link)
{
	return (struct fake *)link;
}

static enum link_write write_link(struct link *link, const struct link_message *message)
{
	struct fake *f = of(link);
	enum link_write ret = f->writes_at_once ? LINK_WRITTEN : LINK_WRITING;
	unsigned i;

	if (message->n == 0 || message->n > FRAME_MESSAGE_MAX)
		fuzz_finding("%s: a message of %zu bytes is written", link->address, message->n);
	pthread_mutex_lock(&f->lock);
	if (f->is_closing || f->is_cut)
		ret = LINK_OVER;
	else
		for (i = 0; i < message->n_parts; i++)
			buf_append(&f->written, message->parts[i].p, message->parts[i].n);
	if (f->owes_written)
		fuzz_finding("%s: a write is begun while another is under way", link->address);
	f->owes_written = ret == LINK_WRITING;
	pthread_mutex_unlock(&f->lock);
	return ret;
}

static void close_link(struct link *link, int code, const char *text)
{
	struct fake *f = of(link);

	(void)text;
	pthread_mutex_lock(&f->lock);
	if (!f->is_closing)
		f->close_code = code;
	f->is_closing = true;
	pthread_mutex_unlock(&f->lock);
}

/* Its owner is about to go: nothing may be left of what came over the link. */
static void check_owner(const struct link *link, const struct peer *peer)
{
	size_t n = peer->taken.calls.n + peer->taken.answered.n + peer->taken.sessions.n +
		   peer->made.n_calls;

	if (n > 0 || atomic_load(&peer->taken.n_held) > 0)
		fuzz_finding(
			"%s: %zu calls and sessions are left when their link is freed, %zu held",
			link->address, n, atomic_load(&peer->taken.n_held));
	if (budget_used(peer->budget) > 0)
		fuzz_finding("%s: %zu bytes are charged to its connection when the link is freed",
			     link->address, budget_used(peer->budget));
	if (peer->out.ring || peer->made.blocked)
		fuzz_finding("%s: somebody waits for a link that is freed", link->address);
}

static void free_link(struct link *link)
{
	struct fake *f = of(link);

	if (atomic_exchange(&f->is_free, true))
		fuzz_finding("%s: freed twice", link->address);
	check_owner(link, link->owner);
}

static void start_link(struct link *link)
{
	(void)link; /* its driver begins when it likes */
}

static const struct link_kind fake_kind = { write_link, close_link, free_link, NULL, start_link };

struct fake *fake_new(const char *address, bool writes_at_once)
{
	struct fake *f = calloc(1, sizeof(*f));

	if (!f)
		abort();
	f->link.kind = &fake_kind;
	f->link.is_local = true;
	f->writes_at_once = writes_at_once;
	snprintf(f->link.address, sizeof(f->link.address), "%s", address);
	pthread_mutex_init(&f->lock, NULL);
	return f;
}

void fake_free(struct fake *f)
{
	buf_free(&f->written);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

struct buf fake_take(struct fake *f)
{
	struct buf taken;

	pthread_mutex_lock(&f->lock);
	taken = f->written;
	f->written = (struct buf){ 0 };
	pthread_mutex_unlock(&f->lock);
	return taken;
}

bool fake_is_closing(struct fake *f)
{
	bool is_closing;

	pthread_mutex_lock(&f->lock);
	is_closing = f->is_closing;
	pthread_mutex_unlock(&f->lock);
	return is_closing;
}

/* A message as a block of its own, so that a look beyond its end is seen. */
void fake_deliver(struct fake *f, const struct buf *message)
{
	uint8_t *copy = malloc(message->n ? message->n : 1);

	if (!copy)
		abort();
	memcpy(copy, message->data, message->n);
	f->link.events->message(f->link.owner, (struct span){ copy, message->n });
	free(copy);
}

void fake_written(struct fake *f)
{
	bool is_due;

	pthread_mutex_lock(&f->lock);
	is_due = f->owes_written;
	f->owes_written = false;
	pthread_mutex_unlock(&f->lock);
	if (is_due)
		f->link.events->written(f->link.owner);
}

void fake_close(struct fake *f, bool is_orderly)
{
	struct link_end end = { .code = PYR_UNAVAILABLE,
				.was_connected = true,
				.text = "connection closed" };
	bool is_own;

	if (f->is_closed)
		return;
	f->is_closed = true;
	pthread_mutex_lock(&f->lock);
	f->is_cut = true;
	f->owes_written = false;
	is_own = f->is_closing && f->close_code;
	if (is_own)
		end.code = f->close_code;
	pthread_mutex_unlock(&f->lock);
	if (is_own)
		end.text = "closed here";
	f->link.is_orderly = is_orderly && !is_own;
	f->link.events->closed(f->link.owner, &end);
}

/* ---- between the library and its own links ---- */

struct link *__real_link_connect(const struct link_target *target, const struct link_events *events,
				 void *owner);
struct link *__wrap_link_connect(const struct link_target *target, const struct link_events *events,
				 void *owner);

struct link *__wrap_link_connect(const struct link_target *target, const struct link_events *events,
				 void *owner)
{
	return fuzz_connect ? fuzz_connect(target, events, owner)
			    : __real_link_connect(target, events, owner);
}

/* ---- events ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static grpc_call *poster;

static void make_poster(void)
{
	grpc_channel *lame;

	if (engine_start() < 0)
		abort();
	engine_core_enter();
	lame = grpc_lame_client_channel_create("fuzz", GRPC_STATUS_UNAVAILABLE, "fuzz");
	poster = grpc_channel_create_call(lame, NULL, GRPC_PROPAGATE_DEFAULTS, engine_queue(),
					  grpc_slice_from_static_string("/fuzz"), NULL,
					  gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
	grpc_channel_destroy(lame);
}

void fuzz_post(struct engine_event *event)
{
	pthread_once(&once, make_poster);
	TSAN_RELEASE(event);
	if (grpc_call_start_batch(poster, NULL, 0, event, NULL) != GRPC_CALL_OK)
		abort();
}
