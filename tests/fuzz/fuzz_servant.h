/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FUZZ_SERVANT_H
#define PYRITE_FUZZ_SERVANT_H
/* The daemon's objects and hooks: they do what a key says, and see that each call runs once and in
 * its turn. Any method thread. */
#include <pyrite/pyrite.h>

#include "fuzz.h"

struct servant {
	bool is_serial;
	const atomic_bool *has_mangled; /* of its caller: then nothing is known by a call's key */
	pyr_daemon *daemon;
	pthread_mutex_t lock;
	/* lock: */
	bool is_finishing; /* nothing is deferred any more */
	pyr_deferred *deferred[256];
	int64_t keys[256]; /* of those */
	unsigned n_deferred;
	uint32_t last_seq[4096];       /* by session: of the last ordered call that was begun */
	uint64_t begun[4096][64];      /* by session: which were, a bit each, by their seq */
	atomic_int n_accepted, n_left; /* sessions: by on_connect, by on_disconnect */
	atomic_int tracked[4096];      /* resources that were not closed yet */
	atomic_int n_made;             /* objects that were not released yet */
};

void servant_init(struct servant *s, pyr_daemon *daemon, bool is_serial,
		  const atomic_bool *has_mangled);
void servant_register(struct servant *s, const char *id);
/* Hooks for a daemon; their data is the servant. */
void servant_hooks(struct servant *s, struct pyr_daemon_options *options);
/* Completes what was deferred. all: and from now on nothing is. */
void servant_complete(struct servant *s, bool all);
void servant_fini(struct servant *s);
#endif
