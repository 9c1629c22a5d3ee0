/* SPDX-License-Identifier: MIT */
/* The threads that answer messages. They come when there is more to do, and go when there is not.
 */
#define _GNU_SOURCE /* pthread_setname_np() */
#include <poll.h>
#include <signal.h>
#include <time.h>

#include "base/log.h"
#include "face/pyro/pyro_own.h"

enum {
	IDLE_S = 5,   /* until a thread that is not kept ends */
	LINGER_MS = 1 /* that it waits for the next message of who was just answered */
};

/* ---- one message after the other ---- */

static bool has_others(struct face *face)
{
	bool has;

	pthread_mutex_lock(&face->lock);
	has = face->n_queued > 0 || face->is_stopping;
	pthread_mutex_unlock(&face->lock);
	return has;
}

/* Whether the next message is there: who calls one after the other sends it at once, and is spared
 * the way through the keeper. */
static bool has_next(struct pyro_connection *connection)
{
	struct pollfd fd = { .fd = connection->fd, .events = POLLIN };
	enum pyro_read read = pyro_connection_read(connection, connection->face->host->max_message);

	if (read == PYRO_PART && connection->in.n == 0 && !has_others(connection->face) &&
	    poll(&fd, 1, LINGER_MS) > 0)
		read = pyro_connection_read(connection, connection->face->host->max_message);
	if (read == PYRO_GONE)
		connection->is_ending = true;
	return read == PYRO_WHOLE;
}

enum after { AGAIN, QUEUED, WATCH, KEEPER };

/* What becomes of it now. With the lock. */
static enum after decide(struct face *face, struct pyro_connection *connection, bool has_more)
{
	if (has_more)
		return face->n_queued > 0 ? QUEUED : AGAIN; /* others' turn */
	connection->is_dead = connection->is_ending && pyro_connection_has_sent(connection);
	if (connection->is_dead || face->is_stopping || !pyro_connection_has_sent(connection))
		return KEEPER;
	return WATCH;
}

/* Returns false when it is no worker's any more. Who is gone may have sent oneways before. */
static bool serve_one(struct pyro_connection *connection)
{
	struct face *face = connection->face;
	enum after after;
	bool has_more;

	pyro_serve(connection);
	if (!pyro_connection_send(connection))
		connection->is_gone = true;
	has_more = !connection->is_ending && pyro_connection_has_sent(connection) &&
		   has_next(connection);
	pthread_mutex_lock(&face->lock);
	after = decide(face, connection, has_more);
	if (after == QUEUED)
		workers_queue(face, connection);
	else if (after == KEEPER)
		keeper_take(face, connection);
	pthread_mutex_unlock(&face->lock);
	if (after == WATCH)
		keeper_watch(connection);
	return after == AGAIN;
}

/* ---- threads ---- */

/* Waits for work. With the lock. Returns NULL when the thread is not needed any more. */
static struct pyro_connection *next(struct face *face)
{
	struct pyro_connection *connection;
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += IDLE_S;
	face->n_idle++;
	while (!face->first && !face->is_over)
		if (pthread_cond_timedwait(&face->has_work, &face->lock, &until) != 0 &&
		    !face->first && face->n_idle > PYRO_WORKERS_KEPT)
			break;
		else if (!face->first)
			until.tv_sec += IDLE_S;
	face->n_idle--;
	connection = face->is_over ? NULL : face->first;
	if (connection) {
		face->first = connection->queue;
		if (!face->first)
			face->last = &face->first;
		face->n_queued--;
	}
	return connection;
}

static void *work(void *arg)
{
	struct face *face = arg;
	struct pyro_connection *connection;
	unsigned i;

	pthread_mutex_lock(&face->lock);
	while ((connection = next(face)) != NULL) {
		pthread_mutex_unlock(&face->lock);
		while (serve_one(connection))
			continue;
		pthread_mutex_lock(&face->lock);
	}
	for (i = 0; !pthread_equal(face->workers[i].thread, pthread_self()) ||
		    face->workers[i].state != PYRO_WORKS;)
		i++;
	face->workers[i].state = PYRO_HAS_WORKED;
	face->n_workers--;
	pthread_cond_broadcast(&face->has_ended);
	pthread_mutex_unlock(&face->lock);
	return NULL;
}

/* One that has ended needs no lock any more. */
static void join(struct pyro_worker *worker)
{
	if (worker->state == PYRO_HAS_WORKED)
		pthread_join(worker->thread, NULL);
	worker->state = PYRO_NO_WORKER;
}

/* With the lock. Its signals are the program's. Returns false if there is no thread to be had. */
static bool start(struct face *face)
{
	struct pyro_worker *worker = face->workers;
	sigset_t all, before;
	bool ok;

	while (worker->state == PYRO_WORKS)
		worker++;
	join(worker);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ok = pthread_create(&worker->thread, NULL, work, face) == 0;
	if (ok) {
		pthread_setname_np(worker->thread, "pyrite-pyro");
		worker->state = PYRO_WORKS;
		face->n_workers++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ok;
}

bool workers_queue(struct face *face, struct pyro_connection *connection)
{
	if (face->n_queued >= face->n_idle && face->n_workers < PYRO_WORKERS && !start(face)) {
		log_line(PYR_LOG_WARNING, "pyro: no thread for a request: %s",
			 face->n_workers > 0 ? "it waits for one" : "the connection is closed");
		if (face->n_workers == 0)
			return false;
	}
	connection->state = PYRO_SERVED;
	connection->queue = NULL;
	*face->last = connection;
	face->last = &connection->queue;
	face->n_queued++;
	pthread_cond_signal(&face->has_work);
	return true;
}

void workers_end(struct face *face)
{
	unsigned i;

	pthread_mutex_lock(&face->lock);
	pthread_cond_broadcast(&face->has_work);
	while (face->n_workers > 0)
		pthread_cond_wait(&face->has_ended, &face->lock);
	pthread_mutex_unlock(&face->lock);
	for (i = 0; i < PYRO_WORKERS; i++)
		join(&face->workers[i]);
}
