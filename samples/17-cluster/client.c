/* SPDX-License-Identifier: MIT */
/*
 * Works on, whatever happens: calls workers, looks a name up, and changes one, in three tasks. For
 * each line that it reads it prints what has happened since the last one; at the end of its input
 * it ends.
 */
#include "cluster.h"
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 9, PATIENCE_MS = 3000 };

/* One kind of thing that is done again and again. */
struct record {
	const char *what;
	unsigned done, failed;
	int64_t last, longest; /* when one was done, and the longest time between two; ms */
	char error[200];       /* of the last that failed */
};

static struct record calls = { .what = "calls" }, lookups = { .what = "look-ups" },
		     changes = { .what = "changes" };
static unsigned by_worker[WORKERS];
static bool is_over;

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void note(struct record *record, int err)
{
	int64_t now = now_ms();

	if (err < 0) {
		record->failed++;
		snprintf(record->error, sizeof(record->error), "%s", pyr_errmsg());
		return;
	}
	record->done++;
	if (record->last && now - record->last > record->longest)
		record->longest = now - record->last;
	record->last = now;
}

/* ---- the three tasks ---- */

static int call(void *data)
{
	struct cluster_Worker *workers = data;
	uint32_t n = 0, worker = 0;
	uint64_t square;
	int err;

	while (!is_over) {
		err = cluster_Worker_square(workers, ++n, &square, &worker);
		note(&calls, err);
		if (err == 0 && square != (uint64_t)n * n)
			fprintf(stderr, "%" PRIu32 " * %" PRIu32 " is not %" PRIu64 "\n", n, n,
				square);
		else if (err == 0)
			by_worker[worker % WORKERS]++;
		pyr_sleep(10);
	}
	return 0;
}

static int look_up(void *data)
{
	char *uri;
	int err;

	while (!is_over) {
		err = pyr_ns_lookup(data, "cluster.workers", &uri);
		note(&lookups, err);
		if (err == 0)
			pyr_free(uri);
		pyr_sleep(20);
	}
	return 0;
}

static int change(void *data)
{
	struct pyr_ns_register_options options = { .replace = true };
	char uri[64];
	unsigned n = 0;

	while (!is_over) {
		snprintf(uri, sizeof(uri), "PYRO:change.%u@127.0.0.1:1", ++n);
		note(&changes, pyr_ns_register_with(data, "cluster.changed", uri, &options));
		pyr_sleep(50);
	}
	return 0;
}

/* ---- what is told ---- */

/* What is under way counts as a pause, too. */
static void tell(struct record *record, const char *before)
{
	int64_t pause = now_ms() - record->last;

	printf("%s%u %s, %u failed, longest pause %d ms", before, record->done, record->what,
	       record->failed, (int)(pause > record->longest ? pause : record->longest));
	record->done = record->failed = 0;
	record->longest = 0;
}

static void tell_error(struct record *record)
{
	if (record->error[0])
		printf("; %s: %s", record->what, record->error);
	record->error[0] = '\0';
}

static void tell_all(void)
{
	unsigned i;

	tell(&calls, "");
	tell(&lookups, "; ");
	tell(&changes, "; ");
	printf("; calls of worker");
	for (i = 0; i < WORKERS; i++)
		if (by_worker[i])
			printf(" %u: %u", i, by_worker[i]);
	memset(by_worker, 0, sizeof(by_worker));
	tell_error(&calls);
	tell_error(&lookups);
	tell_error(&changes);
	putchar('\n');
	fflush(stdout);
}

/* The tasks have one thread, so what waits is Pyrite alone. */
static void obey(void)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	char line[64];
	ssize_t n;

	while (!is_over) {
		pyr_sleep(5);
		if (poll(&input, 1, 0) <= 0)
			continue;
		n = read(STDIN_FILENO, line, sizeof(line));
		is_over = n <= 0;
		if (n > 0)
			tell_all();
	}
}

struct cluster {
	struct cluster_Worker *workers;
	pyr_ns *ns;
};

static int run(void *data)
{
	struct cluster *cluster = data;
	pyr_task *tasks[] = { pyr_task_start(call, cluster->workers),
			      pyr_task_start(look_up, cluster->ns),
			      pyr_task_start(change, cluster->ns) };
	unsigned i;

	puts("Ready");
	fflush(stdout);
	obey();
	for (i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++)
		pyr_task_join(tasks[i]);
	return 0;
}

int main(void)
{
	struct pyr_proxy_options patient = { .timeout_ms = PATIENCE_MS,
					     .wait_ms = PATIENCE_MS,
					     .max_retries = 10 };
	struct pyr_ns_locate_options wait = { .wait_ms = 10000 };
	struct cluster cluster = { .ns = pyr_ns_locate_with(NULL, &wait) };
	int err;

	cluster.workers = cluster_Worker_proxy_with("PYRONAME:cluster.workers", &patient);
	err = pyr_proxy_bind(cluster_Worker_as_proxy(cluster.workers));
	if (err == 0 && cluster.ns)
		err = pyr_tasks_run(run, &cluster);
	if (err < 0 || !cluster.ns)
		pyr_perror("client");
	cluster_Worker_free(cluster.workers);
	pyr_ns_free(cluster.ns);
	return err < 0 || !cluster.ns;
}
