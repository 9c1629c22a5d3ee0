/* SPDX-License-Identifier: MIT */
/* Links without a network: what the library writes is kept for the model, what the model writes is
 * delivered within one of its steps. One with a cable hands both on. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fuzz_cable.h"
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
	else if (!f->cable)
		for (i = 0; i < message->n_parts; i++)
			buf_append(&f->written, message->parts[i].p, message->parts[i].n);
	if (f->owes_written)
		fuzz_finding("%s: a write is begun while another is under way", link->address);
	f->owes_written = ret == LINK_WRITING;
	pthread_mutex_unlock(&f->lock);
	if (f->cable && ret == LINK_WRITING) {
		ret = cable_write(f->cable, message);
		if (ret != LINK_WRITING) {
			pthread_mutex_lock(&f->lock);
			f->owes_written = false;
			pthread_mutex_unlock(&f->lock);
		}
	}
	return ret;
}

static void close_link(struct link *link, int code, const char *text)
{
	struct fake *f = of(link);

	pthread_mutex_lock(&f->lock);
	if (!f->is_closing)
		f->close_code = code;
	f->is_closing = true;
	pthread_mutex_unlock(&f->lock);
	if (f->cable)
		cable_close_inner(f->cable, code, text);
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

	check_owner(link, link->owner);
	if (f->cable)
		cable_free_inner(f->cable);
	if (atomic_exchange(&f->is_free, true))
		fuzz_finding("%s: freed twice", link->address);
}

/* Its driver begins when it likes. */
static void start_link(struct link *link)
{
	if (of(link)->cable)
		cable_start_inner(of(link)->cable);
}

static bool has_input(struct link *link)
{
	return of(link)->cable && cable_has_input(of(link)->cable);
}

static const struct link_kind fake_kind = { .write = write_link,
					    .close = close_link,
					    .free = free_link,
					    .has_input = has_input,
					    .start = start_link };

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
	cable_free(f->cable);
	pthread_mutex_destroy(&f->lock);
	free(f->link.identity);
	free(f);
}

struct buf fake_take(struct fake *f)
{
	struct buf taken;

	if (f->cable)
		return cable_take(f->cable);
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
	is_closing = f->is_closing || (f->cable && f->is_cut);
	pthread_mutex_unlock(&f->lock);
	return is_closing;
}

/* A message as a block of its own, so that a look beyond its end is seen. */
void fake_deliver(struct fake *f, const struct buf *message)
{
	uint8_t *copy;

	if (f->cable) {
		cable_deliver(f->cable, message);
		return;
	}
	copy = malloc(message->n ? message->n : 1);
	if (!copy)
		abort();
	memcpy(copy, message->data, message->n);
	f->link.events->message(f->link.owner, (struct span){ copy, message->n });
	free(copy);
}

void fake_written(struct fake *f)
{
	bool is_due;

	if (f->cable) {
		cable_tend(f->cable);
		return;
	}
	pthread_mutex_lock(&f->lock);
	is_due = f->owes_written;
	f->owes_written = false;
	pthread_mutex_unlock(&f->lock);
	if (is_due)
		f->link.events->written(f->link.owner);
}

void fake_sync(struct fake *f)
{
	if (f->cable)
		cable_sync(f->cable);
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
	if (f->cable) {
		cable_close(f->cable, is_orderly);
		return;
	}
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
	return fuzz_connect && !target->is_here ? fuzz_connect(target, events, owner)
						: __real_link_connect(target, events, owner);
}

/* ---- steps ---- */

static void on_turn(struct engine_source *source, uint32_t events);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct engine_source turns = { .fd = -1, .ready = on_turn };
static struct fuzz_turn *_Atomic next_turn;

/* Level-triggered: it is quiet again before the turn runs, which may poll on its own. */
static void on_turn(struct engine_source *source, uint32_t events)
{
	struct fuzz_turn *turn = atomic_load(&next_turn);
	uint64_t n;

	(void)events;
	if (read(source->fd, &n, sizeof(n)) == sizeof(n))
		turn->run(turn);
}

static void begin(void)
{
	if (engine_start() < 0)
		abort();
	turns.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (turns.fd < 0 || !engine_source_add(&turns, EPOLLIN))
		abort();
}

void fuzz_post(struct fuzz_turn *turn)
{
	static const uint64_t one = 1;

	pthread_once(&once, begin);
	atomic_store(&next_turn, turn);
	if (write(turns.fd, &one, sizeof(one)) != sizeof(one))
		abort();
}
