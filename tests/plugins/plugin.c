/* SPDX-License-Identifier: MIT */
/* A plug-in that serves and calls an object of its own, and is unloaded when it has. Built twice,
 * with types that differ: PART_B. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <pyrite/gen.h>

#include "part.h"

const char *plugin_run(void);
const void *plugin_place(void);

#ifdef PART_B
static const struct part_Row row = { "row", 7 };
static const struct part_Wrong wrong = { "no reason" };

static bool is_wrong(const struct part_Wrong *got)
{
	return got && strcmp(got->why, "no reason") == 0;
}
#else
static const struct part_Row row = { 7, "row" };
static const struct part_Wrong wrong = { 8 };

static bool is_wrong(const struct part_Wrong *got)
{
	return got && got->number == 8;
}
#endif

static bool is_same(const struct part_Row *got)
{
	return got->number == 7 && strcmp(got->text, "row") == 0;
}

static int turn(pyr_call *call, const struct part_Row *got, const struct part_Row **ret)
{
	if (!is_same(got))
		return part_Part_raise_Wrong(call, &wrong);
	*ret = got;
	return 0;
}

static int refuse(pyr_call *call, const struct part_Row *got, const struct part_Row **ret)
{
	(void)got;
	(void)ret;
	return part_Part_raise_Wrong(call, &wrong);
}

static const struct part_Part_methods turns = { .turn = turn }, refuses = { .turn = refuse };

/* NULL, or what failed. */
static const char *call(const char *turning, const char *refusing)
{
	struct part_Part *part = part_Part_proxy(turning), *other = part_Part_proxy(refusing);
	const char *failed = NULL;
	struct part_Row *got;

	if (part_Part_turn(part, &row, &got) < 0) {
		failed = pyr_errmsg();
	} else {
		failed = is_same(got) ? NULL : "the row came back as another";
		pyr_free(got);
	}
	if (!failed && part_Part_turn(other, &row, &got) != -PYR_ABORTED)
		failed = "nothing was raised";
	if (!failed && !is_wrong(part_Wrong_caught()))
		failed = "the exception came as another";
	part_Part_free(part);
	part_Part_free(other);
	return failed;
}

static void *serve(void *daemon)
{
	return pyr_daemon_run(daemon) < 0 ? "the daemon failed" : NULL;
}

const char *plugin_run(void)
{
	static char text[512];
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	const char *failed = "no daemon";
	pthread_t thread;
	void *result;

	if (daemon && pthread_create(&thread, NULL, serve, daemon) == 0) {
		failed = call(part_Part_register(daemon, NULL, &turns, NULL),
			      part_Part_register(daemon, NULL, &refuses, NULL));
		pyr_daemon_stop(daemon);
		pthread_join(thread, &result);
		failed = failed ? failed : result;
	}
	if (failed)
		snprintf(text, sizeof(text), "%s", failed);
	pyr_daemon_free(daemon);
	return failed ? text : NULL;
}

/* Where its tables are. */
const void *plugin_place(void)
{
	return &part_Part_interface;
}
