/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_TUNNEL_H
#define PYRITE_LINK_TUNNEL_H
/*
 * A client's connection for gRPC core: dialed and, with TLS, agreed on here, as for frames, while
 * core writes into a socket pair already. So a server is checked as it is on a link of frames, and
 * the guard of link_pump.h sees what it sends before core does. A call takes a client 40 us of CPU
 * instead of 20: another thread of core's reads what has passed here. So core connects by itself
 * to programs of this user, without TLS.
 */
#include "link/link.h"

struct tunnel_events {
	/* The server accepts it. identity: the server's; borrowed; NULL: it has none to show. */
	void (*connected)(void *owner, const char *identity);
	/* Once, the last, before core notices: code 0 if core gave it up, or the other end ended it
	 * as it should. */
	void (*ended)(void *owner, const struct link_end *end);
};

/* Whether core may not connect by itself. May ask the kernel whose the server is. */
bool link_tunnel_is_needed(const struct link_target *target);

/* Returns core's end, which core gives up by closing it; -1, and nothing is told, when memory or
 * descriptors are out. Takes the target's fd if it has one. Any thread; events: in the leader. */
int link_tunnel(const struct link_target *target, const struct tunnel_events *events, void *owner);
#endif
