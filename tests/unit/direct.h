/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_DIRECT_H
#define PYRITE_TEST_DIRECT_H
/* A daemon of this process, and a proxy whose calls their caller's thread may run itself. */
#include "servant.h"

#include "test.h"

#include <sched.h>

static struct place place;
static struct e2e_Work *near; /* of "work" */
enum { OPEN = 15 };           /* a gate that is */

static inline struct e2e_Work *near_proxy(const char *uri)
{
	struct pyr_proxy_options options = { .lane = PYR_LANE_PROCESS };

	return e2e_Work_proxy_with(uri, &options);
}

static inline bool ran_here(void)
{
	bool did;

	pthread_mutex_lock(&place.work.lock);
	did = pthread_equal(place.work.last_thread, pthread_self());
	pthread_mutex_unlock(&place.work.lock);
	return did;
}

/* Calls until one is run by this thread: the first goes by frames, and is about for a moment. */
static inline bool is_settled(struct e2e_Work *proxy)
{
	int i;

	for (i = 0; i < 100000; i++) {
		if (e2e_Work_pass(proxy, OPEN) < 0)
			return false;
		if (ran_here())
			return true;
		sched_yield();
	}
	return false;
}

static inline void begin_with(const struct pyr_daemon_options *options)
{
	REQUIRE(place_open(&place, options));
	work_open(&place.work, OPEN);
	near = near_proxy(place.uri);
}

static inline void begin(unsigned threads)
{
	struct pyr_daemon_options options = { .threads = threads };

	begin_with(&options);
}

static inline void finish(void)
{
	e2e_Work_free(near);
	CHECK_INT(place_close(&place), 0);
}

static inline const char *logged(void)
{
	static char log[sizeof(place.work.log)];

	pthread_mutex_lock(&place.work.lock);
	memcpy(log, place.work.log, sizeof(log));
	place.work.log[0] = '\0';
	pthread_mutex_unlock(&place.work.lock);
	return log;
}

/* A thread that calls pass() once the call runs in itself. */
struct caller {
	pthread_t thread;
	struct e2e_Work *proxy;
	int gate, err;
	bool was_here, may_have_run;
	char text[200];
};

static inline void *pass(void *data)
{
	struct caller *c = data;

	CHECK(is_settled(c->proxy));
	c->err = e2e_Work_pass(c->proxy, c->gate);
	c->was_here = ran_here();
	snprintf(c->text, sizeof(c->text), "%s", c->err ? pyr_errmsg() : "");
	c->may_have_run = c->err && pyr_last_error()->may_have_run;
	return NULL;
}

/* Returns when its method runs. */
static inline void begin_pass(struct caller *c, int gate)
{
	char begun[8];

	*c = (struct caller){ .proxy = near, .gate = gate };
	REQUIRE(pthread_create(&c->thread, NULL, pass, c) == 0);
	snprintf(begun, sizeof(begun), "<%d ", gate);
	CHECK(work_logged(&place.work, begun));
}

#endif
