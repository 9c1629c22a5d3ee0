/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMING_LEASE_H
#define PYRITE_NAMING_LEASE_H
/*
 * What this process holds at name servers. For each name server, or list of them, there is one
 * keeper: the secret under which this process registers there, and the leased names, which it
 * renews every three tenths of their time, driven by a timer of the runtime's thread and never
 * waiting. A name server that has forgotten a lease (a restart in memory) is told of it again; a
 * name that somebody removed on purpose is let go.
 */
#include <pyrite/naming.h>

#include <stdint.h>

#include "naming/naming_server.h"

/* Where and under what a daemon of this process is known. */
struct lease_terms {
	const char *server; /* where: servers_text() */
	const char *name, *uri;
	const char *daemon; /* address of the daemon the uri leads to */
	const char *const *tags;
	size_t n_tags;
	bool is_shared;
	pyr_ns_lease_cb on_lease; /* NULL: nobody is told */
	void *data;
};

/* What a name server granted. */
struct lease_grant {
	uint32_t ttl_ms;
	uint64_t generation;
	int64_t asked_at; /* engine_now() before it was asked */
};

/* The secret of this process at a name server, made at first use; the same for all threads. Returns
 * 0, or minus a status without an error set. */
int lease_secret(const char *server, uint8_t ret[LEASE_SECRET]);

/* Before a name is registered: the name server is told that this process is present, so that it
 * notices if it dies, whether or not it has the answer by then. Does not wait. Returns 0, and then
 * lease_end() has to follow; -RESOURCE_EXHAUSTED without an error set. */
int lease_begin(const char *server);
/* The name has been kept, or is not to be. */
void lease_end(const char *server);

/* Keeps a name that has just been registered. Returns 0; -RESOURCE_EXHAUSTED;
 * -FAILED_PRECONDITION if the daemon takes no names any more: the name is then to be removed. */
int lease_keep(const struct lease_terms *terms, const struct lease_grant *grant);

/* Whether the name is leased to this process, and that has not ended by its clock. */
bool lease_holds(const char *server, const char *name);

/* The name has other tags now: they go along when it is registered again. Returns as lease_keep().
 */
int lease_set_tags(const char *server, const char *name, const char *const *tags, size_t n_tags);

/* Forgets a name, with all that this process has of a shared one. */
void lease_drop(const char *server, const char *name);

/* Tells of each name that is leased for the daemon at an address, and the uri it leads to; both are
 * borrowed. Under the lock: fn must call nothing that leads here. */
void lease_each(const char *daemon, void (*fn)(void *data, const char *name, const char *uri),
		void *data);

/* Removes the names leased for the daemon at an address from their name servers, and forgets them.
 * Blocks, at most wait_ms. Once naming_place_of() tells that it is closing. */
void lease_remove_daemon(const char *daemon, int64_t wait_ms);
#endif
