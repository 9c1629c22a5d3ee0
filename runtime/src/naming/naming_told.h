/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMING_TOLD_H
#define PYRITE_NAMING_TOLD_H
/*
 * Who is told what becomes of a leased name: the on_lease of its registration, in the process's
 * callback thread, in the order of the events; of those that wait for a slow one, the newest takes
 * the place of the one before once there are eight. Once a name is removed, or its daemon has
 * stopped, its callback does not run any more: whoever ends it waits for one that is running,
 * unless it is that one itself.
 *
 * One lock for all, and a leaf.
 */
#include <pyrite/pyrite.h>

struct told;

/* Of the name's lease for a daemon. Returns: counted, told_unref(); NULL if there is no memory or
 * thread. */
struct told *told_new(const char *server, const char *name, const char *uri, const char *daemon,
		      pyr_ns_lease_cb callback, void *data);
void told_unref(struct told *told);
/* Tells, with the last error if there is one to tell. told: NULL: nobody. Any lock but this one. */
void told_post(struct told *told, enum pyr_ns_lease_state state, uint64_t generation);
/* Nobody is told any more of the names that fit; each of them may be NULL: any. Without locks. */
void told_end(const char *server, const char *name, const char *uri, const char *daemon);
#endif
