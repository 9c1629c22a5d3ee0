/* SPDX-License-Identifier: MIT */
/*
 * What callbacks and references cost. A server, and a client in a process of its own without a
 * daemon, on one core: so the time that passes is what both of them work. Rounds of each in turn,
 * medians.
 *
 *	bench_references [rounds [calls]]
 *		a call, a callback in a call, a reference beside a number
 *	bench_references --clients N
 *		N clients pass 1,000 objects and take as many, and are killed: what is left at the
 *		server
 */
#define _GNU_SOURCE /* sched_setaffinity() */
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "references.h"

enum { MOST = 1001, OBJECTS = 1000 };
enum { CALL, CALLBACK, NUMBER, REFERENCE, WAYS };

/* ---- the server ---- */

static atomic_int n_kept, n_made;

static int add(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	(void)call;
	*ret = x + y;
	return 0;
}

static const struct held_Listener_methods listener_methods = { .add = add };

static int call_back(pyr_call *call, struct held_Listener *who, int32_t n, int32_t *ret)
{
	*ret = 0;
	while (n-- > 0)
		if (held_Listener_add(who, *ret, 1, ret) < 0)
			return pyr_pass(call);
	return 0;
}

static int take_number(pyr_call *call, int32_t n)
{
	(void)call;
	(void)n;
	return 0;
}

static int take(pyr_call *call, struct held_Listener *who)
{
	(void)call;
	(void)who;
	return 0;
}

static void free_kept(void *who)
{
	held_Listener_free(who);
	atomic_fetch_sub(&n_kept, 1);
}

static void on_release(void *data)
{
	(void)data;
	atomic_fetch_sub(&n_made, 1);
}

static int exchange(pyr_call *call, struct held_Listener *who, struct held_Listener **ret)
{
	struct held_Listener *kept = held_Listener_dup(who);
	struct held_Listener *made;

	if (!kept || pyr_call_track(call, kept, free_kept) < 0)
		return pyr_pass(call);
	atomic_fetch_add(&n_kept, 1);
	made = held_Listener_object(NULL, &listener_methods, NULL, on_release);
	if (!made)
		return pyr_pass(call);
	atomic_fetch_add(&n_made, 1);
	*ret = held_Listener_give(call, made);
	return *ret ? 0 : pyr_pass(call);
}

static int resident_kib(pyr_call *call, int32_t *ret)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long size, resident = -1;

	if (!file || fscanf(file, "%ld %ld", &size, &resident) != 2)
		resident = -1;
	if (file)
		fclose(file);
	*ret = (int32_t)(resident * (sysconf(_SC_PAGESIZE) / 1024));
	return resident < 0 ? pyr_fail(call, PYR_INTERNAL, "no /proc/self/statm") : 0;
}

static int kept(pyr_call *call, int32_t *ret)
{
	(void)call;
	*ret = atomic_load(&n_kept);
	return 0;
}

static int made(pyr_call *call, int32_t *ret)
{
	(void)call;
	*ret = atomic_load(&n_made);
	return 0;
}

static const struct held_Server_methods server_methods = {
	.add = add,
	.call_back = call_back,
	.take_number = take_number,
	.take = take,
	.exchange = exchange,
	.resident_kib = resident_kib,
	.kept = kept,
	.made = made,
};

static int serve(int ready)
{
	pyr_daemon *daemon = pyr_daemon_new(&(struct pyr_daemon_options){ .threads = 1 });
	const char *uri = daemon ? held_Server_register(daemon, "s", &server_methods, NULL) : NULL;

	if (!uri)
		return pyr_perror("server");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (write(ready, uri, strlen(uri) + 1) < 0)
		return 1;
	return pyr_daemon_run(daemon) < 0;
}

/* Forks a server before this process has threads. Its URI; ends if there is none. */
static pid_t start_server(char uri[256])
{
	int ends[2];
	pid_t pid;

	if (pipe(ends) < 0 || (pid = fork()) < 0)
		exit(1);
	if (pid == 0)
		_exit(serve(ends[1]));
	close(ends[1]);
	if (read(ends[0], uri, 256) <= 0)
		exit(1);
	return pid;
}

/* ---- times ---- */

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void must(int err)
{
	if (err < 0)
		exit(pyr_perror("bench_references"));
}

