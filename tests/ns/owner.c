/* SPDX-License-Identifier: MIT */
/*
 * A server for tests of names: owner [--stuck | --leave] NAME... registers one object under each
 * name, prints "Ready", and serves; --stuck: does nothing at all from then on, so that what happens
 * to its names is the runtime's doing; --leave: ends without a word to anybody. Exit codes: 0 after
 * a stop, 1 if a name could not be had.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "thing.h"

static int touch(pyr_call *call)
{
	(void)call;
	return 0;
}

static void say_ready(void)
{
	puts("Ready");
	fflush(stdout);
}

/* The daemon answers once it runs, and from then on it takes signals. */
static void *say_ready_when_running(void *uri)
{
	struct ns_test_Thing *thing = ns_test_Thing_proxy(uri);

	if (ns_test_Thing_touch(thing) < 0)
		pyr_perror("touch");
	else
		say_ready();
	ns_test_Thing_free(thing);
	return NULL;
}

static int serve(pyr_daemon *daemon, const char *uri)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, say_ready_when_running, (void *)uri) != 0)
		return 1;
	if (pyr_daemon_run(daemon) < 0)
		return pyr_perror("owner");
	pthread_join(thread, NULL);
	pyr_daemon_free(daemon);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct ns_test_Thing_methods methods = { .touch = touch };
	const char *mode = argc > 1 && argv[1][0] == '-' ? argv[1] : "";
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	pyr_ns *ns = pyr_ns_locate(NULL);
	const char *uri = ns_test_Thing_register(daemon, NULL, &methods, NULL);
	int i;

	for (i = mode[0] ? 2 : 1; i < argc; i++)
		if (pyr_ns_register(ns, argv[i], uri) < 0)
			return pyr_perror(argv[i]);
	pyr_ns_free(ns); /* the leases go on without it */
	if (strcmp(mode, "--leave") == 0)
		return 0;
	if (strcmp(mode, "--stuck") != 0)
		return serve(daemon, uri);
	say_ready();
	for (;;)
		pause();
}
