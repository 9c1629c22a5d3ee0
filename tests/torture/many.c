/* SPDX-License-Identifier: MIT */
/* Calls made together: maps, tasks, pools of processes, event loops, timers, several objects. */
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <pyrite/loop.h>
#include <pyrite/pool.h>

#include "place.h"

enum { CALLS = 4 };

static int with_socket(part_fn part)
{
	struct pyr_daemon_options daemon = { .threads = 2 };
	struct pyr_proxy_options options = proxy_options(PYR_LANE_SOCKET);

	return with_both(&daemon, &options, part);
}

/* ---- maps ---- */

struct sums {
	struct things_Thing *thing;
	int32_t sums[CALLS];
};

static pyr_future *start_sum(size_t i, void *data)
{
	return things_Thing_add_start(((struct sums *)data)->thing, (int32_t)i, 1);
}

static int get_sum(size_t i, pyr_future *future, void *data)
{
	return things_Thing_add_get(future, &((struct sums *)data)->sums[i]);
}

static int map(struct place *place, struct things_Thing *thing)
{
	struct sums sums = { .thing = thing };
	int each[CALLS] = { 1, 1, 1, 1 }, status;

	(void)place;
	TRY(pyr_map_all(CALLS, 2, start_sum, get_sum, &sums, each));
	EXPECT(each[0] == 0 && each[3] == 0 && sums.sums[0] == 1 && sums.sums[3] == 4);
	sums = (struct sums){ .thing = thing };
	TRY(pyr_map(CALLS, 0, start_sum, get_sum, &sums));
	EXPECT(sums.sums[0] == 1 && sums.sums[3] == 4);
out:
	return status;
}

static int maps(void)
{
	return with_socket(map);
}

/* ---- waiting for futures ---- */

static int wait(struct place *place, struct things_Thing *thing)
{
	pyr_future *futures[2] = { NULL, NULL };
	int32_t sum = 0;
	int status;
	size_t i;

	(void)place;
	for (i = 0; i < 2; i++)
		GET(futures[i], things_Thing_add_start(thing, 2, (int32_t)i));
	TRY(pyr_future_wait_any(futures, 2, PATIENCE_MS));
	EXPECT(status < 2);
	TRY(pyr_future_wait_all(futures, 2, PATIENCE_MS));
	for (i = 0; i < 2; i++) {
		status = things_Thing_add_get(futures[i], &sum);
		futures[i] = NULL;
		TRY(status);
		EXPECT(sum == 2 + (int32_t)i);
	}
out:
	for (i = 0; i < 2; i++)
		pyr_future_free(futures[i]);
	return status;
}

static int waits(void)
{
	return with_socket(wait);
}

/* Futures of proxies that repeat calls keep their arguments. */
static int patient(void)
{
	struct pyr_daemon_options daemon = { .threads = 2 };
	struct pyr_proxy_options options = proxy_options(PYR_LANE_SOCKET);

	options.max_retries = 2;
	options.wait_ms = 500;
	return with_both(&daemon, &options, wait);
}

/* ---- tasks ---- */

static int one_task(void *thing)
{
	return part_add(NULL, thing);
}

static int two_tasks(void *thing)
{
	pyr_task *tasks[2] = { NULL, NULL };
	int status, i;

	for (i = 0; i < 2; i++)
		GET(tasks[i], pyr_task_start(one_task, thing));
	TRY(pyr_sleep(1));
	TRY(pyr_task_wait(tasks[0], PATIENCE_MS));
	for (i = 0; i < 2; i++) {
		pyr_task *task = tasks[i];

		tasks[i] = NULL;
		TRY(pyr_task_join(task));
	}
out:
	for (i = 0; i < 2; i++)
		pyr_task_free(tasks[i]);
	return status;
}

static int tasks(struct place *place, struct things_Thing *thing)
{
	int status;

	(void)place;
	TRY(pyr_set_correlation_id("00112233-4455-6677-8899-aabbccddeeff"));
	status = pyr_tasks_run(two_tasks, thing);
	if (status < 0)
		note("pyr_tasks_run()", status);
out:
	(void)pyr_set_correlation_id(NULL);
	return status;
}

static int in_tasks(void)
{
	return with_socket(tasks);
}

/* ---- processes ---- */

int pool_worker(void)
{
	static struct place place;
	pyr_daemon *daemon = pyr_daemon_new(NULL);

	if (!daemon || !things_Thing_register(daemon, "worker", &thing_methods, &place))
		return pyr_perror("worker");
	return pyr_daemon_run(daemon);
}

