/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMING_CALLS_H
#define PYRITE_NAMING_CALLS_H
/*
 * What the short forms of the name server's operations share: the handle, and what calls need. Of
 * naming*.c alone.
 */
#include <pyrite/naming.h>

#include "base/root.h"
#include "naming/naming_lease.h"
#include "naming/naming_server.h"
#include "naming/naming_servers.h"

struct pyr_ns {
	struct servers *servers;
	bool force;
	struct root root;
};

/* pyr_ns_watch(), of the name servers at addresses, with ',' between them. */
pyr_ns_watcher *naming_watch(const char *addresses, const struct pyr_ns_watch_options *view,
			     pyr_ns_watch_cb callback, void *data);
/* pyr_ns_watcher_free(), which waits for nothing: gone(data), which may be NULL, is the last that
 * is called for it. Any thread, once. */
void naming_watch_leave(pyr_ns_watcher *watcher, void (*gone)(void *data));

/* By what right this process changes names there. */
struct naming_claim {
	struct pyrite_NameClaim claim; /* its secret is the one below */
	uint8_t secret[LEASE_SECRET];
};
/* Returns false, with a claim without a secret, when memory or random numbers are out. */
bool naming_make_claim(const pyr_ns *ns, struct naming_claim *ret);

/* Removes a name there. As pyr_ns_remove(). */
int naming_remove(pyr_ns *ns, const char *name, const struct pyrite_NameClaim *claim);

/* Returns 0, or -INVALID_ARGUMENT with the last error set if one of them is NULL. */
int naming_check_tags(const char *const *tags, size_t n);
/* As the stubs take them. */
struct pyr_string_seq naming_tags(const char *const *tags, size_t n);
#endif
