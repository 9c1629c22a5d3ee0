/* SPDX-License-Identifier: MIT */
/*
 * faults-client <what> <uri> [number...]: the calling side of the tests of failure and load. Each
 * <what> is a function below; it prints "name value" lines, times as CLOCK_MONOTONIC microseconds,
 * so that a script of the same host can compare them with its own.
 */
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "faults.h"

enum { MINUTE = 60000, FUTURES_MAX = 16384 };

static pyr_future *futures[FUTURES_MAX];
static struct faults_Target *target;
static const char *uri;

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void say(const char *name, int64_t value)
{
	printf("%s %lld\n", name, (long long)value);
	fflush(stdout);
}

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "faults-client: %s: %s\n", what, pyr_errmsg());
	exit(1);
}

static void add_once(void)
{
	int32_t sum = 0;

	need(faults_Target_add(target, 1, 2, &sum) == 0 && sum == 3, "add");
}

static void start_sleeps(int n, uint32_t ms)
{
	int i;

	for (i = 0; i < n; i++)
		need((futures[i] = faults_Target_sleep_start(target, ms)) != NULL, "start");
}

/* Methods of a session start in order: after it all that was started has arrived. */
static void wait_until_asleep(uint32_t n)
{
	uint32_t asleep;

	do
		need(faults_Target_asleep(target, &asleep) == 0, "asleep");
	while (asleep < n);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* ---- a server that is killed ---- */

struct outcome {
	int ok, unavailable, may_have_run, other;
};

static void count_failure(struct outcome *o)
{
	if (pyr_last_error()->code != PYR_UNAVAILABLE) {
		o->other++;
		fprintf(stderr, "faults-client: %s\n", pyr_errmsg());
	} else {
		o->unavailable++;
	}
	o->may_have_run += pyr_last_error()->may_have_run;
}

static void get_all(int n, struct outcome *o)
{
	int i;

	for (i = 0; i < n; i++) {
		if (faults_Target_sleep_get(futures[i]) == 0)
			o->ok++;
		else
			count_failure(o);
	}
	say("ended", now_us());
	say("ok", o->ok);
	say("unavailable", o->unavailable);
	say("may_have_run", o->may_have_run);
	say("other", o->other);
}

/* n calls of ms in flight; what becomes of them, and when the same proxy works again. */
static void lose(int n, uint32_t ms)
{
	static const struct timespec pause = { 0, 20000000 };
	struct outcome o = { 0 };
	int64_t until;
	int32_t sum;

	start_sleeps(n, ms);
	wait_until_asleep((uint32_t)n);
	say("ready", n);
	get_all(n, &o);
	until = now_us() + 20000000;
	while (faults_Target_add(target, 1, 2, &sum) < 0 && now_us() < until)
		nanosleep(&pause, NULL); /* a user's retry */
	say("first", now_us());
}

/* ---- increments while the server restarts ---- */

static struct counting {
	atomic_int left, successes, unsure, failures;
} counting;

static void *count(void *data)
{
	static const struct timespec pause = { 0, 5000000 };
	uint32_t n;
	int done;

	while (atomic_load(&counting.successes) < atomic_load(&counting.left)) {
		if (faults_Target_increment(target, &n) == 0) {
			done = atomic_fetch_add(&counting.successes, 1) + 1;
			if (done % 50 == 0)
				say("at", done);
			continue;
		}
		atomic_fetch_add(&counting.failures, 1);
		if (pyr_last_error()->may_have_run)
			atomic_fetch_add(&counting.unsure, 1);
		nanosleep(&pause, NULL);
	}
	return data;
}

static void increments(int n)
{
	pthread_t threads[4];
	int i;

	atomic_store(&counting.left, n);
	for (i = 0; i < 4; i++)
		need(pthread_create(&threads[i], NULL, count, NULL) == 0, "thread");
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	say("successes", atomic_load(&counting.successes));
	say("unsure", atomic_load(&counting.unsure));
	say("failures", atomic_load(&counting.failures));
}

/* ---- how long calls take ---- */

static void latency(int n)
{
	int64_t *times = calloc((size_t)n, sizeof(*times)), begin;
	int i;

	need(times != NULL, "memory");
	add_once();
	say("begin", now_us());
	for (i = 0; i < n; i++) {
		begin = now_us();
		add_once();
		times[i] = now_us() - begin;
	}
	say("finish", now_us());
	qsort(times, (size_t)n, sizeof(*times), compare);
	say("p50", times[n / 2]);
	say("p99", times[n - 1 - n / 100]);
	say("max", times[n - 1]);
	free(times);
}

/* n calls of us in flight, for so many milliseconds. */
static void rate(int n, uint32_t us, int ms)
{
	int64_t begin, calls = 0;
	int i;

	need(faults_Target_spin(target, us) == 0, "spin"); /* the first calibrates */
	begin = now_us();
	for (i = 0; i < n; i++)
		need((futures[i] = faults_Target_spin_start(target, us)) != NULL, "start");
	for (i = 0; now_us() - begin < (int64_t)ms * 1000; i = (i + 1) % n) {
		need(faults_Target_spin_get(futures[i]) == 0, "spin");
		need((futures[i] = faults_Target_spin_start(target, us)) != NULL, "start");
		calls++;
	}
	say("rate", calls * 1000000 / (now_us() - begin));
	for (i = 0; i < n; i++)
		pyr_future_free(futures[i]);
}

static void sleepers(int n, uint32_t ms)
{
	int64_t begin = now_us();
	int i;

	start_sleeps(n, ms);
	wait_until_asleep((uint32_t)n);
	say("asleep", now_us() - begin);
	for (i = 0; i < n; i++)
		need(faults_Target_sleep_get(futures[i]) == 0, "sleep");
	say("took", now_us() - begin);
}

/* ---- calls that are cancelled ---- */

/* One that keeps the server's thread for so many ms before it is cancelled: how many us until it
 * sees that nobody waits. Returns -1 if it does not within 5 s. */
static int64_t cancel_after(uint32_t ms)
{
	pyr_future *future = faults_Target_block_start(target, MINUTE);
	int64_t when, seen;

	need(future != NULL, "start");
	need(pyr_future_wait(future, ms) == -PYR_DEADLINE_EXCEEDED, "wait");
	when = now_us();
	pyr_future_cancel(future);
	need(faults_Target_block_get(future) == -PYR_CANCELLED, "cancel");
	do
		need(faults_Target_seen(target, &seen) == 0, "seen");
	while (seen < when && now_us() - when < 5000000);
	return seen < when ? -1 : seen - when;
}

/* Only the server could tell that the method runs, and its one thread is taken: a call that was
 * cancelled before it ran never does, and is made again with more time. */
static void cancel(int times)
{
	int64_t when, seen, worst = 0, longest_add = 0;
	uint32_t ms = 30;

	for (; times > 0; times--) {
		while ((seen = cancel_after(ms)) < 0)
			need((ms *= 2) < 1000, "the method never saw it");
		if (seen > worst)
			worst = seen;
		when = now_us();
		add_once();
		if (now_us() - when > longest_add)
			longest_add = now_us() - when;
	}
	say("seen", worst);
	say("add", longest_add);
}

static void churn(int n)
{
	int64_t begin = now_us();
	pyr_future *future;
	int i;

	for (i = 0; i < n; i++) {
		future = faults_Target_sleep_start(target, MINUTE);
		need(future != NULL, "start");
		pyr_future_free(future);
	}
	wait_until_asleep(0);
	say("took", now_us() - begin);
}

/* Binds and lets go, on a link that another proxy keeps. */
static void rebind(int n)
{
	struct faults_Target *keeper = faults_Target_proxy(uri);
	int64_t begin = now_us();
	int i;

	need(pyr_proxy_bind(faults_Target_as_proxy(keeper)) == 0, "bind");
	for (i = 0; i < n; i++) {
		need(pyr_proxy_bind(faults_Target_as_proxy(target)) == 0, "bind");
		pyr_proxy_release(faults_Target_as_proxy(target));
	}
	faults_Target_free(keeper);
	say("took", now_us() - begin);
}

/* ---- others ---- */

static void serial(int n)
{
	int i;

	for (i = 0; i < n; i++)
		add_once();
	say("calls", n);
}

static void block(uint32_t ms)
{
	say("begin", now_us());
	need(faults_Target_block(target, ms) == 0, "block");
	say("finish", now_us());
}

/* What a command counts, in which "%d" stands for this process. */
static int count_by(const char *format)
{
	char command[128];
	FILE *list;
	int n = 0;

	snprintf(command, sizeof(command), format, (int)getpid());
	list = popen(command, "r");
	need(list && fscanf(list, "%d", &n) == 1, command);
	pclose(list);
	return n;
}

/* Core names its threads, and has more or less of them as it thinks fit; ours have the program's.
 */
#define OUR_THREADS "cat /proc/%d/task/*/comm | grep -c faults-client"

/* Not by a command: this end of the pipe to that may still be open when it looks. */
static int count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int n = -3; /* itself, "." and ".." */

	need(folder != NULL, "/proc/self/fd");
	while (readdir(folder))
		n++;
	closedir(folder);
	return n;
}

