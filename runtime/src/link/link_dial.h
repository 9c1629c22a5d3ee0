/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_DIAL_H
#define PYRITE_LINK_DIAL_H
/* A connection made: the address looked up, in a thread of its own if it is a name, and each of its
 * addresses tried in turn. */
#include <stdbool.h>

#include "base/uri.h"

struct dial;

/* In the leader, once, unless it is cancelled: fd, non-blocking, is the callee's; -1, and why not,
 * in the system's words. */
typedef void dial_done(void *owner, int fd, const char *why);

/* *ret is set before anything is told. Returns false, nothing begun, when memory or threads are
 * out. Any thread. */
bool dial_begin(struct dial **ret, const pyr_uri *uri, dial_done *done, void *owner);
/* In the leader, before it is done. NULL: nothing. */
void dial_cancel(struct dial *dial);
#endif
