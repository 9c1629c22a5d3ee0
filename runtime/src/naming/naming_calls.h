/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMING_CALLS_H
#define PYRITE_NAMING_CALLS_H
/*
 * What the short forms of the name server's operations share: the handle, and what calls need. Of
 * naming*.c alone.
 */
#include <pyrite/naming.h>

#include "base/root.h"
#include "naming/naming.h"
#include "naming/naming_lease.h"

enum { NAMING_ADDRESS_MAX = URI_HOST_MAX + 16 };

struct pyr_ns {
	char address[NAMING_ADDRESS_MAX];
	struct pyrite_NameServer *proxy;
	bool force;
	struct root root;
};

/* A proxy of the name server at address; it does not wait for one unless told. */
struct pyrite_NameServer *naming_proxy(const char *address, uint32_t timeout_ms, uint32_t wait_ms);

/* "host:port" of the name server given as host, host:port or ./u:path; NULL: where one is when
 * nobody says so, which may be waited for until then. Returns 0 or minus a status. */
int naming_address(const char *given, int64_t until, char *ret, size_t size,
		   struct uri_problem *problem);

/* pyr_ns_watch(), of the name server at address. */
pyr_ns_watcher *naming_watch(const char *address, const struct pyr_ns_watch_options *view,
			     pyr_ns_watch_cb callback, void *data);
/* pyr_ns_watcher_free(), which waits for nothing: gone(data), which may be NULL, is the last that
 * is called for it. Any thread, once. */
void naming_watch_leave(pyr_ns_watcher *watcher, void (*gone)(void *data));

/* The last error is from a stub: adds where it came from. Returns minus its code. */
int naming_add_address(const char *address);

/* By what right this process changes names there. */
struct naming_claim {
	struct pyrite_NameClaim claim; /* its secret is the one below */
	uint8_t secret[LEASE_SECRET];
};
/* Returns false, with a claim without a secret, when memory or random numbers are out. */
bool naming_make_claim(const pyr_ns *ns, struct naming_claim *ret);

/* Returns 0, or -INVALID_ARGUMENT with the last error set if one of them is NULL. */
int naming_check_tags(const char *const *tags, size_t n);
/* As the stubs take them. */
struct pyr_string_seq naming_tags(const char *const *tags, size_t n);
#endif
