/* SPDX-License-Identifier: MIT */
/*
 * The loop of the program's own: it polls one descriptor, which holds what a leader polls and a
 * bell for what a leader would be kicked or woken for. While it polls, nobody leads for its sake;
 * other threads that wait lead as ever, and then the loop finds less to do than it came for.
 *
 * The bell is level-triggered: it is rung at most once, and silenced by who enters.
 */
#include "engine/engine_own.h"

#include <pyrite/pyrite.h>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVENTS_MAX = 64 /* handled before what they brought is run */ };

static bool watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* With the lock. */
static bool make(void)
{
	struct engine_loop *loop = &engine.loop;

	loop->fd = epoll_create1(EPOLL_CLOEXEC);
	loop->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->fd < 0 || loop->bell < 0 || !watch(loop->fd, engine.epoll) ||
	    !watch(loop->fd, loop->bell)) {
		if (loop->fd >= 0)
			close(loop->fd);
		if (loop->bell >= 0)
			close(loop->bell);
		return false;
	}
	engine_waiter_init(&loop->waiter, false);
	loop->waiter.is_loop = loop->is_out = true;
	atomic_store(&loop->is_made, true);
	if (atomic_load(&engine.n_core) > 0 || atomic_load(&engine.hooks))
		engine_kick(); /* the leader chooses anew what it polls, or the loop does */
	return true;
}

int engine_loop_fd(void)
{
	int fd = engine_start();

	if (fd < 0)
		return fd;
	pthread_mutex_lock(&engine.lock);
	fd = atomic_load(&engine.loop.is_made) || make() ? engine.loop.fd : -PYR_RESOURCE_EXHAUSTED;
	pthread_mutex_unlock(&engine.lock);
	return fd;
}

struct engine_waiter *engine_loop_waiter(void)
{
	return &engine.loop.waiter;
}

void engine_loop_ring(void)
{
	static const uint64_t one = 1;

	if (!engine.loop.is_out || engine.loop.is_rung)
		return;
	engine.loop.is_rung = true;
	(void)!write(engine.loop.bell, &one, sizeof(one));
}

bool engine_loop_claim(void)
{
	bool is_mine;

	pthread_mutex_lock(&engine.lock);
	is_mine = !engine.loop.is_claimed;
	engine.loop.is_claimed = true;
	pthread_mutex_unlock(&engine.lock);
	return is_mine;
}

void engine_loop_enter(void)
{
	uint64_t n;

	pthread_mutex_lock(&engine.lock);
	engine.loop.is_out = false;
	if (engine.loop.is_rung)
		(void)!read(engine.loop.bell, &n, sizeof(n));
	engine.loop.is_rung = false;
	pthread_mutex_unlock(&engine.lock);
}

/* The flag is taken before what it stands for is looked at: who adds to that raises it after. */
bool engine_loop_poll(void)
{
	bool any = false;

	pthread_mutex_lock(&engine.lock);
	atomic_store(&engine.loop.waiter.ready, false);
	if (engine.leader == &engine.runtime)
		engine_poke();
	if (!engine.leader) {
		any = engine_lead_briefly(&engine.loop.waiter, EVENTS_MAX);
		if (any || engine_is_ready(&engine.loop.waiter))
			engine_watch_left(); /* what runs now may be long about it */
	}
	pthread_mutex_unlock(&engine.lock);
	return any;
}

void engine_loop_leave(void)
{
	pthread_mutex_lock(&engine.lock);
	engine.loop.is_out = true;
	engine.loop.is_claimed = false;
	if (engine_is_ready(&engine.loop.waiter) ||
	    (!engine.leader && (atomic_load(&engine.hooks) || engine_core_has_handed())))
		engine_loop_ring();
	engine_promote(false);
	if (!engine.leader)
		engine_watch_left();
	pthread_mutex_unlock(&engine.lock);
}
