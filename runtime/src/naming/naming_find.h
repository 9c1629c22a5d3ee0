/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMING_FIND_H
#define PYRITE_NAMING_FIND_H
/*
 * Where name servers are when nobody says so. Looked at, in this order, until one names some:
 * PYRITE_NS_HOST, or PYRITE_NS_PORT alone; the user's file and the system's (naming_file.h); DNS,
 * if PYRITE_NS_DOMAIN is set (naming_dns.h); UDP, if PYRITE_NS_BROADCAST is set (naming_udp.h);
 * else 127.0.0.1:9090. A file that may not be believed, and DNS that does not answer, end the
 * search: to go on would lead to another name server than the one meant.
 *
 * What was found is kept for a while, and found anew when it has not helped. The network is asked
 * in a thread of its own, by one search at a time, which all who want to know wait for; so a task
 * that waits holds up no other. Any thread.
 */
#include "naming/naming_found.h"

enum {
	NAMING_KEEP_MS = 30000,         /* what was found; of DNS no longer than it says */
	NAMING_KEEP_DEFAULT_MS = 10000, /* nothing was, though the network was asked */
	NAMING_AGAIN_MS = 250,          /* searches that did not help: no more often */
	NAMING_NETWORK_MS = 5000        /* who waits for the network waits no longer */
};

/* Finds them: ret is "a:9090,b:9090", FOUND_TEXT_MAX bytes are enough. until: of engine_now(), when
 * the caller's patience ends. Returns 0, or minus a status with *problem told. */
int naming_find(int64_t until, char *ret, size_t size, struct uri_problem *problem);

/* None of those found answers: the next who asks is told anew. */
void naming_find_again(void);

/* One search, and all that was seen. Owned, free(). */
struct naming_search {
	enum naming_source from; /* the step that was taken; NAMING_SOURCES: the search failed */
	struct naming_step steps[NAMING_SOURCES];
	struct found_servers servers;
	struct uri_problem problem;
	uint32_t keep_ms;
	bool was_network_asked;
	bool is_thorough; /* files are read even if another was taken before */
};
/* Searches anew. Returns NULL with *problem told: no memory, no thread, cancelled. */
struct naming_search *naming_search(struct uri_problem *problem);
#endif
