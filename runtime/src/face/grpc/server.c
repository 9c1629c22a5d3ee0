/* SPDX-License-Identifier: MIT */
#include "face/grpc/server.h"

#include <stdlib.h>

#include "base/budget.h"
#include "base/log.h"
#include "face/grpc/connection.h"

enum { SWEEP_MIN = 16 }; /* connections, before a look is worth it */
#define COMPLAIN_MS INT64_C(10000)

struct server {
	struct connection_owner owner; /* the first member */
	pthread_mutex_t lock;          /* before the door's, core's and the engine's; guards: */
	struct connection *first;
	unsigned n,
		sweep_at; /* connections; how many there are when those are looked for that ended */
	int64_t complained; /* when it was last said that a connection is refused; 0: never */
	bool is_closing;
	struct engine_waiter done; /* the last one is gone, and no other comes */
};

static void on_gone(struct connection_owner *owner, struct connection *connection)
{
	struct server *server = (struct server *)owner;
	bool is_last;

	pthread_mutex_lock(&server->lock);
	*(connection->prev ? &connection->prev->next : &server->first) = connection->next;
	if (connection->next)
		connection->next->prev = connection->prev;
	server->n--;
	is_last = server->n == 0 && server->is_closing;
	pthread_mutex_unlock(&server->lock);
	if (is_last)
		engine_wake(&server->done);
}

struct server *server_new(const struct server_options *options)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		return NULL;
	server->owner.options = *options;
	server->owner.pool = budget_pool_new(options->max_held);
	if (!server->owner.pool) {
		free(server);
		return NULL;
	}
	server->owner.gone = on_gone;
	server->sweep_at = SWEEP_MIN;
	engine_waiter_init(&server->done, false);
	pthread_mutex_init(&server->lock, NULL);
	return server;
}

struct budget_pool *server_pool(struct server *server)
{
	return server->owner.pool;
}

/* Core tells nobody that a connection has ended. So those that did are looked for whenever there
 * are twice as many as were open at the last look. With the lock. */
static void sweep(struct server *server)
{
	struct door *door = atomic_load(server->owner.options.door);
	struct connection *connection;
	unsigned n_open = 0;

	for (connection = server->first; connection; connection = connection->next)
		if (door_is_open(door, connection->id))
			n_open++;
		else
			connection_end(connection);
	server->sweep_at = 2 * n_open > SWEEP_MIN ? 2 * n_open : SWEEP_MIN;
}

/* In a flood, seldom. */
static void complain(struct server *server, const struct door_peer *who)
{
	int64_t now = engine_now();
	bool is_due;

	pthread_mutex_lock(&server->lock);
	is_due = !server->complained || now - server->complained >= COMPLAIN_MS * ENGINE_MS;
	if (is_due)
		server->complained = now;
	pthread_mutex_unlock(&server->lock);
	if (is_due)
		log_line(PYR_LOG_WARNING,
			 "closing the gRPC connection from %s: out of memory or descriptors",
			 who->address);
}

void server_add(struct server *server, int fd, const struct door_peer *who, struct tls *tls)
{
	struct connection *connection = connection_new(&server->owner, fd, who, tls);

	if (!connection) {
		complain(server, who);
		return;
	}
	pthread_mutex_lock(&server->lock);
	if (server->n >= server->sweep_at)
		sweep(server);
	connection->next = server->first;
	if (server->first)
		server->first->prev = connection;
	server->first = connection;
	server->n++;
	pthread_mutex_unlock(&server->lock);
	connection_begin(connection);
}

void server_free(struct server *server)
{
	struct connection *connection;
	bool waits;

	if (!server)
		return;
	pthread_mutex_lock(&server->lock);
	server->is_closing = true;
	waits = server->n > 0;
	for (connection = server->first; connection; connection = connection->next) {
		connection_end(connection);
		connection_cancel(connection);
	}
	pthread_mutex_unlock(&server->lock);
	if (waits)
		engine_wait(&server->done, ENGINE_FOREVER);
	budget_pool_unref(server->owner.pool);
	engine_waiter_fini(&server->done);
	pthread_mutex_destroy(&server->lock);
	free(server);
}
