/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_PATIENT_PLACES_H
#define PYRITE_TEST_PATIENT_PLACES_H
/*
 * Runs a test's body where there is no server yet, four times: a pool and a serial daemon may be
 * opened there, on TCP and on a unix socket. Define _GNU_SOURCE before (pipe2()).
 */
#include "patient.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

static struct {
	struct pyr_daemon_options options;
	char folder[32], path[64], uri[128];
} place;

static inline void in_places(void (*body)(void))
{
	int i;

	for (i = 0; i < 4; i++) {
		snprintf(place.folder, sizeof(place.folder), "/tmp/pyrite-test-XXXXXX");
		REQUIRE(mkdtemp(place.folder) != NULL);
		snprintf(place.path, sizeof(place.path), "%s/socket", place.folder);
		place.options = (struct pyr_daemon_options){ .threads = i & 1 ? 1 : 4 };
		if (i & 2) {
			place.options.socket = place.path;
			snprintf(place.uri, sizeof(place.uri), "PYRO:counter@./u:%s", place.path);
		} else {
			place.options.port = port_of_ours();
			snprintf(place.uri, sizeof(place.uri), "PYRO:counter@127.0.0.1:%u",
				 place.options.port);
		}
		body();
		unlink(place.path); /* a killed server left it */
		CHECK_INT(rmdir(place.folder), 0);
	}
}

#define IN_PLACES(name)                                                                            \
	static void name##_body(void);                                                             \
	TEST(name)                                                                                 \
	{                                                                                          \
		in_places(name##_body);                                                            \
	}                                                                                          \
	static void name##_body(void)

static inline bool place_opens(void)
{
	return counter_open(&counter, &place.options);
}

static inline bool place_opens_with(const struct px_Counter_methods *methods)
{
	return counter_open_with(&counter, &place.options, methods);
}

/* Futures of the proxy that wait for their next attempts just now. */
static inline int count_pausing_futures(struct px_Counter *proxy)
{
	pyr_proxy *self = px_Counter_as_proxy(proxy);
	struct proxy_later *later;
	int n = 0;

	pthread_mutex_lock(&self->lock);
	for (later = self->pausing_later; later; later = later->next)
		n++;
	pthread_mutex_unlock(&self->lock);
	return n;
}

/* Until n do, at the same time. */
static inline void see_futures_pause(struct px_Counter *proxy, int n)
{
	while (count_pausing_futures(proxy) < n)
		sched_yield();
}

/* A server in a process of its own. */
struct victim {
	pid_t pid;
	int input; /* it ends with that */
	FILE *output;
};

static inline void victim_says(struct victim *victim, const char *word)
{
	char line[64] = "";

	CHECK(fgets(line, sizeof(line), victim->output) != NULL);
	CHECK_HAS(line, word);
}

/* A counter that never answers, in the place. */
static inline void victim_open(struct victim *victim)
{
	char path[1024], threads[16], port[16];
	char *argv[] = { path, threads, place.options.socket ? place.path : port, "shut", NULL };
	posix_spawn_file_actions_t files;
	int in[2], out[2];

	snprintf(path, sizeof(path), "%s/counter-server", getenv("PYRITE_BIN"));
	snprintf(threads, sizeof(threads), "%u", place.options.threads);
	snprintf(port, sizeof(port), "%u", place.options.port);
	REQUIRE(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, out[1], STDOUT_FILENO);
	REQUIRE(posix_spawn(&victim->pid, path, &files, NULL, argv, environ) == 0);
	posix_spawn_file_actions_destroy(&files);
	close(in[0]);
	close(out[1]);
	victim->input = in[1];
	victim->output = fdopen(out[0], "r");
	victim_says(victim, "ready");
}

static inline void victim_kill(struct victim *victim)
{
	CHECK_INT(kill(victim->pid, SIGKILL), 0);
	CHECK_INT(waitpid(victim->pid, NULL, 0), victim->pid);
	close(victim->input);
	fclose(victim->output);
}
#endif
