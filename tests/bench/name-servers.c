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

enum { ROUNDS = 20, MOST_ROUNDS = 1000, LOOK_UPS = 2000, PARTS = 20, PATIENCE_MS = 30000 };

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

static void mark(const struct server *server)
{
	pyr_ns *ns = pyr_ns_locate(server->address);

	if (!ns || pyr_ns_register(ns, "who", server == &a ? "PYRO:a@h:1" : "PYRO:b@h:1") < 0)
		fail("register");
	pyr_ns_free(ns);
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

static int64_t now_ns(void)
{
	return bench_now();
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

static void wait_for_a(pyr_ns *ns)
{
	int64_t until = now_ns() + (int64_t)PATIENCE_MS * 1000000;

	while (look_up(ns) != 'a') {
		if (now_ns() > until)
			fail("the first name server is not used again");
		if (pyr_sleep(10) < 0)
			fail("sleep");
	}
}

/* The time in ms to the first answer after the signal, the median and the worst. */
static void leave(pyr_ns *ns, int with, unsigned rounds)
{
	double times[MOST_ROUNDS], middle;
	unsigned i;
	int64_t since;

	for (i = 0; i < rounds; i++) {
		wait_for_a(ns);
		since = now_ns();
		kill(a.pid, with);
		while (look_up(ns) != 'b')
			; /* an answer that was on its way */
		times[i] = (double)(now_ns() - since) / 1e6;
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
}

static double cost_us(pyr_ns *ns)
{
	int64_t since = now_ns();
	int i;

	for (i = 0; i < LOOK_UPS; i++)
		(void)look_up(ns);
	return (double)(now_ns() - since) / 1e3 / LOOK_UPS;
}

/* Of both in turn, so that what else runs on the machine hits both. */
static void compare_costs(pyr_ns *list)
{
	pyr_ns *one = pyr_ns_locate(a.address);
	double of_one[PARTS], of_list[PARTS], single, several;
	int i;

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
	pyr_ns_free(one);
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : ROUNDS;
	char list[140], *slash;
	pyr_ns *ns;

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
	snprintf(list, sizeof(list), "%s,%s", a.address, b.address);
	ns = pyr_ns_locate(list);
	if (!ns)
		fail("locate");
	compare_costs(ns);
	leave(ns, SIGKILL, rounds);
	leave(ns, SIGSTOP, rounds);
	pyr_ns_free(ns);
	end(&a, SIGTERM);
	end(&b, SIGTERM);
	return 0;
}
