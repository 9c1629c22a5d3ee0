/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CONNECTION_H
#define PYRITE_CONNECTION_H
/*
 * One connection of a daemon, to gRPC core a server of its own: what core assembles of messages,
 * before anybody has looked at them, is bounded by a resource quota, which only a server can be
 * given. (Core checks a message's size when all of it is there, whatever length was announced.
 * Beyond the quota it ends streams of this connection.) So it is known, too, whose calls come in,
 * and what they may hold.
 */
#include "door/door.h"
#include "face/grpc/server.h"

struct budget_pool;
struct connection;

/* What the connections of a server share; outlives them. */
struct connection_owner {
	struct server_options options;
	struct budget_pool *pool;
	/* It is gone; the last that is heard of it. In the leader. */
	void (*gone)(struct connection_owner *owner, struct connection *connection);
};

/* The list is its server's. */
struct connection {
	struct connection *next, *prev;
	uint64_t id; /* at the door */
};

/* Takes the fd. Returns NULL, fd closed, when memory is out. Any thread. */
struct connection *connection_new(struct connection_owner *owner, int fd,
				  const struct door_peer *who, struct tls *tls);
/* Once it is in the list: takes calls. */
void connection_begin(struct connection *connection);
/* No more calls come; gone() follows once core is through with those that came. Any thread, also
 * twice. */
void connection_end(struct connection *connection);
/* Ends the calls that came, after connection_end(). */
void connection_cancel(struct connection *connection);
#endif
