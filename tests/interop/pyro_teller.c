/* SPDX-License-Identifier: MIT */
/* An object that calls the object it is given: pyro-teller prints its URI, and serves until its
 * input ends. For pyro_served.py. */
#include <pyrite/pyrite.h>

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "pyrod.h"

static int tell(pyr_call *call, struct pyrod_Listener *who, int32_t x, int32_t *ret)
{
	(void)call;
	if (pyrod_Listener_heard(who, "here is a question") < 0)
		return -pyr_last_error()->code;
	return pyrod_Listener_ask(who, x, ret);
}

static const struct pyrod_Teller_methods methods = { .tell = tell };

static void *serve(void *daemon)
{
	if (pyr_daemon_run(daemon) < 0)
		fprintf(stderr, "%s\n", pyr_last_error()->message);
	return NULL;
}

int main(void)
{
	pyr_daemon *daemon = pyr_daemon_new(&(struct pyr_daemon_options){ 0 });
	const char *uri = pyrod_Teller_register(daemon, "teller", &methods, NULL);
	pthread_t thread;
	char byte;

	if (!uri || pthread_create(&thread, NULL, serve, daemon) != 0)
		return 1;
	printf("%s\n", uri);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	pyr_daemon_stop(daemon);
	pthread_join(thread, NULL);
	pyr_daemon_free(daemon);
	return 0;
}
