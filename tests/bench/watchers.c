/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* sched_setaffinity() */
/*
 * How soon many who watch hear of changes: bench-watchers ADDRESS WATCHERS [-n CONNECTIONS] [--ms
 * MS]
 * --server PID. So many watch a name server, over so many connections, all of them the same names,
 * which change a hundred times a second for so long. It prints what a watcher costs the name
 * server, and how long after the call a change was at each of them; it fails if one has missed any.
 * With WATCHERS:STOPPED so many more watch over a connection that nobody reads.
 */
#include <pyrite/naming.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

enum { PERIOD_MS = 10, NAMES = 100, MOST = 16000, WAIT_S = 60, READERS = 2 };

/* A thread that has a part of the watchers, each in a task. */
struct reader {
	pthread_t thread;
	unsigned from, n;
	atomic_uint n_ready;
	atomic_ullong n_heard;
	uint64_t n_resyncs;
	struct bench_times times;
	pyr_task *tasks[MOST];
};

static char uri[300];
static struct pyrite_NameServer **servers;
static unsigned n_watchers, n_stopped, n_connections;
static uint64_t n_changes; /* that will be made */
static struct reader readers[READERS];
static atomic_bool is_over;
static atomic_bool all_ready;

static struct pyrite_NameServer *connect_own(void)
{
	struct pyr_proxy_options options = { .own_link = true };
	struct pyrite_NameServer *server = pyrite_NameServer_proxy_with(uri, &options);

	if (!server || pyr_proxy_bind(pyrite_NameServer_as_proxy(server)) < 0)
		bench_fail("%s: %s", uri, pyr_errmsg());
	return server;
}

/* KiB that the name server has in memory. */
static long memory_of(pid_t pid)
{
	char path[64], line[200];
	long kib = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	if (file)
		fclose(file);
	if (kib < 0)
		bench_fail("--server %ld is no process", (long)pid);
	return kib;
}

/* ---- changes ---- */

static void change(struct pyrite_NameServer *server, uint64_t i)
{
	struct pyrite_NameTerms terms = { .replace = true };
	struct pyrite_NameClaim nobody = { 0 };
	struct pyrite_NameGrant *grant;
	char name[32], to[64];

	snprintf(name, sizeof(name), "watched.%03u", (unsigned)(i % NAMES));
	snprintf(to, sizeof(to), "PYRO:at.%lld@h:12345", (long long)bench_now());
	if (pyrite_NameServer_register_name(server, name, to, &terms, &nobody, &grant) < 0)
		bench_fail("register: %s", pyr_errmsg());
	pyr_free(grant);
}