/* Microseconds each. */
static double measure(int way, struct held_Server *server, struct held_Listener *who, int n)
{
	double begin = now_us();
	int32_t sum = 0;
	int i;

	if (way == CALLBACK)
		must(held_Server_call_back(server, who, n, &sum));
	for (i = 0; i < n && way != CALLBACK; i++)
		must(way == CALL     ? held_Server_add(server, sum, 1, &sum)
		     : way == NUMBER ? held_Server_take_number(server, i)
				     : held_Server_take(server, who));
	return (now_us() - begin) / n;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void compare_ways(const char *uri, int rounds, int calls)
{
	static const char *const names[WAYS] = { "call", "callback", "number", "reference" };
	static double us[WAYS][MOST];
	struct held_Server *server = held_Server_proxy(uri);
	struct held_Listener *who = held_Listener_object(NULL, &listener_methods, NULL, NULL);
	int i, w;

	for (i = 0; i < rounds; i++)
		for (w = 0; w < WAYS; w++)
			us[w][i] = measure(w, server, who, calls);
	for (w = 0; w < WAYS; w++) {
		qsort(us[w], (size_t)rounds, sizeof(*us[w]), compare);
		printf("%-10s %7.2f us, the least %.2f\n", names[w], us[w][rounds / 2], us[w][0]);
	}
	printf("a callback costs %.2f of a call; a reference %.2f us\n",
	       us[CALLBACK][rounds / 2] / us[CALL][rounds / 2],
	       us[REFERENCE][rounds / 2] - us[NUMBER][rounds / 2]);
	held_Listener_free(who);
	held_Server_free(server);
}

/* ---- clients that are killed ---- */

static int hold(const char *uri, int ready)
{
	struct held_Server *server = held_Server_proxy(uri);
	struct held_Listener *mine, *its;
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; i < OBJECTS; i++) {
		mine = held_Listener_object(NULL, &listener_methods, NULL, NULL);
		if (!mine || held_Server_exchange(server, mine, &its) < 0)
			return pyr_perror("client");
		held_Listener_free(mine);
	}
	if (write(ready, "", 1) < 0)
		return 1;
	for (;;)
		pause();
}

static bool hold_and_die(const char *uri)
{
	int ends[2];
	char byte;
	pid_t pid;
	bool held;

	if (pipe(ends) < 0 || (pid = fork()) < 0)
		return false;
	if (pid == 0)
		_exit(hold(uri, ends[1]));
	close(ends[1]);
	held = read(ends[0], &byte, 1) == 1;
	close(ends[0]);
	kill(pid, SIGKILL);
	return waitpid(pid, NULL, 0) == pid && held;
}

/* In a process of its own, so that the one that forks clients has no threads. */
static int ask(const char *uri, const char *when)
{
	pid_t pid = fork();
	struct held_Server *server;
	int32_t of_server = 1, of_clients = 1, resident = 0;
	double begin = now_us(), took = 0;
	int status = 0;

	if (pid > 0)
		return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1;
	if (pid < 0)
		return 1;
	server = held_Server_proxy(uri);
	while ((of_server > 0 || of_clients > 0) && took < 5e6) {
		must(held_Server_made(server, &of_server));
		must(held_Server_kept(server, &of_clients));
		took = now_us() - begin;
	}
	must(held_Server_resident_kib(server, &resident));
	printf("%s: %d objects of the server and %d of clients are there after %.0f ms; %d KiB "
	       "resident\n",
	       when, of_server, of_clients, took / 1e3, resident);
	fflush(stdout);
	_exit(of_server > 0 || of_clients > 0);
}

static int kill_clients(const char *uri, int n)
{
	char when[64];
	int i, err = ask(uri, "at first");

	for (i = 1; i <= n && !err; i++) {
		if (!hold_and_die(uri))
			return 1;
		if (i == 1 || i == 10 || i == 100 || i == n) {
			snprintf(when, sizeof(when), "after %d clients", i);
			err = ask(uri, when);
		}
	}
	return err;
}

int main(int argc, char **argv)
{
	bool kills = argc == 3 && strcmp(argv[1], "--clients") == 0;
	int rounds = !kills && argc > 1 ? atoi(argv[1]) : 21;
	int calls = !kills && argc > 2 ? atoi(argv[2]) : 2000, err = 0;
	cpu_set_t one;
	char uri[256];
	pid_t server;

	if (rounds < 1 || rounds > MOST || calls < 1)
		return 2;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (!kills)
		(void)sched_setaffinity(0, sizeof(one), &one);
	server = start_server(uri);
	if (kills)
		err = kill_clients(uri, atoi(argv[2]));
	else
		compare_ways(uri, rounds, calls);
	kill(server, SIGKILL);
	(void)waitpid(server, NULL, 0);
	return err;
}