/* Proxies that were used once and are kept. */
static void idle(int n)
{
	struct faults_Target **proxies = calloc((size_t)n, sizeof(struct faults_Target *)), *first;
	int i;

	need(proxies != NULL, "memory");
	add_once();
	first = target;
	say("threads", count_by(OUR_THREADS));
	say("fds", count_descriptors());
	for (i = 0; i < n; i++) {
		need((proxies[i] = target = faults_Target_proxy(uri)) != NULL, "proxy");
		add_once();
	}
	say("threads", count_by(OUR_THREADS));
	say("fds", count_descriptors());
	for (i = 0; i < n; i++)
		faults_Target_free(proxies[i]);
	free(proxies);
	target = first;
}

/* Calls in flight, then until the input ends nothing: for a script to stop, to kill. */
static void hold(int n)
{
	start_sleeps(n, MINUTE);
	wait_until_asleep((uint32_t)n);
	say("ready", n);
	while (getchar() != EOF)
		;
	_exit(0);
}

/* A call for each line of input: its status, 0 if it was answered. is_plain: by gRPC alone. */
static void asked(bool is_plain)
{
	struct pyr_proxy_options options = { .plain = is_plain ? PYR_PLAIN_ONLY : PYR_PLAIN_AUTO };
	char line[16];
	int32_t sum;

	faults_Target_free(target);
	need((target = faults_Target_proxy_with(uri, &options)) != NULL, "proxy");
	while (fgets(line, sizeof(line), stdin)) {
		int code = -faults_Target_add(target, 1, 2, &sum);

		if (code)
			fprintf(stderr, "faults-client: %s\n", pyr_errmsg());
		say(code && pyr_last_error()->may_have_run ? "unsure" : "status", code);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	int n = argc > 3 ? atoi(argv[3]) : 1, m = argc > 4 ? atoi(argv[4]) : 0;

	if (argc < 3)
		return 2;
	uri = argv[2];
	need((target = faults_Target_proxy(uri)) != NULL, "proxy");
	if (strcmp(what, "lose") == 0)
		lose(n, (uint32_t)m);
	else if (strcmp(what, "increments") == 0)
		increments(n);
	else if (strcmp(what, "latency") == 0)
		latency(n);
	else if (strcmp(what, "rate") == 0)
		rate(n, (uint32_t)m, argc > 5 ? atoi(argv[5]) : 1000);
	else if (strcmp(what, "sleepers") == 0)
		sleepers(n, (uint32_t)m);
	else if (strcmp(what, "cancel") == 0)
		cancel(n);
	else if (strcmp(what, "churn") == 0)
		churn(n);
	else if (strcmp(what, "rebind") == 0)
		rebind(n);
	else if (strcmp(what, "serial") == 0)
		serial(n);
	else if (strcmp(what, "block") == 0)
		block((uint32_t)n);
	else if (strcmp(what, "idle") == 0)
		idle(n);
	else if (strcmp(what, "hold") == 0)
		hold(n);
	else if (strcmp(what, "asked") == 0)
		asked(n != 0);
	else
		return 2;
	faults_Target_free(target);
	return 0;
}
