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

/* For link_target.kinds. */
link_open link_process_connect;
#endif
