/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_WATCHERS_H
#define PYRITE_NS_WATCHERS_H
/*
 * Who watches names, each with a stream. A watcher first gets all names of its view, then what the
 * changes say that it has not heard of. Changes of a few milliseconds go together, and further ones
 * wait longer the longer it takes to tell everybody; telling goes on in slices, so that look-ups
 * have their turns. A watcher is told more only when what it was told before has left the process:
 * so those that do not read hold up nobody, and cost little. What they have missed by then is gone:
 * they get all names again. The method thread's alone, but where it says otherwise.
 */
#include "naming.h"

#include "registry.h"

enum {
	WATCHERS = 16384,
	WATCHERS_EACH = 12288, /* of a connection */
	WATCH_TAGS = 16,       /* of a view, */
	WATCH_BYTES = 1024,    /* with its prefix, each with one byte behind it */
	WATCH_STALL_MS = 60000 /* for which a watcher may not read */
};

struct watchers;

/* The registry as a method finds it; *is_void: changes were taken back since. */
typedef struct registry *(*watchers_registry_cb)(void *data, bool *is_void);

/* Returns: owned; NULL when memory is out. */
struct watchers *watchers_new(watchers_registry_cb registry, void *data);
/* daemon: the one that serves them, not freed before watchers_free(). Returns false when memory is
 * out. */
bool watchers_set_daemon(struct watchers *watchers, pyr_daemon *daemon);
/* Their calls fail. When no method runs any more. */
void watchers_free(struct watchers *watchers);

/* Returns what the method returns. */
int watchers_add(struct watchers *watchers, pyr_call *call, const struct pyrite_NameView *view,
		 pyr_stream *stream);
#endif
