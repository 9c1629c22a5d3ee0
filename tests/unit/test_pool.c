/* SPDX-License-Identifier: MIT */
/* Pools of worker processes: their proxies, what is killed, what cannot be run. */
#include <pyrite/pool.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crew.h"

#include "test.h"

enum { N_WORKERS = 3, N_CALLS = 300 };

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static pyr_pool *pool_of(const char *program)
{
	return pyr_pool_new(&(struct pyr_pool_options){ .n = N_WORKERS, .program = program });
}

static bool is_there(int pid)
{
	return kill((pid_t)pid, 0) == 0 || errno != ESRCH;
}

TEST(a_pool_maps_over_its_processes_and_leaves_nothing)
{
	int32_t numbers[N_CALLS], waits[N_CALLS], who[N_CALLS];
	int64_t results[N_CALLS];
	pyr_pool *pool = pool_of("crew-worker");
	struct crew_Worker *proxy;
	int i, k, n_all = 0, pids[N_WORKERS], n_calls[N_WORKERS] = { 0 };
	char directory[256];

	REQUIRE(pool != NULL);
	snprintf(directory, sizeof(directory), "%s", strstr(pyr_pool_uri(pool), "/tmp"));
	*strrchr(directory, '/') = '\0';
	proxy = crew_Worker_proxy(pyr_pool_uri(pool));
	REQUIRE(proxy != NULL);
	for (i = 0; i < N_CALLS; i++) {
		numbers[i] = i;
		waits[i] = 1;
	}
	CHECK_INT(crew_Worker_twice_map(proxy, N_CALLS, numbers, waits, results, who, NULL), 0);
	for (k = 0; k < N_WORKERS; k++)
		pids[k] = pyr_pool_pid(pool, (unsigned)k);
	for (i = 0; i < N_CALLS; i++) {
		REQUIRE(results[i] == 2 * i);
		for (k = 0; k < N_WORKERS; k++)
			n_calls[k] += who[i] == pids[k];
	}
	for (k = 0; k < N_WORKERS; k++)
		n_all += n_calls[k];
	CHECK_INT(n_all, N_CALLS);
	pyr_pool_free(pool);
	for (k = 0; k < N_WORKERS; k++)
		CHECK(!is_there(pids[k]));
	CHECK(access(directory, F_OK) < 0);
	CHECK_INT(crew_Worker_twice(proxy, 1, 0, results, NULL), -PYR_UNAVAILABLE);
	CHECK_HAS(pyr_errmsg(), "the pool was freed");
	crew_Worker_free(proxy);
}

struct map {
	struct crew_Worker *proxy;
	pyr_pool *pool;
	int lost;
	int64_t at;
};

static pyr_future *start(size_t i, void *data)
{
	return crew_Worker_twice_start(((struct map *)data)->proxy, (int32_t)i, 3);
}

static int get(size_t i, pyr_future *future, void *data)
{
	struct map *map = data;
	int64_t twice = 0;
	int err = crew_Worker_twice_get(future, &twice, NULL);

	CHECK(err == 0 && twice == 2 * (int64_t)i);
	if (i == N_CALLS / 3) {
		map->lost = pyr_pool_pid(map->pool, 0);
		map->at = now_ms();
		kill(map->lost, SIGKILL);
	}
	return err;
}

TEST(a_killed_worker_is_replaced_and_the_map_is_whole)
{
	struct map map = { .pool = pool_of("crew-worker") };
	int32_t who = 0;
	int64_t twice;

	REQUIRE(map.pool != NULL);
	map.proxy = crew_Worker_proxy(pyr_pool_uri(map.pool));
	CHECK_INT(pyr_map(N_CALLS, 0, start, get, &map), 0);
	while ((!pyr_pool_pid(map.pool, 0) || pyr_pool_pid(map.pool, 0) == map.lost) &&
	       now_ms() < map.at + 1000)
		sched_yield();
	CHECK(pyr_pool_pid(map.pool, 0) != 0 && pyr_pool_pid(map.pool, 0) != map.lost);
	while (who != pyr_pool_pid(map.pool, 0) && now_ms() < map.at + 5000)
		REQUIRE(crew_Worker_twice(map.proxy, 1, 0, &twice, &who) == 0);
	CHECK_INT(who, pyr_pool_pid(map.pool, 0));
	crew_Worker_free(map.proxy);
	pyr_pool_free(map.pool);
}

TEST(a_program_that_cannot_be_run_is_told_at_once)
{
	CHECK(pool_of("crew-worker-that-is-not-there") == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_NOT_FOUND);
	CHECK_HAS(pyr_errmsg(), "crew-worker-that-is-not-there: No such file or directory");
	CHECK(pool_of("/etc/passwd") == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_PERMISSION_DENIED);
	CHECK(pool_of(NULL) == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
	CHECK(pyr_pool_uri(NULL) == NULL);
}

TEST(workers_that_end_at_once_are_told)
{
	struct pyr_proxy_options options = { .connect_timeout_ms = 1000 };
	pyr_pool *pool = pool_of("/bin/false");
	struct crew_Worker *proxy;
	int64_t twice, until = now_ms() + 20000;

	REQUIRE(pool != NULL);
	proxy = crew_Worker_proxy_with(pyr_pool_uri(pool), &options);
	do /* the first may be too early to know */
		CHECK(crew_Worker_twice(proxy, 1, 0, &twice, NULL) < 0);
	while (!strstr(pyr_errmsg(), "workers end") && now_ms() < until);
	CHECK_INT(pyr_last_error()->code, PYR_UNAVAILABLE);
	CHECK_HAS(pyr_errmsg(), "workers end as soon as they are started, with status 1");
	crew_Worker_free(proxy);
	pyr_pool_free(pool);
}

TESTS(pool, T(a_pool_maps_over_its_processes_and_leaves_nothing),
      T(a_killed_worker_is_replaced_and_the_map_is_whole),
      T(a_program_that_cannot_be_run_is_told_at_once), T(workers_that_end_at_once_are_told))
