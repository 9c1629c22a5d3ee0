/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "drive.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ONEWAYS = 64 }; /* before a call that waits for them */

struct drive {
	const struct bench_peer *peer;
	void *end;
	uint8_t *data; /* options.n bytes */
};

static void *allocate(size_t n, size_t size)
{
	void *ret = calloc(n, size);

	if (!ret)
		bench_fail("out of memory");
	return ret;
}

static void add_one(const struct bench_peer *peer, void *end, uint64_t i)
{
	struct bench_sum sum = bench_sum(i);

	bench_check(sum, peer->add(end, sum));
}

/* ---- phases ---- */

static void serial(const struct bench_options *options, const struct bench_limit *limit,
		   struct bench_times *times, void *data)
{
	struct drive *drive = data;
	int64_t now = bench_now(), before;

	(void)options;
	while (bench_more(limit, times->n, now)) {
		before = now;
		add_one(drive->peer, drive->end, times->n);
		now = bench_now();
		bench_add(times, now - before);
	}
}

static void depart(struct drive *drive, struct bench_call *call, uint64_t i, int64_t now)
{
	call->sum = bench_sum(i);
	call->since = now;
	drive->peer->start(drive->end, call);
}

static struct bench_call *arrive(struct drive *drive, struct bench_call *oldest,
				 struct bench_times *times, int64_t *ret_now)
{
	struct bench_call *call = drive->peer->finish(drive->end, oldest);

	bench_check(call->sum, call->answer);
	*ret_now = bench_now();
	bench_add(times, *ret_now - call->since);
	return call;
}

/* Waits for a call and starts another in its place. */
static void flights(const struct bench_options *options, const struct bench_limit *limit,
		    struct bench_times *times, void *data)
{
	struct bench_call *ring = allocate(options->n, sizeof(*ring)), *call;
	int64_t now = bench_now();
	uint64_t started = 0;

	for (; started < options->n; started++)
		depart(data, &ring[started], started, now);
	while (bench_more(limit, started, now)) {
		call = arrive(data, &ring[started % options->n], times, &now);
		depart(data, call, started++, now);
	}
	while (times->n < started)
		arrive(data, &ring[times->n % options->n], times, &now);
	free(ring);
}

struct caller {
	pthread_t thread;
	struct drive drive;
	struct bench_limit limit;
	struct bench_times times;
};

static void *call_on(void *data)
{
	struct caller *caller = data;

	serial(NULL, &caller->limit, &caller->times, &caller->drive);
	return NULL;
}

static void threads(const struct bench_options *options, const struct bench_limit *limit,
		    struct bench_times *times, void *data)
{
	struct caller *callers = allocate(options->n, sizeof(*callers));
	struct drive *drive = data;
	unsigned i;

	for (i = 0; i < options->n; i++) {
		callers[i].drive = *drive;
		if (!drive->peer->is_shared)
			callers[i].drive.end = drive->peer->open(options->address);
		callers[i].limit = *limit;
		callers[i].limit.calls = limit->calls / options->n + 1;
		if (pthread_create(&callers[i].thread, NULL, call_on, &callers[i]) != 0)
			bench_fail("no thread %u", i);
	}
	for (i = 0; i < options->n; i++) {
		pthread_join(callers[i].thread, NULL);
		bench_merge(times, &callers[i].times);
		if (!drive->peer->is_shared)
			drive->peer->close(callers[i].drive.end);
	}
	free(callers);
}

static void bytes(const struct bench_options *options, const struct bench_limit *limit,
		  struct bench_times *times, void *data)
{
	struct drive *drive = data;
	int64_t now = bench_now(), before;

	while (bench_more(limit, times->n, now)) {
		before = now;
		drive->data[0] = (uint8_t)times->n;
		drive->peer->echo(drive->end, drive->data, options->n);
		now = bench_now();
		bench_add(times, now - before);
	}
}

static void oneways(const struct bench_options *options, const struct bench_limit *limit,
		    struct bench_times *times, void *data)
{
	struct drive *drive = data;
	int64_t now = bench_now(), before;
	int i;

	(void)options;
	while (bench_more(limit, times->n, now)) {
		before = now;
		for (i = 0; i < ONEWAYS; i++)
			drive->peer->note(drive->end, i);
		add_one(drive->peer, drive->end, times->n);
		now = bench_now();
		for (i = 0; i < ONEWAYS; i++)
			bench_add(times, (now - before) / ONEWAYS);
	}
}

/* An item counts as a call. */
static void streams(const struct bench_options *options, const struct bench_limit *limit,
		    struct bench_times *times, void *data)
{
	struct drive *drive = data;
	bool is_down = strcmp(options->mode, "count") == 0;
	int64_t now = bench_now(), before;
	unsigned i;

	while (bench_more(limit, times->n, now)) {
		before = now;
		(is_down ? drive->peer->count : drive->peer->total)(drive->end,
								    (int32_t)options->n);
		now = bench_now();
		for (i = 0; i < options->n; i++)
			bench_add(times, (now - before) / options->n);
	}
}

static void connects(const struct bench_options *options, const struct bench_limit *limit,
		     struct bench_times *times, void *data)
{
	struct drive *drive = data;
	int64_t now = bench_now(), before;
	void *end;

