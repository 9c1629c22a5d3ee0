/* SPDX-License-Identifier: MIT */
/* Many futures at a time. */
#include <limits.h>
#include <stdlib.h>

#include "base/error.h"
#include "engine/engine.h"
#include "future/future.h"

enum { NOT_READY = INT_MIN };

/* ---- the first of them ---- */

/* Counted by who waits and by each hook, which may be told after he has gone. */
struct any {
	atomic_int refs;
	struct engine_waiter waiter;
	struct any_hook {
		struct outcall_hook hook;
		struct any *any;
	} hooks[];
};

static void any_unref(struct any *any)
{
	if (atomic_fetch_sub(&any->refs, 1) != 1)
		return;
	engine_waiter_fini(&any->waiter);
	free(any);
}

/* Perhaps with a peer's lock. */
static void on_any(struct outcall_hook *hook)
{
	struct any *any = ((struct any_hook *)hook)->any;

	engine_wake(&any->waiter);
	any_unref(any);
}

static struct any *any_new(size_t n)
{
	struct any *any = calloc(1, sizeof(*any) + n * sizeof(any->hooks[0]));

	if (!any)
		return NULL;
	any->refs = 1;
	engine_waiter_init(&any->waiter, false);
	return any;
}

/* The first that is over, or NOT_READY. *next: when to look again. */
static int any_look(pyr_future *const *futures, size_t n, int64_t *next)
{
	int64_t at;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!futures[i])
			continue;
		at = outcall_look(&futures[i]->call); /* which may end it */
		if (atomic_load(&futures[i]->call.waiter.ready))
			return (int)i;
		if (at < *next)
			*next = at;
	}
	return NOT_READY;
}

/* Returns an index, -PYR_DEADLINE_EXCEEDED or -PYR_CANCELLED. */
static int any_wait(struct any *any, pyr_future *const *futures, size_t n, int64_t until)
{
	struct exec_nest nest;
	bool nests = exec_nest_enter(&nest, &any->waiter);
	bool has_waited = false;
	int64_t next;
	int found;

	do { /* looks at the network at least once, so that a loop around it gets somewhere */
		while (nests && exec_run_nested())
			;
		next = until;
		found = any_look(futures, n, &next);
		if (found < 0 && has_waited && engine_now() >= until)
			found = -PYR_DEADLINE_EXCEEDED;
		else if (found < 0 && engine_wait_or_cancel(&any->waiter, next) < 0)
			found = -PYR_CANCELLED;
		has_waited = true;
	} while (found == NOT_READY);
	if (nests) {
		exec_nest_leave(&nest);
		while (exec_run_nested()) /* one that came at the last moment would wait for ever */
			;
	}
	return found;
}

/* Sets the hooks. Returns the index of one that is being completed just now, or NOT_READY. */
static int any_set(struct any *any, pyr_future *const *futures, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		any->hooks[i] = (struct any_hook){ { on_any }, any };
		if (!futures[i])
			continue;
		atomic_fetch_add(&any->refs, 1);
		if (outcall_set_hook(&futures[i]->call, &any->hooks[i].hook))
			continue;
		any_unref(any);
		return (int)i;
	}
	return NOT_READY;
}

static int any_run(struct any *any, pyr_future *const *futures, size_t n, int64_t until)
{
	int found = any_set(any, futures, n);
	size_t i;

	if (found == NOT_READY)
		found = any_wait(any, futures, n, until);
	else if (outcall_watch(&futures[found]->call, ENGINE_FOREVER) < 0)
		found = -PYR_CANCELLED;
	for (i = 0; i < n; i++)
		if (futures[i] && outcall_unset_hook(&futures[i]->call, &any->hooks[i].hook))
			any_unref(any);
	return found;
}

static int any_check(pyr_future *const *futures, size_t n)
{
	bool has_one = false;
	size_t i;

	if (proxy_is_forked())
		return -PYR_FAILED_PRECONDITION;
	if (!futures && n > 0)
		return error_missing("futures");
	for (i = 0; i < n; i++) {
		has_one |= futures[i] != NULL;
		if (futures[i] && futures[i]->executor)
			return error_set(PYR_FAILED_PRECONDITION,
					 "futures[%zu] already has a callback", i);
	}
	if (has_one && n <= INT_MAX)
		return 0;
	return error_set(PYR_INVALID_ARGUMENT,
			 has_one ? "too many futures" : "no future to wait for");
}

