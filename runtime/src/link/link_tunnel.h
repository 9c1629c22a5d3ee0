/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_TUNNEL_H
#define PYRITE_LINK_TUNNEL_H
/*
 * A client's connection with TLS for gRPC core: dialed and agreed on here, as for frames, while
 * core writes into a socket pair already. So it checks what a link of frames checks, lists of
 * revoked certificates among it. Core's own TLS knows no such lists; it is used where there are
 * none, for so a call takes a client 110 us of CPU instead of 40: another thread of core's reads
 * what is decrypted here.
 */
#include "link/link.h"

struct tunnel_events {
	/* The server accepts it. identity: the server's; borrowed. */
	void (*connected)(void *owner, const char *identity);
	/* Once, the last, before core notices: code 0 if core gave it up, or the other end ended it
	 * as it should. */
	void (*ended)(void *owner, const struct link_end *end);
};

/* Whether core's TLS will not do. */
bool link_tunnel_is_needed(const struct link_target *target);

/* Returns core's end, which core gives up by closing it; -1, and nothing is told, when memory or
 * descriptors are out. Takes the target's fd if it has one. Any thread; events: in the leader. */
int link_tunnel(const struct link_target *target, const struct tunnel_events *events, void *owner);
#endif