	while (bench_more(limit, times->n, now)) {
		before = now;
		end = drive->peer->open(options->address);
		add_one(drive->peer, end, times->n);
		drive->peer->close(end);
		now = bench_now();
		bench_add(times, now - before);
	}
}

/* The client is this program in mode once. */
static void starts(const struct bench_options *options, const struct bench_limit *limit,
		   struct bench_times *times, void *data)
{
	char cpu[16];
	char *arguments[] = { program_invocation_name,
			      (char *)options->address,
			      (char *)"once",
			      (char *)"--cpu",
			      cpu,
			      NULL };
	int64_t now = bench_now(), before;
	int status;
	pid_t child;

	(void)data;
	snprintf(cpu, sizeof(cpu), "%d", sched_getcpu());
	while (bench_more(limit, times->n, now)) {
		before = now;
		if (posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ) != 0 ||
		    waitpid(child, &status, 0) != child || status != 0)
			bench_fail("the client that was started failed");
		now = bench_now();
		bench_add(times, now - before);
	}
}

/* ---- memory ---- */

/* A number of /proc/PID/status, "VmRSS: 1234 kB". */
static long status_of(pid_t process, const char *what)
{
	char path[64], line[256];
	size_t n = strlen(what);
	long ret = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)process);
	file = fopen(path, "r");
	while (file && ret < 0 && fgets(line, sizeof(line), file))
		if (strncmp(line, what, n) == 0 && line[n] == ':')
			ret = atol(line + n + 1);
	if (file)
		fclose(file);
	if (ret < 0)
		bench_fail("no %s of process %d", what, (int)process);
	return ret;
}

static long rss_kib(pid_t process)
{
	return status_of(process, "VmRSS");
}

static void once(const struct bench_options *options, const struct bench_peer *peer)
{
	void *end = peer->open(options->address);

	add_one(peer, end, 0);
	if (options->server) /* else started by starts(), whose output is a line of its own */
		printf("calls=1 rss_kib=%ld threads=%ld\n", rss_kib(getpid()),
		       status_of(getpid(), "Threads"));
	peer->close(end);
}

static void idle(const struct bench_options *options, const struct bench_peer *peer)
{
	void **ends = allocate(options->n, sizeof(void *));
	long before = 0;
	unsigned i;

	for (i = 0; i < options->n; i++) {
		ends[i] = peer->open(options->address);
		add_one(peer, ends[i], i);
		if (i == 0)
			before = rss_kib(options->server);
	}
	printf("calls=%u rss_kib=%.3f\n", options->n,
	       (double)(rss_kib(options->server) - before) / (options->n > 1 ? options->n - 1 : 1));
	for (i = 0; i < options->n; i++)
		peer->close(ends[i]);
	free(ends);
}

/* ---- modes ---- */

void bench_check_bytes(const uint8_t *sent, size_t n, const void *came, size_t n_came)
{
	size_t step = n / 64 + 1, i;

	if (n_came != n)
		bench_fail("%zu bytes came back as %zu", n, n_came);
	for (i = 0; i < n; i += step)
		if (((const uint8_t *)came)[i] != sent[i])
			bench_fail("byte %zu of %zu came back changed", i, n);
}

static bench_phase_cb phase_of(const struct bench_options *options, const struct bench_peer *peer)
{
	const char *mode = options->mode;

	if (strcmp(mode, "serial") == 0)
		return serial;
	if (strcmp(mode, "flight") == 0 && peer->start)
		return flights;
	if (strcmp(mode, "threads") == 0)
		return threads;
	if (strcmp(mode, "bytes") == 0 && peer->echo)
		return bytes;
	if (strcmp(mode, "oneway") == 0 && peer->note)
		return oneways;
	if ((strcmp(mode, "count") == 0 && peer->count) ||
	    (strcmp(mode, "total") == 0 && peer->total))
		return streams;
	if (strcmp(mode, "start") == 0)
		return starts;
	if (strcmp(mode, "connect") == 0)
		return connects;
	bench_fail("no mode '%s'", mode);
}

void bench_drive(const struct bench_options *options, const struct bench_peer *peer)
{
	struct drive drive = { .peer = peer };
	bench_phase_cb phase;
	bool has_end;
	unsigned i;

	if (strcmp(options->mode, "idle") == 0 || strcmp(options->mode, "once") == 0) {
		(options->mode[0] == 'i' ? idle : once)(options, peer);
		return;
	}
	phase = phase_of(options, peer);
	if (phase == bytes)
		drive.data = allocate(options->n, 1);
	for (i = 0; drive.data && i < options->n; i++)
		drive.data[i] = (uint8_t)(i * 7);
	has_end = phase != connects && phase != starts;
	if (has_end)
		drive.end = peer->open(options->address);
	bench_measure(options, phase, &drive);
	if (has_end)
		peer->close(drive.end);
	free(drive.data);
}

int bench_either(int argc, char **argv, const struct bench_peer *peer,
		 void (*serve)(const struct bench_options *options))
{
	struct bench_options options;

	bench_start(&options, argc, argv, BENCH_EITHER);
	if (options.address)
		bench_drive(&options, peer);
	else
		serve(&options);
	return 0;
}