int pyr_future_wait_any(pyr_future *const *futures, size_t n, int64_t timeout_ms)
{
	int64_t until = engine_until(timeout_ms);
	int found = any_check(futures, n);
	struct any *any;

	if (found < 0)
		return found;
	any = any_new(n);
	if (!any)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	found = any_run(any, futures, n, until);
	any_unref(any);
	if (found == -PYR_CANCELLED)
		return error_set(PYR_CANCELLED, ENGINE_CANCELLED_TEXT);
	if (found < 0)
		return error_set(PYR_DEADLINE_EXCEEDED, "TimeoutError: not ready within %lld ms",
				 (long long)timeout_ms);
	return found;
}

/* ---- all of them ---- */

int pyr_future_wait_all(pyr_future *const *futures, size_t n, int64_t timeout_ms)
{
	int64_t until = engine_until(timeout_ms);
	int err = 0;
	size_t i;

	if (proxy_is_forked())
		return -PYR_FAILED_PRECONDITION;
	if (!futures && n > 0)
		return error_missing("futures");
	for (i = 0; i < n && err == 0; i++)
		if (futures[i])
			err = future_watch(futures[i], until, timeout_ms);
	if (err < 0)
		return err;
	for (i = 0; i < n && err == 0; i++)
		err = futures[i] ? pyr_future_status(futures[i])
				 : error_set(PYR_INVALID_ARGUMENT, "futures[%zu] is NULL", i);
	return err;
}

/* A callback says that it failed. */
static int failure(void)
{
	int code = pyr_last_error()->code;

	return code ? -code : error_set(PYR_UNKNOWN, "a callback of pyr_map() returned no future");
}

int future_map(const struct future_map *map)
{
	size_t window = map->window < map->n ? map->window : map->n;
	pyr_future **ring; /* of calls begun and not yet taken; call i at i % window */
	size_t begun = 0, taken = 0;
	int err = 0;

	ring = calloc(window + 1, sizeof(pyr_future *));
	if (!ring)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	while (taken < map->n && err == 0) {
		if (begun < map->n && begun < taken + window) {
			ring[begun % window] = map->start(begun, map->data);
			err = ring[begun++ % window] || map->goes_on ? 0 : failure();
		} else {
			if (ring[taken % window])
				err = map->get(taken, ring[taken % window], map->data);
			taken++;
		}
	}
	for (; taken < begun; taken++)
		pyr_future_free(ring[taken % window]);
	free(ring);
	return err;
}

int pyr_map(size_t n, size_t window, pyr_map_start_cb start, pyr_map_get_cb get, void *data)
{
	struct future_map map = { n, window ? window : MAP_WINDOW, start, get, data, false };

	if (!start || !get)
		return error_set(PYR_INVALID_ARGUMENT, "%s is NULL", start ? "get" : "start");
	return future_map(&map);
}

/* ---- all of them, whatever becomes of some ---- */

void map_note(struct map_notes *notes, size_t i, int err)
{
	if (notes->status)
		notes->status[i] = err;
	if (err == 0 || (notes->err < 0 && notes->first_at < i))
		return;
	pyr_error_free(notes->first);
	notes->first = error_copy();
	notes->first_at = i;
	notes->err = err;
}

int map_result(struct map_notes *notes, int err)
{
	if (notes->first)
		error_restore(notes->first); /* which takes it */
	return notes->err < 0 ? notes->err : err;
}

struct map_all {
	pyr_map_start_cb start;
	pyr_map_get_cb get;
	void *data;
	struct map_notes notes;
};

static pyr_future *map_start(size_t i, void *data)
{
	struct map_all *m = data;
	pyr_future *future = m->start(i, m->data);

	if (!future)
		map_note(&m->notes, i, failure());
	return future;
}

static int map_get(size_t i, pyr_future *future, void *data)
{
	struct map_all *m = data;

	map_note(&m->notes, i, m->get(i, future, m->data));
	return 0;
}

int pyr_map_all(size_t n, size_t window, pyr_map_start_cb start, pyr_map_get_cb get, void *data,
		int *status)
{
	struct map_all m = { start, get, data, { .status = status } };
	struct future_map map = { n, window ? window : MAP_WINDOW, map_start, map_get, &m, true };

	if (!start || !get)
		return error_set(PYR_INVALID_ARGUMENT, "%s is NULL", start ? "get" : "start");
	return map_result(&m.notes, future_map(&map));
}
