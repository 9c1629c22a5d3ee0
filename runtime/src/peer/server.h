/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SERVER_H
#define PYRITE_SERVER_H
/*
 * The core servers of a daemon: one for peers on this host, one for others (their windows differ).
 * They are given connections by the door, ask core for calls, and hand each on: links to peers,
 * anything else to the plain face.
 */
#include "link/door.h"
#include "peer/peer.h"
#include "peer/plain.h"

struct server;

/* All borrowed, and outlive the server. */
struct server_options {
	struct peer_host *host;
	struct plain_face *plain;
	struct door *_Atomic *door; /* *door is known by the time a connection comes */
	/* A link was opened: the peer is the callee's (one reference). In the leader. */
	void (*opened)(void *data, struct peer *peer);
	void *data;
};

struct server *server_new(const struct server_options *options);
/* Takes the fd. Any thread. */
void server_add(struct server *server, int fd, bool is_local);
/* Asks for no more calls, ends those that run, waits until core is through (bounded), frees. Not in
 * the leader. */
void server_free(struct server *server);
#endif
