/* SPDX-License-Identifier: MIT */
/* Connections that carry frames. The door's thread hands them to the leader, who alone begins and
 * ends links. */
#include <stdlib.h>
#include <unistd.h>

#include "base/budget.h"
#include "daemon/daemon_own.h"
#include "face/grpc/server.h"
#include "link/link_socket.h"
#include "tls/tls.h"

struct newcomer {
	struct engine_hook hook;
	pyr_daemon *daemon;
	int fd;
	struct door_peer who;
	struct tls *tls;
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

static struct budget *new_budget(pyr_daemon *d)
{
	return budget_new(server_pool(d->server), budget_of_connection(d->host.limits.max_message));
}

/* As the door would have it, unless it is a visitor's: the credentials of a unix socket are this
 * process's. */
void daemon_arrive(struct link_place *place, struct link *link)
{
	pyr_daemon *d = (pyr_daemon *)((char *)place - offsetof(pyr_daemon, place));
	struct budget *budget = new_budget(d);

	if (!budget) {
		link_close(link, PYR_RESOURCE_EXHAUSTED, "out of memory");
		link_free(link);
		return;
	}
	if (link->is_vouched) {
		take(d, link, budget);
		budget_unref(budget);
		return;
	}
	link->is_own = true;
	link->has_credentials = door_port(d->door) == 0;
	link->credentials = (struct pyr_credentials){ getpid(), geteuid(), getegid() };
	take(d, link, budget);
	budget_unref(budget);
}

static void begin(struct newcomer *n)
{
	pyr_daemon *d = n->daemon;
	struct budget *budget = new_budget(d);
	struct link *link;

	if (!budget) {
		tls_free(n->tls);
		close(n->fd);
		return;
	}
	link = link_socket_accept(n->fd, n->tls, n->who.address, n->who.is_local);
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

void daemon_admit(pyr_daemon *d, int fd, const struct door_peer *who, struct tls *tls)
{
	struct newcomer *n = calloc(1, sizeof(*n));

	if (!n) {
		tls_free(tls);
		close(fd);
		return;
	}
	*n = (struct newcomer){ { .run = on_leader }, d, fd, *who, tls };
	pthread_mutex_lock(&d->lock);
	d->n_arriving++;
	pthread_mutex_unlock(&d->lock);
	engine_before_poll(&n->hook);
}
