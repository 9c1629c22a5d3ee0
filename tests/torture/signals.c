/* SPDX-License-Identifier: MIT */
/*
 * Signals and forks at random times, while threads call a daemon of the same process:
 * torture-signals [N]. Each of N signals is SIGHUP, SIGCHLD or SIGUSR1, with handlers that do not
 * restart what they interrupt; every 20th is SIGTERM, which ends the daemon's run, and a new daemon
 * follows. Now and then the process forks, and the child calls. Prints "ok <case>" or "not ok".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "place.h"

enum { CALLERS = 2, LIMIT_S = 120, CHILD_MS = 10 };

static atomic_int n_handled, n_calls, n_lost, n_wrong;

int note(const char *what, int status)
{
	(void)what;
	return status;
}

int note_wrong(const char *what)
{
	fprintf(stderr, "wrong: %s\n", what);
	atomic_fetch_add(&n_wrong, 1);
	return -PYR_UNKNOWN;
}

static void handle(int number)
{
	(void)number;
	atomic_fetch_add(&n_handled, 1);
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static struct things_Thing *thing; /* of this daemon; the callers are joined before it changes */

static void *call(void *data)
{
	atomic_bool *stops = data;
	int32_t sum;
	int status;

	while (!atomic_load(stops)) {
		status = things_Thing_add(thing, 1, 2, &sum);
		atomic_fetch_add(&n_calls, 1);
		if (status == -PYR_UNAVAILABLE)
			atomic_fetch_add(&n_lost, 1);
		else if (status < 0 || sum != 3)
			note_wrong(status < 0 ? pyr_errmsg() : "the sum");
	}
	return NULL;
}

/* The child of a process that has threads: the library answers at once, and says why. */
static void try_child(void)
{
	int64_t begin;
	int status = 0;
	int32_t sum;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(5);
		begin = now_us();
		status = things_Thing_add(thing, 1, 2, &sum);
		if (status != -PYR_FAILED_PRECONDITION)
			_exit(2);
		_exit(now_us() - begin > CHILD_MS * 1000 ? 3 : 0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) == 2)
		note_wrong("what a child's call returned");
	else if (WEXITSTATUS(status) == 3)
		note_wrong("how long a child's call took");
}

static void pause_briefly(unsigned *seed)
{
	struct timespec time = { .tv_nsec = rand_r(seed) % 1000000 };

	nanosleep(&time, NULL);
}

/* n signals, the last one SIGTERM, which ends the daemon. */
static void send_signals(int n, unsigned *seed)
{
	static const int kinds[] = { SIGHUP, SIGCHLD, SIGUSR1 };
	int i;

	for (i = 0; i < n - 1; i++) {
		pause_briefly(seed);
		kill(getpid(), kinds[rand_r(seed) % 3]);
	}
	try_child();
	pause_briefly(seed);
	kill(getpid(), SIGTERM);
}

static bool one_daemon(int n, unsigned *seed)
{
	struct pyr_daemon_options options = { .threads = 2, .signals = PYR_YES };
	struct pyr_proxy_options to = proxy_options(PYR_LANE_SOCKET);
	atomic_bool stops = false;
	pthread_t callers[CALLERS];
	struct place place;
	int status, i;

	if (place_open(&place, &options) < 0)
		return false;
	thing = things_Thing_proxy_with(place.uri, &to);
	status = part_add(&place, thing);
	for (i = 0; i < CALLERS; i++)
		pthread_create(&callers[i], NULL, call, &stops);
	send_signals(n, seed);
	pthread_join(place.thread, NULL); /* it must end by the signal */
	place.is_running = false;
	atomic_store(&stops, true);
	for (i = 0; i < CALLERS; i++)
		pthread_join(callers[i], NULL);
	things_Thing_free(thing);
	return place_close(&place, status) == 0;
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = handle };

	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGCHLD, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 200, sent, n_daemons = 0;
	unsigned seed = 1;
	bool ok = true;

	alarm(LIMIT_S);
	catch_signals();
	for (sent = 0; sent < n && ok; sent += 20, n_daemons++)
		ok = one_daemon(20, &seed);
	printf("    %d signals, %d handled; %d daemons, as many forks; %d calls, %d of them lost\n",
	       sent, n_handled, n_daemons, n_calls, n_lost);
	ok = ok && n_wrong == 0 && n_handled > 0 && n_calls > 0;
	printf("%s signals_and_forks_at_any_time_block_nobody\n", ok ? "ok" : "not ok");
	return ok ? 0 : 1;
}
