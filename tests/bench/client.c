/* SPDX-License-Identifier: MIT */
/*
 * Pyrite's client of the measurements: bench-client URI MODE [-n N]. Modes: serial, one blocking
 * call after the other; plain, the same as plain gRPC; flight, N calls in flight from one thread;
 * threads, N threads that make blocking calls through one proxy.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "example.h"
#include "measure.h"

static void serial(const struct bench_options *options, const struct bench_limit *limit,
		   struct bench_times *times, void *data)
{
	struct example_Server *server = data;
	int64_t now = bench_now(), before;
	struct bench_sum sum;
	int32_t answer;

	(void)options;
	while (bench_more(limit, times->n, now)) {
		sum = bench_sum(times->n);
		before = now;
		if (example_Server_add(server, sum.x, sum.y, &answer) < 0)
			bench_fail("add: %s", pyr_errmsg());
		bench_check(sum, answer);
		now = bench_now();
		bench_add(times, now - before);
	}
}

/* A call in flight. */
struct flight {
	pyr_future *future;
	struct bench_sum sum;
	int64_t since;
};

static void depart(struct flight *flight, struct example_Server *server, uint64_t i, int64_t now)
{
	flight->sum = bench_sum(i);
	flight->since = now;
	flight->future = example_Server_add_start(server, flight->sum.x, flight->sum.y);
	if (!flight->future)
		bench_fail("add_start: %s", pyr_errmsg());
}

static int64_t arrive(struct flight *flight, struct bench_times *times)
{
	int32_t answer;
	int64_t now;

	if (example_Server_add_get(flight->future, &answer) < 0)
		bench_fail("add_get: %s", pyr_errmsg());
	bench_check(flight->sum, answer);
	now = bench_now();
	bench_add(times, now - flight->since);
	return now;
}

/* Waits for the oldest call and starts another in its place. */
static void flights(const struct bench_options *options, const struct bench_limit *limit,
		    struct bench_times *times, void *data)
{
	struct flight *ring = calloc(options->n, sizeof(*ring));
	uint64_t started = 0;
	int64_t now = bench_now();

	if (!ring)
		bench_fail("out of memory");
	for (; started < options->n; started++)
		depart(&ring[started], data, started, now);
	while (bench_more(limit, started, now)) {
		now = arrive(&ring[started % options->n], times);
		depart(&ring[started % options->n], data, started, now);
		started++;
	}
	while (times->n < started)
		arrive(&ring[times->n % options->n], times);
	free(ring);
}

struct caller {
	pthread_t thread;
	struct example_Server *server;
	struct bench_limit limit;
	struct bench_times times;
};

static void *call_on(void *data)
{
	struct caller *caller = data;

	serial(NULL, &caller->limit, &caller->times, caller->server);
	return NULL;
}

static void threads(const struct bench_options *options, const struct bench_limit *limit,
		    struct bench_times *times, void *data)
{
	struct caller *callers = calloc(options->n, sizeof(*callers));
	unsigned i;

	if (!callers)
		bench_fail("out of memory");
	for (i = 0; i < options->n; i++) {
		callers[i].server = data;
		callers[i].limit = *limit;
		callers[i].limit.calls = limit->calls / options->n + 1;
		if (pthread_create(&callers[i].thread, NULL, call_on, &callers[i]) != 0)
			bench_fail("no thread %u", i);
	}
	for (i = 0; i < options->n; i++) {
		pthread_join(callers[i].thread, NULL);
		bench_merge(times, &callers[i].times);
	}
	free(callers);
}

int main(int argc, char **argv)
{
	struct pyr_proxy_options proxy = { 0 };
	struct bench_options options;
	struct example_Server *server;

	bench_start(&options, argc, argv, true);
	if (strcmp(options.mode, "plain") == 0)
		proxy.plain = PYR_PLAIN_ONLY;
	server = example_Server_proxy_with(options.address, &proxy);
	if (!server)
		return pyr_perror(options.address);
	if (strcmp(options.mode, "serial") == 0 || proxy.plain)
		bench_measure(&options, serial, server);
	else if (strcmp(options.mode, "flight") == 0)
		bench_measure(&options, flights, server);
	else if (strcmp(options.mode, "threads") == 0)
		bench_measure(&options, threads, server);
	else
		bench_fail("no mode '%s'", options.mode);
	example_Server_free(server);
	return 0;
}
