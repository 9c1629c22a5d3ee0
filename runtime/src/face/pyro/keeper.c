/* SPDX-License-Identifier: MIT */
/* The thread that waits for all connections at once. */
#define _GNU_SOURCE /* EPOLLRDHUP */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "face/pyro/pyro_own.h"
#include "face/pyro/streams.h"

enum { EVENTS = 64, TICK_MS = 500, PACE = 64 /* bytes a millisecond */ };

void keeper_wake(struct face *face)
{
	ssize_t n = write(face->wake, &(uint64_t){ 1 }, sizeof(uint64_t));

	(void)n; /* it is full: it wakes */
}

static void watch(struct pyro_connection *connection, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = connection };

	epoll_ctl(connection->face->epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

/* ---- who is there ---- */

/* A child that was forked may have its descriptor, too: closing it would leave it in the epoll. */
void keeper_drop(struct face *face, struct pyro_connection *connection)
{
	(void)epoll_ctl(face->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
	pthread_mutex_lock(&face->lock);
	*connection->link = connection->next;
	if (connection->next)
		connection->next->link = connection->link;
	pthread_mutex_unlock(&face->lock);
	callers_leave(connection);
	pyro_connection_free(connection);
}

void keeper_take(struct face *face, struct pyro_connection *connection)
{
	connection->queue = face->handed;
	face->handed = connection;
	keeper_wake(face);
}

void keeper_watch(struct pyro_connection *connection)
{
	struct face *face = connection->face;

	pthread_mutex_lock(&face->lock);
	connection->state = PYRO_WATCHED;
	watch(connection, EPOLLIN | EPOLLRDHUP); /* from here on it is the keeper's */
	pthread_mutex_unlock(&face->lock);
}

/* To a worker; from now on only the end of the connection is looked for. */
static void hand_over(struct face *face, struct pyro_connection *connection)
{
	bool is_queued;

	watch(connection, EPOLLRDHUP | EPOLLET);
	pthread_mutex_lock(&face->lock);
	is_queued = workers_queue(face, connection);
	pthread_mutex_unlock(&face->lock);
	if (!is_queued)
		keeper_drop(face, connection);
}

/* The daemon drains: who has been answered is let go, however fast he asks again. */
static bool is_enough(struct face *face, const struct pyro_connection *connection)
{
	bool is_stopping;

	pthread_mutex_lock(&face->lock);
	is_stopping = face->is_stopping;
	pthread_mutex_unlock(&face->lock);
	return is_stopping && connection->in.n == 0;
}

/* The keeper has it, and it is WATCHED. */
static void look(struct face *face, struct pyro_connection *connection)
{
	if (!pyro_connection_has_sent(connection)) {
		if (!pyro_connection_send(connection) ||
		    (connection->is_ending && pyro_connection_has_sent(connection)))
			keeper_drop(face, connection);
		else if (pyro_connection_has_sent(connection))
			look(face, connection);
		else
			watch(connection, EPOLLOUT);
		return;
	}
	if (is_enough(face, connection)) {
		keeper_drop(face, connection);
		return;
	}
	switch (pyro_connection_read(connection, face->host->max_message)) {
	case PYRO_WHOLE:
		hand_over(face, connection);
		return;
	case PYRO_PART:
		watch(connection, EPOLLIN | EPOLLRDHUP);
		return;
	case PYRO_GONE:
		keeper_drop(face, connection);
	}
}

/* Whoever waits in a call is told that nobody waits for him. */
static void leave(struct face *face, struct pyro_connection *connection)
{
	pthread_mutex_lock(&face->lock);
	connection->is_gone = true;
	if (connection->is_waiting) {
		connection->is_ended = true;
		callers_end(connection, false);
	}
	pthread_mutex_unlock(&face->lock);
}

static void on_event(struct face *face, struct pyro_connection *connection, uint32_t events)
{
	bool is_watched;

	pthread_mutex_lock(&face->lock);
	is_watched = connection->state == PYRO_WATCHED;
	pthread_mutex_unlock(&face->lock);
	if (is_watched)
		look(face, connection);
	else if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		leave(face, connection);
}

/* ---- the keeper ---- */

static struct pyro_connection *take_handed(struct face *face)
{
	struct pyro_connection *handed, *connection;

	pthread_mutex_lock(&face->lock);
	handed = face->handed;
	face->handed = NULL;
	for (connection = handed; connection; connection = connection->queue)
		connection->state = PYRO_WATCHED;
	pthread_mutex_unlock(&face->lock);
	return handed;
}

/* Those that workers and the door gave back. */
static void look_at_handed(struct face *face)
{
	struct pyro_connection *connection = take_handed(face), *next;

	for (; connection; connection = next) {
		next = connection->queue;
		if (connection->is_dead)
			keeper_drop(face, connection);
		else
			look(face, connection);
	}
}

/* What is large may come, and be taken, slowly, but not at any pace. */
static bool is_late(const struct pyro_connection *connection, int64_t now)
{
	size_t n = pyro_connection_has_sent(connection) ? connection->in.n : connection->sent;
	int64_t most =
		connection->version == 0 ? PYRO_FIRST_MS : PYRO_MESSAGE_MS + (int64_t)n / PACE;

	return connection->since != 0 && now - connection->since > most;
}

/* Closes those that are late, and all that are idle once the daemon drains. They are found with the
 * lock, and are the keeper's. Returns whether it has looked: it is due, or the daemon drains. */
static bool look_at_times(struct face *face, bool is_due)
{
	struct pyro_connection *connection, *late = NULL;
	int64_t now = pyro_now();

	pthread_mutex_lock(&face->lock);
	is_due |= face->is_stopping;
	for (connection = is_due ? face->all : NULL; connection; connection = connection->next) {
		if (connection->state != PYRO_WATCHED ||
		    (!is_late(connection, now) && !(face->is_stopping && connection->since == 0)))
			continue;
		connection->queue = late;
		late = connection;
	}
	pthread_mutex_unlock(&face->lock);
	for (; late; late = connection) {
		connection = late->queue;
		keeper_drop(face, late);
	}
	if (is_due)
		callers_expire(face, now);
	return is_due;
}

/* Returns how long to wait for events, in milliseconds; 0: it is over. */
static int patience(struct face *face)
{
	int ms;

	pthread_mutex_lock(&face->lock);
	ms = face->is_over ? 0 : face->all || face->lingering ? TICK_MS : -1;
	pthread_mutex_unlock(&face->lock);
	return ms;
}

static void *keep(void *arg)
{
	struct epoll_event events[EVENTS];
	struct face *face = arg;
	uint64_t count;
	int64_t next = 0;
	int i, n, ms;

	while ((ms = patience(face)) != 0) {
		n = epoll_wait(face->epoll, events, EVENTS, ms);
		for (i = 0; i < n; i++)
			if (events[i].data.ptr)
				on_event(face, events[i].data.ptr, events[i].events);
			else if (read(face->wake, &count, sizeof(count)) < 0)
				continue;
		look_at_handed(face);
		if (look_at_times(face, pyro_now() >= next))
			next = pyro_now() + TICK_MS;
	}
	return NULL;
}

/* Its signals are the program's. */
bool keeper_start(struct face *face)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	face->has_keeper = pthread_create(&face->keeper, NULL, keep, face) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (face->has_keeper)
		pthread_setname_np(face->keeper, "pyrite-pyro");
	return face->has_keeper;
}
