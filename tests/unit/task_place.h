/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_TASK_PLACE_H
#define PYRITE_TEST_TASK_PLACE_H
/* For tests of calls in tasks: a daemon in another thread, and a proxy of its object. */
#include "servant.h"

#include "task_help.h"

static struct place place;
static struct e2e_Work *work;

static inline void begin(const struct pyr_daemon_options *options)
{
	REQUIRE(place_open(&place, options));
	work = e2e_Work_proxy(place.uri);
	REQUIRE(work != NULL);
}

static inline void finish(void)
{
	e2e_Work_free(work);
	CHECK_INT(place_close(&place), 0);
}

/* Runs main() with each kind of daemon. */
static inline void run_with_all(pyr_task_cb main)
{
	struct pyr_daemon_options options = { 0 };
	char path[64];
	int i;

	snprintf(path, sizeof(path), "/tmp/pyrite-tasks-%d", (int)getpid());
	for (i = 0; i < 4; i++) {
		options.threads = i & 1 ? 1 : 0;
		options.socket = i & 2 ? path : NULL;
		begin(&options);
		run(main);
		finish();
	}
}

static inline int hold_one(void *data)
{
	int32_t key = (int32_t)(intptr_t)data, value = -1;

	CHECK_INT(e2e_Work_hold(work, key, &value), 0);
	CHECK_INT(value, 100 + key);
	tell("", key);
	return 0;
}

static inline int hold_and_expect_cancel(void *data)
{
	CHECK_INT(e2e_Work_hold(work, (int32_t)(intptr_t)data, NULL), -PYR_CANCELLED);
	return 0;
}
#endif
