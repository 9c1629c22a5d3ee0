/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_TASK_HELP_H
#define PYRITE_TEST_TASK_HELP_H
/* For tests of tasks. A task must not be left by a longjmp(), so none of them uses REQUIRE(). */
#include <pyrite/pyrite.h>

#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "engine/engine.h"

enum { SHORT_MS = 20, LONG_MS = 60000, SOON_MS = 10000 };

static inline int64_t now_ms(void)
{
	return engine_now() / ENGINE_MS;
}

/* Waits until something was counted so often. */
static inline bool comes_to(atomic_int *count, int n)
{
	int64_t until = now_ms() + SOON_MS;

	while (atomic_load(count) < n && now_ms() < until)
		usleep(1000);
	return atomic_load(count) >= n;
}

static inline void check_error(int err, int code, const char *part)
{
	CHECK_INT(err, -code);
	CHECK_INT(pyr_last_error()->code, code);
	CHECK_HAS(pyr_errmsg(), part);
}

static inline pyr_task *start(pyr_task_cb callback, intptr_t data)
{
	pyr_task *task = pyr_task_start(callback, (void *)data);

	CHECK(task != NULL);
	return task;
}

/* What the tasks did, in order. */
static char story[4096];
static size_t n_story;

static inline void tell(const char *what, int i)
{
	n_story += (size_t)snprintf(story + n_story, sizeof(story) - n_story, "%s%d ", what, i);
}

static inline void run(pyr_task_cb main)
{
	n_story = 0;
	story[0] = '\0';
	CHECK_INT(pyr_tasks_run(main, NULL), 0);
}

/* Sleeps so many times SHORT_MS, and tells. */
static inline int sleep_and_tell(void *data)
{
	int n = (int)(intptr_t)data;

	CHECK_INT(pyr_sleep((uint32_t)n * SHORT_MS), 0);
	tell("", n);
	return 0;
}

/* Fails with an error of its own, while others do. */
static inline int fail_as(void *data)
{
	int code = (int)(intptr_t)data;

	error_set(code, "mine is %d", code);
	CHECK_INT(pyr_sleep((uint32_t)(code % 3)), 0);
	CHECK_INT(pyr_last_error()->code, code);
	return -code;
}
#endif
