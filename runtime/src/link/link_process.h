/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_PROCESS_H
#define PYRITE_LINK_PROCESS_H
/*
 * Frames within a process: a daemon offers its place, and a link to that address is two ends which
 * hand each other their messages. No socket, no bytes copied but to put a message together.
 */
#include "link/link.h"

/* Part of a daemon. */
struct link_place {
	const char *address; /* as its objects' URIs give it */
	/* Somebody connects: takes the link. In the leader; must not withdraw the place. */
	void (*arrive)(struct link_place *place, struct link *link);
	struct link_place *next;
};

void link_place_offer(struct link_place *place);
/* Nobody arrives any more. Of one that was not offered, too. */
void link_place_withdraw(struct link_place *place);
/* Whether such a place is offered. */
bool link_place_is_here(const char *address);

/*
 * Somebody who came to a daemon by another protocol than frames: a link within the process that the
 * daemon takes for his. He was asked to prove who he is where he came in.
 */
struct link_visitor {
	uint64_t number; /* of no other one of this process */
	/* The daemon's. Nobody is let in any more once it is NULL. */
	const struct link_place *_Atomic place;
	bool is_local, has_credentials;
	struct pyr_credentials credentials;
	char identity[256]; /* "cert:alice"; "" */
	char address[128];
};

/* For link_target.kinds. */
link_open link_process_connect;

/* What the accepting end gives the other beside messages, found by a number. */
struct link_gift {
	struct link_gift *next; /* the link's lock */
	uint32_t number;
	void (*drop)(struct link_gift *gift); /* nobody wants it. Any thread, a peer's lock held */
};
bool link_process_is(const struct link *link);
/* Takes it; of such a link. */
void link_process_give(struct link *link, struct link_gift *gift);
/* NULL: there is none of that number, as on any other link. */
struct link_gift *link_process_take(struct link *link, uint32_t number);
#endif
