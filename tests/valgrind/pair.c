/* SPDX-License-Identifier: MIT */
/*
 * A daemon and its client in one program, for valgrind: calls, a failure, a future, and all of it
 * given back at the end. Prints the last sum. With an argument, a method loses a block.
 */
#include "example.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { CALLS = 20 };

static bool is_losing;
static void *volatile block;

static int add(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	if (x < 0)
		return pyr_fail(call, PYR_INVALID_ARGUMENT, "x is less than 0");
	if (is_losing)
		block = malloc(100);
	block = NULL;
	*ret = x + y;
	return 0;
}

static const struct example_Server_methods methods = { .add = add };

static void *serve(void *daemon)
{
	return pyr_daemon_run(daemon) == 0 ? daemon : NULL;
}

static int call(const char *uri)
{
	struct example_Server *server = example_Server_proxy(uri);
	pyr_future *future;
	int32_t sum = 0, last = 0;
	int i, err = 0;

	for (i = 0; i < CALLS && err == 0; i++)
		err = example_Server_add(server, sum, i, &sum);
	if (err == 0 && example_Server_add(server, -1, 0, &last) != -PYR_INVALID_ARGUMENT)
		err = -1;
	future = example_Server_add_start(server, sum, 1);
	if (err == 0)
		err = example_Server_add_get(future, &last);
	else
		pyr_future_free(future);
	example_Server_free(server);
	if (err < 0)
		return pyr_perror(uri);
	printf("%d\n", last);
	return 0;
}

int main(int argc, char **argv)
{
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	const char *uri = example_Server_register(daemon, NULL, &methods, NULL);
	pthread_t thread;
	void *result;
	int err;

	(void)argv;
	is_losing = argc > 1;
	if (!uri)
		return pyr_perror("daemon");
	if (pthread_create(&thread, NULL, serve, daemon) != 0)
		return 1;
	err = call(uri);
	pyr_daemon_stop(daemon);
	pthread_join(thread, &result);
	pyr_daemon_free(daemon);
	return err != 0 || !result;
}
