/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_STANDING_H
#define PYRITE_STANDING_H
/*
 * Calls of the daemon's own services whose streams stay open for as long as their callers like, and
 * hold no thread meanwhile: their answers are deferred, and a step is made in a method thread each
 * time something has come, can go, or has changed. Steps of one call are made one at a time.
 */
#include <pyrite/gen.h>

#include <pthread.h>
#include <stdatomic.h>

#include "exec/exec.h"
#include "stream/stream.h"

struct standing;

struct standings {
	/* Goes on as far as it can. Returns 0 if the call stays, 1 when it is over, or minus the
	 * status that it ends with, and that is the last error. Without locks but the call's own;
	 * must not wait. */
	int (*step)(struct standing *standing);
	/* It is over: frees what step() has allocated. */
	void (*fini)(struct standing *standing);
	size_t size; /* of what a struct standing begins */
	pthread_mutex_t lock;
	struct standing *first;  /* lock */
	atomic_int refs;         /* its owner, and each call */
	atomic_bool is_stopping; /* the daemon drains: what it looks at may go */
};

struct standing {
	struct standings *all;
	struct standing *next, **link; /* all->lock; link: NULL: it is in no list */
	const struct pyr__operation *operation;
	pyr_call *call;
	pyr_deferred *deferred;
	pyr_stream *stream; /* the call's */
	struct stream_watch watch;
	struct exec_job job;
	struct executor *executor; /* counted */
	atomic_bool is_posted;
	atomic_int refs; /* the call, and the job */
	pthread_mutex_t lock;
	bool is_over; /* lock */
};

/* The rest is set before. Returns false when there is no lock to be had. */
bool standings_init(struct standings *all);
/* Every call makes a last step soon. Any thread, any lock. */
void standings_stop(struct standings *all);
/* Every call makes a step soon. The same. */
void standings_go_on(struct standings *all);
/* Gives back its owner's reference, after standings_stop(): free() is called with it when the last
 * call is over. */
void standings_unref(struct standings *all);

/* In a method: the call stays. setup: sets up what follows the struct standing, zeroed, before the
 * first step. Returns what the method returns. */
int standing_begin(struct standings *all, pyr_call *call, const struct pyr__operation *operation,
		   pyr_stream *stream, bool (*setup)(struct standing *, const void *),
		   const void *data);
#endif