static void sleep_until(int64_t at)
{
	struct timespec t = { at / 1000000000, at % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
		;
}

static void *make_changes(void *data)
{
	struct pyrite_NameServer *server = connect_own();
	int64_t next;
	uint64_t i;

	(void)data;
	while (!atomic_load(&all_ready))
		sleep_until(bench_now() + 1000000);
	next = bench_now();
	for (i = 0; i < n_changes; i++, next += PERIOD_MS * 1000000) {
		sleep_until(next);
		change(server, i);
	}
	pyrite_NameServer_free(server);
	return NULL;
}

/* ---- watchers ---- */

static void hear(struct reader *reader, const struct pyrite_NameNews *news)
{
	static const char begin[] = "PYRO:at.";
	int64_t now = bench_now();
	const char *to;
	size_t i;

	reader->n_resyncs += news->resync;
	for (i = 0; i < news->changes.n; i++) {
		to = news->changes.items[i].uri;
		if (!atomic_load(&all_ready) || strncmp(to, begin, strlen(begin)) != 0)
			continue;
		bench_add(&reader->times, now - strtoll(to + strlen(begin), NULL, 10));
		atomic_fetch_add_explicit(&reader->n_heard, 1, memory_order_relaxed);
	}
}

/* What a task watches, and for which reader. */
struct watching {
	struct reader *reader;
	struct pyrite_NameServer *server;
};

static int watch(void *data)
{
	struct pyrite_NameView view = { .prefix = "watched." };
	struct pyr_call_options options = { .timeout_ms = PYR_NONE };
	struct watching *watching = data;
	struct pyrite_NameNews *news;
	pyr_stream *stream;
	bool is_ready = false;

	if (pyrite_NameServer_watch(pyrite_NameServer_with(watching->server, &options), &view,
				    &stream) < 0)
		bench_fail("watch: %s", pyr_errmsg());
	while (pyrite_NameServer_watch_next(stream, &news) == 1) {
		hear(watching->reader, news);
		if (news->complete && !is_ready)
			atomic_fetch_add(&watching->reader->n_ready, 1);
		is_ready |= news->complete;
		pyr_free(news);
	}
	pyr_stream_free(stream);
	return 0;
}

static int run_tasks(void *data)
{
	static struct watching all[MOST];
	struct reader *reader = data;
	unsigned i, at;

	for (i = 0; i < reader->n; i++) {
		at = reader->from + i;
		all[at] = (struct watching){ reader, servers[at % n_connections] };
		if (!(reader->tasks[i] = pyr_task_start(watch, &all[at])))
			bench_fail("task: %s", pyr_errmsg());
	}
	while (!atomic_load(&is_over))
		(void)pyr_sleep(20);
	for (i = 0; i < reader->n; i++) {
		pyr_task_cancel(reader->tasks[i]);
		(void)pyr_task_join(reader->tasks[i]);
	}
	return 0;
}

static void *read_all(void *data)
{
	if (pyr_tasks_run(run_tasks, data) < 0)
		bench_fail("tasks: %s", pyr_errmsg());
	return NULL;
}

/* Watch, and are not read. */
static void stop_reading(void)
{
	struct pyrite_NameView view = { .prefix = "watched." };
	struct pyrite_NameServer *server = connect_own();
	pyr_stream *stream;
	unsigned i;

	for (i = 0; i < n_stopped; i++)
		if (pyrite_NameServer_watch(server, &view, &stream) < 0)
			bench_fail("watch: %s", pyr_errmsg());
}

static void start_readers(void)
{
	unsigned i, part = n_watchers / READERS;

	for (i = 0; i < READERS; i++) {
		readers[i].from = i * part;
		readers[i].n = i + 1 < READERS ? part : n_watchers - i * part;
		if (pthread_create(&readers[i].thread, NULL, read_all, &readers[i]) != 0)
			bench_fail("no thread");
	}
}

static uint64_t sum_ready(void)
{
	return atomic_load(&readers[0].n_ready) + atomic_load(&readers[1].n_ready);
}

static uint64_t sum_heard(void)
{
	return atomic_load(&readers[0].n_heard) + atomic_load(&readers[1].n_heard);
}

static void wait_for(uint64_t (*sum)(void), uint64_t n, int64_t ms, const char *what)
{
	int64_t until = bench_now() + (ms + WAIT_S * 1000) * 1000000;

	while (sum() < n && bench_now() < until)
		sleep_until(bench_now() + 5000000);
	if (sum() < n)
		bench_fail("%llu of %llu %s", (unsigned long long)sum(), (unsigned long long)n,
			   what);
}

static void run(const struct bench_options *options)
{
	long before = memory_of(options->server);

	start_readers();
	wait_for(sum_ready, n_watchers, 0, "watch");
	printf("watchers=%u connections=%u kib_each=%.2f ", n_watchers, n_connections,
	       (double)(memory_of(options->server) - before) / n_watchers);
	atomic_store(&all_ready, true);
	wait_for(sum_heard, n_changes * n_watchers, options->ms, "were heard of");
	printf("kib_each_then=%.2f ", (double)(memory_of(options->server) - before) / n_watchers);
	atomic_store(&is_over, true);
	pthread_join(readers[0].thread, NULL);
	pthread_join(readers[1].thread, NULL);
	bench_merge(&readers[0].times, &readers[1].times);
	readers[0].n_resyncs += readers[1].n_resyncs;
}

/* The readers need all of them. */
static void use_all_cores(void)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	(void)sched_setaffinity(0, sizeof(all), &all);
}

int main(int argc, char **argv)
{
	struct bench_options options;
	pthread_t changer;
	unsigned i;

	bench_start(&options, argc, argv, BENCH_CLIENT);
	use_all_cores();
	if (sscanf(options.mode, "%u:%u", &n_watchers, &n_stopped) < 1 || n_watchers < 1 ||
	    n_watchers > MOST)
		bench_fail("'%s' is no number of watchers from 1 to %d", options.mode, MOST);
	snprintf(uri, sizeof(uri), "PYRO:%s@%s", pyrite_NAME_SERVER_ID, options.address);
	n_connections = options.n;
	n_changes = (uint64_t)options.ms / PERIOD_MS;
	servers = calloc(n_connections, sizeof(*servers));
	for (i = 0; servers && i < n_connections; i++)
		servers[i] = connect_own();
	stop_reading();
	if (!servers || pthread_create(&changer, NULL, make_changes, NULL) != 0)
		bench_fail("no memory or thread");
	run(&options);
	pthread_join(changer, NULL);
	printf("changes=%llu resyncs=%llu p50_ms=%.1f p99_ms=%.1f\n", (unsigned long long)n_changes,
	       (unsigned long long)(readers[0].n_resyncs - n_watchers),
	       bench_quantile(&readers[0].times, 0.5) / 1000,
	       bench_quantile(&readers[0].times, 0.99) / 1000);
	return 0;
}
