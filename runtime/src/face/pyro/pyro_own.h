/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PYRO_OWN_H
#define PYRITE_PYRO_OWN_H
/*
 * The face's threads. One, the keeper, waits for all connections that are idle, reads messages,
 * sends what did not fit, and sees who is gone; idle connections cost no thread. A message that is
 * whole goes to a worker, which answers it and makes the calls, blocking; there are as many workers
 * as messages are served, but no more than PYRO_WORKERS.
 *
 * The lock guards the lists and what connection.h says; it is held for moments.
 */
#include <pthread.h>

#include "face/face.h"
#include "face/pyro/connection.h"

enum {
	PYRO_BUCKETS = 256, /* of streams */
	PYRO_WORKERS = 256,
	PYRO_WORKERS_KEPT = 4,    /* of those that have nothing to do */
	PYRO_BUFFERED = 64 << 20, /* bytes of messages that came in part, are served, or wait to
				     be read, of all connections; at least eight of the largest */
};

struct face {
	const struct face_host *host;
	struct budget_pool *pool;
	int epoll, wake;
	pthread_t keeper;
	bool has_keeper;

	pthread_mutex_t lock;
	pthread_cond_t has_work, has_ended, has_left; /* a worker; a caller who lingers */
	struct pyro_connection *all;
	struct pyro_connection *handed;        /* to the keeper: new, dead or with bytes to send */
	struct pyro_connection *first, **last; /* whose messages wait for a worker */
	unsigned n_workers, n_idle, n_queued;
	struct pyro_worker {
		pthread_t thread;
		enum { PYRO_NO_WORKER = 0, PYRO_WORKS, PYRO_HAS_WORKED } state;
	} workers[PYRO_WORKERS];
	struct pyro_stream *streams[PYRO_BUCKETS]; /* all, by their ids */
	struct pyro_caller *lingering;             /* whose connections have ended, newest first */
	unsigned n_lingering;
	bool is_stopping, is_over;
};

/* Has a worker serve its message. With the lock. Returns false, and nothing has changed, if there
 * is none and no thread for one. */
bool workers_queue(struct face *face, struct pyro_connection *connection);
/* Waits until there are none. The face is over. */
void workers_end(struct face *face);

bool keeper_start(struct face *face);
void keeper_wake(struct face *face);
/* Ends a connection, and frees it. The keeper's, or when there is none any more. */
void keeper_drop(struct face *face, struct pyro_connection *connection);
/* The keeper has it from now on. With the lock. */
void keeper_take(struct face *face, struct pyro_connection *connection);
/* Watches it for its next message, without a detour. Without the lock; it is SERVED. */
void keeper_watch(struct pyro_connection *connection);

/* Answers the message at hand: appends to connection->out. A worker's. */
void pyro_serve(struct pyro_connection *connection);
#endif
