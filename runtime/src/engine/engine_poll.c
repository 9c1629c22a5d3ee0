/* SPDX-License-Identifier: MIT */
/*
 * What the leader polls: descriptors, by an epoll of ours, or gRPC core, by its completion queue,
 * which shows no descriptor (engine_core.c). A process without one of the two never pays for it.
 * With both, the leader polls the descriptors, and a thread of its own hands over what core has.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/engine_own.h"

bool engine_poll_init(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	engine.epoll = epoll_create1(EPOLL_CLOEXEC);
	engine.kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (engine.epoll >= 0 && engine.kick_fd >= 0 &&
	    epoll_ctl(engine.epoll, EPOLL_CTL_ADD, engine.kick_fd, &event) == 0)
		return true;
	engine_poll_fini();
	return false;
}

void engine_poll_fini(void)
{
	if (engine.epoll >= 0)
		close(engine.epoll);
	if (engine.kick_fd >= 0)
		close(engine.kick_fd);
}

static int control(int op, struct engine_source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return epoll_ctl(engine.epoll, op, source->fd, &event);
}

/*
 * Those that are watched. The kernel knows them by their addresses, and often nobody else does: a
 * link that was closed waits for its other end. So that who looks for leaks finds them, they are
 * listed here.
 */
static struct {
	pthread_mutex_t lock; /* a leaf */
	struct engine_source *first;
} watched = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void list(struct engine_source *source)
{
	pthread_mutex_lock(&watched.lock);
	source->next = watched.first;
	if (source->next)
		source->next->link = &source->next;
	source->link = &watched.first;
	watched.first = source;
	pthread_mutex_unlock(&watched.lock);
}

static void unlist(struct engine_source *source)
{
	pthread_mutex_lock(&watched.lock);
	if (source->link) {
		*source->link = source->next;
		if (source->next)
			source->next->link = source->link;
		source->link = NULL;
	}
	pthread_mutex_unlock(&watched.lock);
}

/* The leader chooses anew what it polls. */
static void choose_again(void)
{
	pthread_mutex_lock(&engine.lock);
	engine_kick();
	pthread_mutex_unlock(&engine.lock);
}

bool engine_source_add(struct engine_source *source, uint32_t events)
{
	list(source); /* first: the leader may remove it at once */
	if (control(EPOLL_CTL_ADD, source, events) < 0) {
		unlist(source);
		return false;
	}
	if (atomic_fetch_add(&engine.n_sources, 1) == 0 && atomic_load(&engine.n_core) > 0)
		choose_again();
	return true;
}

void engine_source_set(struct engine_source *source, uint32_t events)
{
	(void)control(EPOLL_CTL_MOD, source, events);
}

void engine_source_remove(struct engine_source *source)
{
	unlist(source);
	if (control(EPOLL_CTL_DEL, source, 0) == 0) /* else there was no room for it */
		atomic_fetch_sub(&engine.n_sources, 1);
}

enum engine_poller engine_choose(void)
{
	return atomic_load(&engine.n_sources) == 0 && atomic_load(&engine.n_core) > 0 &&
			       !atomic_load(&engine.loop.is_made) /* which polls the descriptors */
		       ? ENGINE_POLLS_CORE
		       : ENGINE_POLLS_SOURCES;
}

/* Milliseconds, rounded up. */
static int ms_until(int64_t until)
{
	int64_t left;

	if (until == ENGINE_FOREVER)
		return -1;
	left = until > 0 ? until - engine_now() : 0;
	if (left <= 0)
		return 0;
	left = (left + ENGINE_MS - 1) / ENGINE_MS;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

/* One at a time: who is asked to leave the lead after it leaves the others to the next. */
bool engine_poll_sources(int64_t until)
{
	struct epoll_event event;
	struct engine_source *source;
	int n = epoll_wait(engine.epoll, &event, 1, ms_until(until));

	atomic_store_explicit(&engine.polls, ENGINE_POLLS_NOTHING, memory_order_relaxed);
	source = n == 1 ? event.data.ptr : NULL;
	if (!source) /* nothing, or a kick, which is not read: the next one is another edge */
		return false;
	source->ready(source, event.events);
	return true;
}

void engine_kick(void)
{
	static const uint64_t one = 1;

	if (!engine.leader)
		engine_loop_ring();
	switch (atomic_exchange(&engine.polls, ENGINE_POLLS_NOTHING)) {
	case ENGINE_POLLS_SOURCES:
		(void)!write(engine.kick_fd, &one, sizeof(one));
		break;
	case ENGINE_POLLS_CORE:
		engine_core_kick();
		break;
	default:
		break;
	}
}
