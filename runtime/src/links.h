/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINKS_H
#define PYRITE_LINKS_H
/* The links of this process to daemons, shared by the proxies that go to the same address. */
#include "peer.h"
#include "uri.h"

/*
 * A peer for the address of a PYRO uri, connecting if there is none that may be shared. own: one
 * that nobody shares. Returns NULL with *problem told. Owned: links_put().
 */
struct peer *links_get(const pyr_uri *uri, bool own, uint32_t connect_timeout_ms,
		       struct uri_problem *problem);
/* Gives it back; the last user closes the link. */
void links_put(struct peer *peer);
/* The same, but the link stays until its calls have been answered. */
void links_leave(struct peer *peer);
#endif
