/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SERVER_H
#define PYRITE_SERVER_H
/*
 * The connections of a daemon (connection.h). The door gives them; their calls are handed on: links
 * to peers, anything else to the plain face.
 */
#include "door/door.h"
#include "face/grpc/plain.h"
#include "peer/peer.h"

struct server;

/* All borrowed, and outlive the server. */
struct server_options {
	struct peer_host *host;
	struct plain_face *plain;
	struct door *_Atomic *door; /* *door is known by the time a connection comes */
	size_t max_held;            /* bytes that all connections may make this end hold */
	/* A link was opened: the peer is the callee's (one reference). In the leader. */
	void (*opened)(void *data, struct peer *peer);
	void *data;
};

struct server *server_new(const struct server_options *options);
/* What its connections, and others of its daemon, hold together. Borrowed. */
struct budget_pool *server_pool(struct server *server);
/* Takes the fd, and its TLS if it has one (NULL: none). Any thread. */
void server_add(struct server *server, int fd, const struct door_peer *who, struct tls *tls);
/* Asks for no more calls, ends those that run, waits until core is through (bounded), frees. Not in
 * the leader. */
void server_free(struct server *server);
#endif
