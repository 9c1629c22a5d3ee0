/* SPDX-License-Identifier: MIT */
/* Connections that carry frames. The door's thread hands them to the leader, who alone begins and
 * ends links. */
#include <stdlib.h>
#include <unistd.h>

#include "base/budget.h"
#include "daemon/daemon_own.h"
#include "face/grpc/server.h"
#include "link/link_socket.h"

struct newcomer {
	struct engine_hook hook;
	pyr_daemon *daemon;
	int fd;
	struct door_peer who;
};

static void take(pyr_daemon *d, struct link *link, struct budget *budget)
{
	struct peer *peer;

	(void)budget_enter(budget, 1); /* the only link of its connection */
	peer = peer_accept(link, &d->host, budget);
	if (peer)
		daemon_opened(d, peer);
	else
		budget_leave(budget);
}

static void begin(struct newcomer *n)
{
	pyr_daemon *d = n->daemon;
	size_t max = budget_of_connection(d->host.limits.max_message);
	struct budget *budget = budget_new(server_pool(d->server), max);
	struct link *link;

	if (!budget) {
		close(n->fd);
		return;
	}
	link = link_socket_accept(n->fd, n->who.address, n->who.is_local);
	if (link) {
		link->has_credentials = n->who.has_credentials;
		link->credentials = (struct pyr_credentials){ n->who.pid, n->who.uid, n->who.gid };
		take(d, link, budget);
	}
	budget_unref(budget);
}

static void on_leader(struct engine_hook *hook)
{
	struct newcomer *n = (struct newcomer *)hook;
	pyr_daemon *d = n->daemon;

	begin(n);
	free(n);
	pthread_mutex_lock(&d->lock);
	d->n_arriving--;
	engine_wake(&d->progress); /* with the lock: without it who waits for this may free d */
	pthread_mutex_unlock(&d->lock);
}

void daemon_admit(pyr_daemon *d, int fd, const struct door_peer *who)
{
	struct newcomer *n = calloc(1, sizeof(*n));

	if (!n) {
		close(fd);
		return;
	}
	*n = (struct newcomer){ { .run = on_leader }, d, fd, *who };
	pthread_mutex_lock(&d->lock);
	d->n_arriving++;
	pthread_mutex_unlock(&d->lock);
	engine_before_poll(&n->hook);
}
