/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SCOPE_H
#define PYRITE_SCOPE_H
/*
 * What the calls that a method makes are part of: the call that its thread serves, as far as they
 * have to know. Each is listed with it, from before it is started until its user is through with
 * it, and keeps it alive. When it is cancelled, the leader ends those listed before it polls again:
 * then it holds no lock, which it does where it is told of the cancel.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

struct scope;

/* Whose scope it is. */
struct scope_kind {
	void (*ref)(struct scope *scope);
	void (*unref)(struct scope *scope);
	/* A copy that lives as long. Returns NULL when memory is out. */
	char *(*copy)(struct scope *scope, const char *data, size_t n);
};

/* A call made. Its memory is its maker's. */
struct scope_item {
	struct scope *outer;     /* counted; NULL: part of none */
	struct scope_item *next; /* outer->lock */
	/* Ends it, as one whose scope was cancelled. Without locks, but outer->lock. */
	void (*cancel)(struct scope_item *item);
};

struct scope {
	const struct scope_kind *kind;
	atomic_bool is_cancelled;
	uint32_t depth;                           /* of calls inside calls */
	const uint8_t *chain;                     /* EXEC_CHAIN bytes: the same for all of them */
	const char *correlation_id, *traceparent; /* never NULL */
	pthread_mutex_t lock;                     /* before a peer's; guards: */
	struct scope_item *_Atomic items;
	struct engine_hook cancel_items; /* added once, by scope_cancel() */
};

/* The rest is zero. */
void scope_init(struct scope *scope, const struct scope_kind *kind, const uint8_t *chain);
void scope_fini(struct scope *scope);

/* Of the call whose method the thread runs; NULL outside of methods. Of a task: of that which runs
 * the tasks. */
struct scope *scope_current(void);
struct scope *scope_enter(struct scope *scope); /* Returns the one before. */

/* Makes it part of the thread's; from then on it ends when that is cancelled. Before it is started;
 * not with a peer's lock. */
void scope_add(struct scope_item *item);
void scope_remove(struct scope_item *item); /* if it is part of one */
/* It is part of one that was cancelled. */
bool scope_is_revoked(const struct scope_item *item);
/* Nobody waits any more: its items end, soon. Returns false if it was cancelled before. */
bool scope_cancel(struct scope *scope);
#endif
