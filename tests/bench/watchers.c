/* SPDX-License-Identifier: MIT */
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
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

enum { PERIOD_MS = 10, NAMES = 100, MOST = 16000, WAIT_S = 60 };

static char uri[300];
static struct pyrite_NameServer **servers;
static unsigned n_watchers, n_stopped, n_connections;
static uint64_t n_changes; /* that will be made */
static unsigned n_ready;   /* the task thread's, as are: */
static uint64_t n_heard, n_expected, n_resyncs;
static struct bench_times times;
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

static void hear(const struct pyrite_NameNews *news)
{
	int64_t now = bench_now();
	long long at;
	size_t i;

	n_resyncs += news->resync;
	for (i = 0; i < news->changes.n; i++)
		if (sscanf(news->changes.items[i].uri, "PYRO:at.%lld@", &at) == 1) {
			bench_add(&times, now - at);
			n_heard++;
		}
}

static int watch(void *data)
{
	struct pyrite_NameView view = { .prefix = "watched." };
	struct pyr_call_options options = { .timeout_ms = PYR_NONE };
	struct pyrite_NameServer *server = data;
	struct pyrite_NameNews *news;
	pyr_stream *stream;
	bool is_ready = false;

	if (pyrite_NameServer_watch(pyrite_NameServer_with(server, &options), &view, &stream) < 0)
		bench_fail("watch: %s", pyr_errmsg());
	while (n_heard < n_expected && pyrite_NameServer_watch_next(stream, &news) == 1) {
		hear(news);
		n_ready += !is_ready && news->complete;
		is_ready |= news->complete;
		pyr_free(news);
	}
	pyr_stream_free(stream);
	return 0;
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

static int run(void *data)
{
	const struct bench_options *options = data;
	static pyr_task *tasks[MOST];
	long before = memory_of(options->server), after;
	int64_t until;
	unsigned i;

	for (i = 0; i < n_watchers; i++)
		if (!(tasks[i] = pyr_task_start(watch, servers[i % n_connections])))
			bench_fail("task: %s", pyr_errmsg());
	until = bench_now() + WAIT_S * 1000000000LL;
	while (n_ready < n_watchers && bench_now() < until)
		(void)pyr_sleep(5);
	if (n_ready < n_watchers)
		bench_fail("%u of %u watch", n_ready, n_watchers);
	after = memory_of(options->server);
	printf("watchers=%u connections=%u kib_each=%.2f ", n_watchers, n_connections,
	       (double)(after - before) / n_watchers);
	n_heard = 0;
	atomic_store(&all_ready, true);
	until = bench_now() + options->ms * 1000000 + WAIT_S * 1000000000LL;
	while (n_heard < n_expected && bench_now() < until)
		(void)pyr_sleep(5);
	printf("kib_each_then=%.2f ", (double)(memory_of(options->server) - before) / n_watchers);
	for (i = 0; i < n_watchers; i++) {
		pyr_task_cancel(tasks[i]);
		(void)pyr_task_join(tasks[i]);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct bench_options options;
	pthread_t changer;
	unsigned i;

	bench_start(&options, argc, argv, BENCH_CLIENT);
	if (sscanf(options.mode, "%u:%u", &n_watchers, &n_stopped) < 1 || n_watchers < 1 ||
	    n_watchers > MOST)
		bench_fail("'%s' is no number of watchers from 1 to %d", options.mode, MOST);
	snprintf(uri, sizeof(uri), "PYRO:%s@%s", pyrite_NAME_SERVER_ID, options.address);
	n_connections = options.n;
	n_changes = (uint64_t)options.ms / PERIOD_MS;
	n_expected = n_changes * n_watchers;
	servers = calloc(n_connections, sizeof(*servers));
	for (i = 0; servers && i < n_connections; i++)
		servers[i] = connect_own();
	stop_reading();
	if (!servers || pthread_create(&changer, NULL, make_changes, NULL) != 0)
		bench_fail("no memory or thread");
	if (pyr_tasks_run(run, &options) < 0)
		bench_fail("tasks: %s", pyr_errmsg());
	pthread_join(changer, NULL);
	printf("changes=%llu resyncs=%llu p50_ms=%.1f p99_ms=%.1f\n", (unsigned long long)n_changes,
	       (unsigned long long)(n_resyncs - n_watchers), bench_quantile(&times, 0.5) / 1000,
	       bench_quantile(&times, 0.99) / 1000);
	if (n_heard < n_expected)
		bench_fail("%llu of %llu were heard of", (unsigned long long)n_heard,
			   (unsigned long long)n_expected);
	return 0;
}
