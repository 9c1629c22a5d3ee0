/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_DAEMON_INSPECT_H
#define PYRITE_DAEMON_INSPECT_H
#include <pyrite/pyrite.h>

/* The daemon answers for itself from now on. Before it listens. */
/* Whether the caller may see the objects: 0, or what the method returns. */
int daemon_may_inspect(pyr_daemon *daemon, pyr_call *call);
/* The same, asked again in the course of a call: nothing is said of it. */
bool daemon_is_seen(const pyr_daemon *daemon, const pyr_call *call);
void daemon_inspect_offer(pyr_daemon *daemon, enum pyr_switch inspect);
#endif
