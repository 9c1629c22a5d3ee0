/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_WATCH_OWN_H
#define PYRITE_NS_WATCH_OWN_H
/* A watcher, for watch.c, which knows what to tell it, and watchers.c, which knows when. */
#include "changes.h"
#include "watchers.h"

/* What there is to tell. */
struct watch_source {
	struct registry *registry;
	struct changes changes;
	uint64_t epoch; /* of this run */
};

enum watch_phase {
	WATCH_FOLLOWS,   /* it has heard of all up to `heard`, and gets each change as it was */
	WATCH_LISTS,     /* it gets all names, from the key `at` on */
	WATCH_CATCHES_UP /* it has got them, each as it was then; what changed since is told as it
			    is now: so nothing goes back to what it was */
};

struct watcher {
	struct watcher *next, **link; /* first */
	struct watchers *all;
	pyr_deferred *deferred;
	pyr_stream *stream;
	unsigned place; /* which connection it comes over, as good as */
	enum watch_phase phase;
	bool is_new;         /* it has not been told anything, and is to be */
	bool resyncs;        /* what was told before is void, which it has not been told */
	uint64_t heard;      /* the number of the first change that it has not heard of */
	uint64_t known;      /* the revision that it knows from elsewhere, of a name server that
				may have been further; 0: none */
	char *at;            /* while it lists; NULL: from the beginning */
	int64_t stuck_since; /* 0: it is not */
	const char *prefix;
	bool is_exact; /* which is the whole name */
	size_t n_tags;
	const char *tags[]; /* behind them their texts */
};

/* It begins with all names. */
void watch_restart(const struct watch_source *source, struct watcher *w);

enum watch_state {
	WATCH_IDLE,    /* it knows all */
	WATCH_MORE,    /* there is more to tell it */
	WATCH_STUCK,   /* and no room for that now */
	WATCH_STALLED, /* for too long */
	WATCH_OVER     /* it is gone */
};
/* Tells it a bit. */
enum watch_state watch_tell(struct watch_source *source, struct watcher *w, int64_t now_ms);
#endif
