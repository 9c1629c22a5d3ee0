/* SPDX-License-Identifier: MIT */
/*
 * A client of two name servers: bench-name-servers [ROUNDS]. Runs two in memory and prints the
 * median time from the end of the preferred one to the first look-up that is answered, killed and
 * stopped, and what a look-up costs with a list, beside one name server. pyrite-ns is found beside
 * this program.
 */
#define _GNU_SOURCE /* pipe2() */
#include <fcntl.h>
#include <pyrite/pyrite.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

extern char **environ;

enum { ROUNDS = 20, MOST_ROUNDS = 1000, LOOK_UPS = 2000, PARTS = 20 };

struct server {
	pid_t pid;
	char port[8]; /* "0": none yet */
	char address[64];
};

static struct server a = { .port = "0" }, b = { .port = "0" };
static char bin[1024];

static void fail(const char *what)
{
	pyr_perror(what);
	if (a.pid)
		kill(a.pid, SIGKILL);
	if (b.pid)
		kill(b.pid, SIGKILL);
	exit(1);
}

/* On its port again, if it had one. */
static void run(struct server *server)
{
	char path[1200], line[200];
	char *argv[] = { path, "--port", server->port, "--storage", "memory", NULL };
	posix_spawn_file_actions_t actions;
	int pipes[2], err;
	FILE *file;

	snprintf(path, sizeof(path), "%s/pyrite-ns", bin);
	if (pipe2(pipes, O_CLOEXEC) < 0)
		fail("pipe");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
	err = posix_spawn(&server->pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(pipes[1]);
	file = err == 0 ? fdopen(pipes[0], "r") : NULL;
	if (!file || !fgets(line, sizeof(line), file) ||
	    sscanf(line, "NS running on %63s", server->address) != 1)
		fail(path);
	fclose(file);
	snprintf(server->port, sizeof(server->port), "%s", strrchr(server->address, ':') + 1);
}

static void end(struct server *server, int with)
{
	kill(server->pid, with);
	waitpid(server->pid, NULL, 0);
	server->pid = 0;
}

/* Runs it in a process of its own, the only ones that use the library. Returns what it returns. */
static double apart(double (*run_it)(const void *data), const void *data)
{
	int pipes[2];
	double ret;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		fail("fork");
	if (pid == 0) {
		ret = run_it(data);
		_exit(write(pipes[1], &ret, sizeof(ret)) != sizeof(ret));
	}
	close(pipes[1]);
	if (read(pipes[0], &ret, sizeof(ret)) != sizeof(ret))
		fail("a client");
	close(pipes[0]);
	waitpid(pid, NULL, 0);
	return ret;
}

static double register_it(const void *data)
{
	const struct server *server = data;
	pyr_ns *ns = pyr_ns_locate(server->address);

	if (!ns || pyr_ns_register(ns, "who", server == &a ? "PYRO:a@h:1" : "PYRO:b@h:1") < 0)
		fail("register");
	return 0;
}

static void mark(const struct server *server)
{
	(void)apart(register_it, server);
}

static pyr_ns *locate(void)
{
	char list[140];
	pyr_ns *ns;

	snprintf(list, sizeof(list), "%s,%s", a.address, b.address);
	ns = pyr_ns_locate(list);
	if (!ns)
		fail(list);
	return ns;
}

/* Looks up. Returns whose answer it is. */
static char look_up(pyr_ns *ns)
{
	char *uri, who;

	if (pyr_ns_lookup(ns, "who", &uri) < 0)
		fail("lookup");
	who = uri[strlen("PYRO:")];
	pyr_free(uri);
	return who;
}

static int compare(const void *x, const void *y)
{
	double one = *(const double *)x, two = *(const double *)y;

	return (one > two) - (one < two);
}

static double median(double *times, size_t n)
{
	qsort(times, n, sizeof(times[0]), compare);
	return (times[(n - 1) / 2] + times[n / 2]) / 2;
}

/* The time in ms from the signal to the first answer of the other. */
static double leave_once(const void *data)
{
	int with = *(const int *)data;
	pyr_ns *ns = locate();
	int64_t since;

	if (look_up(ns) != 'a')
		fail("the first name server is not used");
	since = bench_now();
	kill(a.pid, with);
	while (look_up(ns) != 'b')
		; /* an answer that was on its way */
	return (double)(bench_now() - since) / 1e6;
}

/* Prints the median and the worst. */
static void leave(int with, unsigned rounds)
{
	double times[MOST_ROUNDS], middle;
	unsigned i;

	for (i = 0; i < rounds; i++) {
		times[i] = apart(leave_once, &with);
		if (with == SIGSTOP) {
			kill(a.pid, SIGCONT);
			continue;
		}
		end(&a, SIGKILL);
		run(&a);
		mark(&a);
	}
	middle = median(times, rounds);
	printf("%s: the first answer after %.1f ms (median of %u), %.1f ms (worst)\n",
	       with == SIGSTOP ? "stopped" : "killed", middle, rounds, times[rounds - 1]);
	fflush(stdout);
}

static double cost_us(pyr_ns *ns)
{
	int64_t since = bench_now();
	int i;

	for (i = 0; i < LOOK_UPS; i++)
		(void)look_up(ns);
	return (double)(bench_now() - since) / 1e3 / LOOK_UPS;
}

/* Of both in turn, so that what else runs on the machine hits both. */
static double compare_costs(const void *unused)
{
	pyr_ns *one = pyr_ns_locate(a.address), *list = locate();
	double of_one[PARTS], of_list[PARTS], single, several;
	int i;

	(void)unused;
	if (!one)
		fail("locate");
	for (i = 0; i < PARTS; i++) {
		of_one[i] = cost_us(one);
		of_list[i] = cost_us(list);
	}
	single = median(of_one, PARTS);
	several = median(of_list, PARTS);
	printf("look-up: %.1f us with one name server, %.1f us with a list (ratio %.2f)\n", single,
	       several, several / single);
	fflush(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : ROUNDS;
	char *slash;

	if (argc > 2 || rounds < 1 || rounds > MOST_ROUNDS) {
		fprintf(stderr, "usage: bench-name-servers [ROUNDS]\n");
		return 1;
	}
	snprintf(bin, sizeof(bin), "%s", argv[0]);
	slash = strrchr(bin, '/');
	snprintf(slash ? slash : bin, 2, slash ? "" : ".");
	run(&a);
	run(&b);
	mark(&a);
	mark(&b);
	(void)apart(compare_costs, NULL);
	leave(SIGKILL, rounds);
	leave(SIGSTOP, rounds);
	end(&a, SIGTERM);
	end(&b, SIGTERM);
	return 0;
}
