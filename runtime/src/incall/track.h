/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TRACK_H
#define PYRITE_TRACK_H
/* What a session's methods hold for its caller: closed when the session is over. */
#include <stdatomic.h>

struct track_list;

/* Part of a session. All zero: nothing is tracked. */
struct track {
	struct track_list *_Atomic list; /* made when it is needed */
};

struct instance;
/* Nobody uses the session any more: has all closed by a method thread, and then its instance
 * destroyed (taken; NULL: it has none). Any thread; a peer's lock may be held. */
void track_end(struct track *track, struct instance *instance);
#endif
