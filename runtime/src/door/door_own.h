/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_DOOR_OWN_H
#define PYRITE_DOOR_OWN_H
/* A door from the inside: door.c, and what others ask of it in door_ask.c. */
#include <pthread.h>

#include "door/door_links.h"
#include "door/door_listen.h"
#include "door/door_sources.h"

struct door {
	struct door_options options; /* its strings are not kept */
	struct door_listeners listeners;
	int epoll, wake; /* wake: an eventfd: there is something in given, or is_closing */
	pthread_t thread;
	bool is_running;

	pthread_mutex_t lock;
	struct door_links links; /* lock */
	int *given;              /* lock: connections to be let in */
	unsigned n_given;        /* lock */
	bool is_closing;         /* lock */
	int spare;

	int64_t swept_ms, complained_ms;
	int64_t rearm_ms; /* when listeners are looked at again; 0 = they are */
	int64_t back_off_ms;
	struct door_sources sources; /* who begins TLS; of the door's thread */
	int64_t held_ms;             /* when those held are looked at again; 0 = there are none */
};
#endif