static int pool(void)
{
	static const char *const arguments[] = { "--worker", NULL };
	static const int32_t x[CALLS] = { 1, 2, 3, 4 };
	struct pyr_pool_options options = { .n = 2, .program = "torture", .arguments = arguments };
	struct pyr_proxy_options to = { .timeout_ms = PATIENCE_MS };
	struct things_Thing *thing = NULL;
	int32_t sums[CALLS] = { 0 };
	pyr_pool *workers = NULL;
	int status;

	GET(workers, pyr_pool_new(&options));
	GET(thing, things_Thing_proxy_with(pyr_pool_uri(workers), &to));
	TRY(things_Thing_add_map(thing, CALLS, x, x, sums, NULL));
	EXPECT(sums[0] == 2 && sums[3] == 8);
out:
	things_Thing_free(thing);
	pyr_pool_free(workers);
	return status;
}

/* ---- a loop, and a timer ---- */

static void stopped(pyr_daemon *daemon, void *data)
{
	(void)daemon;
	*(bool *)data = true;
}

static int dispatch_until_ready(pyr_future *future)
{
	int status;

	while (!pyr_future_is_ready(future)) /* the alarm bounds it */
		if ((status = pyr_dispatch(10)) < 0)
			return note("pyr_dispatch()", status);
	return 0;
}

static int looped(struct place *place, struct things_Thing *thing)
{
	bool is_stopped = false;
	int32_t sum = 0;
	pyr_future *future = NULL;
	int status;

	TRY(pyr_fd());
	TRY(pyr_daemon_start(place->daemon, stopped, &is_stopped));
	GET(future, things_Thing_add_start(thing, 1, 2));
	TRY(dispatch_until_ready(future));
	status = things_Thing_add_get(future, &sum);
	future = NULL;
	TRY(status);
	EXPECT(sum == 3);
	pyr_daemon_stop(place->daemon);
	while (!is_stopped)
		TRY(pyr_dispatch(10));
	status = 0;
out:
	pyr_future_free(future);
	return status;
}

static int loop(void)
{
	struct pyr_daemon_options options = { .threads = 1 };
	struct pyr_proxy_options to = proxy_options(PYR_LANE_SOCKET);
	struct things_Thing *thing = NULL;
	struct place place = { 0 };
	const char *uri;
	int status;

	GET(place.daemon, pyr_daemon_new(&options));
	GET(uri, things_Thing_register(place.daemon, "thing", &thing_methods, &place));
	GET(thing, things_Thing_proxy_with(uri, &to));
	status = looped(&place, thing);
out:
	things_Thing_free(thing);
	return place_close(&place, status);
}

static void on_time(pyr_timer *timer, void *data)
{
	(void)timer;
	atomic_store((atomic_bool *)data, true);
}

static int timed(struct place *place, struct things_Thing *thing)
{
	atomic_bool is_over = false;
	pyr_timer *timer = NULL;
	int status;

	TRY(part_add(place, thing)); /* so that it runs */
	pthread_mutex_lock(&place->lock);
	timer = place->daemon ? pyr_timer_new(place->daemon, on_time, &is_over) : NULL;
	pthread_mutex_unlock(&place->lock);
	GET(timer, timer);
	TRY(pyr_timer_set(timer, 1));
	while (!is_over) /* the alarm bounds it */
		sched_yield();
out:
	pyr_timer_free(timer);
	return status;
}

static int timer(void)
{
	return with_socket(timed);
}

/* ---- several objects ---- */

static int spread(struct place *place, struct things_Thing *thing)
{
	static const int32_t x[CALLS] = { 1, 2, 3, 4 };
	struct pyr_map_options options = { .all = true };
	int32_t sums[CALLS] = { 0 };
	int status;

	TRY(things_Thing_add_map(thing, CALLS, x, x, sums, &options));
	EXPECT(sums[0] == 2 && sums[3] == 8);
	status = part_call(place, thing);
out:
	return status;
}

static int several(void)
{
	struct pyr_daemon_options options = { .threads = 2 };
	struct pyr_proxy_options to = proxy_options(PYR_LANE_SOCKET);
	struct things_Thing *thing = NULL;
	struct place first, second = { 0 };
	const char *others[1];
	int status;

	TRY(place_open(&first, &options));
	TRY(place_open(&second, &options));
	others[0] = second.uri;
	to.others = others;
	to.n_others = 1;
	GET(thing, things_Thing_proxy_with(first.uri, &to));
	status = spread(&first, thing);
out:
	things_Thing_free(thing);
	status = place_close(&second, status);
	return place_close(&first, status);
}

const struct scenario many_scenarios[] = {
	{ .name = "map", .run = maps },
	{ .name = "futures-waited-for", .run = waits },
	{ .name = "future-repeated", .run = patient },
	{ .name = "tasks", .run = in_tasks },
	/* If the folder of this program cannot be told, "torture" is looked for in PATH. */
	{ .name = "pool", .run = pool, .also = ALSO(PYR_NOT_FOUND) },
	{ .name = "loop", .run = loop },
	{ .name = "timer", .run = timer },
	{ .name = "several-objects", .run = several },
	{ 0 },
};
