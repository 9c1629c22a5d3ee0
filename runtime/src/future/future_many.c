/* SPDX-License-Identifier: MIT */
/* Many futures at a time. */
#include <stdlib.h>

#include "base/error.h"
#include "engine/engine.h"
#include "future/future.h"

enum { MAP_WINDOW = 64 };

int pyr_gather(pyr_future *const *futures, size_t n, int64_t timeout_ms)
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

int pyr_map(size_t n, size_t window, pyr_map_start_cb start, pyr_map_get_cb get, void *data)
{
	pyr_future **ring; /* of calls begun and not yet taken; call i at i % window */
	size_t begun = 0, taken = 0;
	int err = 0;

	if (!start || !get)
		return error_set(PYR_INVALID_ARGUMENT, "%s is NULL", start ? "get" : "start");
	if (window == 0)
		window = MAP_WINDOW;
	if (window > n)
		window = n;
	ring = calloc(window + 1, sizeof(pyr_future *));
	if (!ring)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	while (taken < n && err == 0) {
		if (begun < n && begun < taken + window) {
			ring[begun % window] = start(begun, data);
			err = ring[begun++ % window] ? 0 : failure();
		} else {
			err = get(taken, ring[taken % window], data);
			taken++;
		}
	}
	for (; taken < begun; taken++)
		pyr_future_free(ring[taken % window]);
	free(ring);
	return err;
}
