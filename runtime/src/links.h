/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINKS_H
#define PYRITE_LINKS_H
/* The links of this process to daemons, shared by the proxies that go to the same address. */
#include "peer.h"
#include "uri.h"

/* What a proxy wants of its link; it is shared with those that want the same. */
struct link_wish {
	bool is_own; /* nobody shares it */
	enum pyr_plain plain;
	uint32_t connect_timeout_ms;
};

/* A peer for the address of a PYRO uri, connecting if there is none that may be shared. Returns
 * NULL with *problem told. Owned: links_put(). */
struct peer *links_get(const pyr_uri *uri, const struct link_wish *wish,
		       struct uri_problem *problem);
/* Gives it back; the last user closes the link. */
void links_put(struct peer *peer);
/* The same, but the link stays until its calls have been answered. */
void links_leave(struct peer *peer);
#endif
