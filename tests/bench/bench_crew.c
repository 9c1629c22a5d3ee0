/* SPDX-License-Identifier: MIT */
/*
 * What a map over several servers goes through: four workers by PYROMETA, or by a shared name; one
 * is killed in the middle, another is new. Prints each figure beside its goal, and fails if one is
 * missed.
 *
 *	bench_crew meta|shared [calls]
 */
#define _GNU_SOURCE /* pipe2() */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crew.h"

enum { WORKERS = 4, SLEEP_MS = 5, GONE_MS = 1000, NEW_MS = 2000, SPREAD = 20 /* % */ };

struct worker {
	pid_t pid;
	int n_calls;
	double last_ms; /* when it was heard of last */
};

static struct worker workers[WORKERS + 1];
static char folder[512], ns_address[128];
static bool is_shared, has_missed;
static double killed_ms, new_ms;
static size_t n_calls = 1000, n_right;
static struct crew_Worker *proxy;
static pid_t ns_pid;

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void end_all(void)
{
	int i;

	for (i = 0; i <= WORKERS; i++)
		if (workers[i].pid > 0)
			kill(workers[i].pid, SIGKILL);
	if (ns_pid > 0)
		kill(ns_pid, SIGKILL);
}

static void fail(const char *what)
{
	(void)pyr_perror(what);
	end_all();
	exit(1);
}

/* Starts a program beside this one; its first line goes to ret. It ends with this process. */
static pid_t start_program(char *const *argv, char *ret, size_t size)
{
	char path[640];
	int ends[2];
	FILE *out;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/%s", folder, argv[0]);
	if (pipe2(ends, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		fail(argv[0]);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ends[1], STDOUT_FILENO);
		execv(path, argv);
		_exit(127);
	}
	close(ends[1]);
	out = fdopen(ends[0], "r");
	if (!out || !fgets(ret, (int)size, out))
		fail(path);
	fclose(out);
	return pid;
}

static void start_name_server(void)
{
	char *argv[] = { "pyrite-ns", "--port", "0", "--storage", "memory", NULL }, line[256];

	ns_pid = start_program(argv, line, sizeof(line));
	if (sscanf(line, "NS running on %127s", ns_address) != 1)
		fail(line);
}

static void start_worker(int i)
{
	char name[32] = "crew.shared", line[256];
	char *argv[] = { "crew-worker", "", ns_address, name, is_shared ? "shared" : NULL, NULL };

	if (!is_shared)
		snprintf(name, sizeof(name), "crew.%d", i);
	workers[i].pid = start_program(argv, line, sizeof(line));
}

static void take(size_t i, int32_t who, int64_t twice)
{
	int w;

	n_right += twice == 2 * (int64_t)i;
	for (w = 0; w <= WORKERS; w++)
		if (workers[w].pid == who) {
			workers[w].n_calls++;
			workers[w].last_ms = now_ms();
		}
	if (workers[WORKERS].n_calls == 1 && new_ms == 0)
		new_ms = now_ms();
}

static pyr_future *start(size_t i, void *data)
{
	(void)data;
	return crew_Worker_twice_start(proxy, (int32_t)i, SLEEP_MS);
}

/* In the middle one is killed, and another starts. */
static int get(size_t i, pyr_future *future, void *data)
{
	int64_t twice = -1;
	int32_t who = 0;
	int err = crew_Worker_twice_get(future, &twice, &who);

	(void)data;
	if (err == 0)
		take(i, who, twice);
	if (i == n_calls / 2) {
		kill(workers[0].pid, SIGKILL);
		waitpid(workers[0].pid, NULL, 0);
		killed_ms = now_ms();
		start_worker(WORKERS);
	}
	return err;
}

/* Until all four are connected: what a map that begins with fewer is like is not the question. */
static void warm(void)
{
	double until = now_ms() + 20000;
	int32_t who;
	int64_t twice;
	int i, n = 0;

	while (n < WORKERS && now_ms() < until) {
		if (crew_Worker_twice(proxy, 0, 0, &twice, &who) < 0)
			fail("a call");
		take(0, who, twice);
		for (i = n = 0; i < WORKERS; i++)
			n += workers[i].n_calls > 0;
	}
	for (i = 0; i < WORKERS; i++)
		workers[i].n_calls = 0;
	n_right = 0;
}

static void tell(const char *what, double is, double goal, const char *unit, bool is_met)
{
	printf("%-44s %8.0f %-3s goal %.0f%s\n", what, is, unit, goal, is_met ? "" : ": missed");
	has_missed |= !is_met;
}

static void report(double took_ms)
{
	int i, least = workers[1].n_calls, most = least, sum = 0;
	double spread, dead = workers[0].last_ms > killed_ms ? workers[0].last_ms - killed_ms : 0;

	for (i = 1; i < WORKERS; i++) {
		least = workers[i].n_calls < least ? workers[i].n_calls : least;
		most = workers[i].n_calls > most ? workers[i].n_calls : most;
		sum += workers[i].n_calls;
	}
	spread = sum ? 100.0 * (most - least) * (WORKERS - 1) / sum : 100;
	printf("%zu calls of %d ms over %d workers took %.0f ms; calls of each:", n_calls, SLEEP_MS,
	       WORKERS, took_ms);
	for (i = 0; i <= WORKERS; i++)
		printf(" %d%s", workers[i].n_calls,
		       i == 0         ? " (killed)"
		       : i == WORKERS ? " (new)"
				      : "");
	puts("");
	tell("right results in order", (double)n_right, (double)n_calls, "", n_right == n_calls);
	tell("the killed one was heard of last, after", dead, GONE_MS, "ms", dead <= GONE_MS);
	tell("the new one was used, after its start", new_ms - killed_ms, NEW_MS, "ms",
	     new_ms > 0 && new_ms - killed_ms <= NEW_MS);
	tell("most - least calls of the others, of the mean", spread, SPREAD, "%",
	     spread <= SPREAD);
}

int main(int argc, char **argv)
{
	char uri[256], *slash;
	double began, took;
	int64_t twice;
	int32_t who;
	int i;

	is_shared = argc > 1 && strcmp(argv[1], "shared") == 0;
	if (argc > 2)
		n_calls = strtoul(argv[2], NULL, 10);
	snprintf(folder, sizeof(folder), "%s", argv[0]);
	slash = strrchr(folder, '/');
	snprintf(slash ? slash : folder, slash ? 1 : sizeof(folder), "%s", slash ? "" : ".");
	start_name_server();
	for (i = 0; i < WORKERS; i++)
		start_worker(i);
	snprintf(uri, sizeof(uri), "%s@%s", is_shared ? "PYRONAME:crew.shared" : "PYROMETA:crew",
		 ns_address);
	proxy = crew_Worker_proxy(uri);
	warm();
	began = now_ms();
	if (pyr_map(n_calls, 0, start, get, NULL) < 0)
		fail("the map");
	took = now_ms() - began;
	while (new_ms == 0 && now_ms() < killed_ms + NEW_MS)
		if (crew_Worker_twice(proxy, 0, 0, &twice, &who) == 0 &&
		    who == workers[WORKERS].pid)
			new_ms = now_ms();
	report(took);
	crew_Worker_free(proxy);
	end_all();
	return has_missed;
}
