/* SPDX-License-Identifier: MIT */
/* A program of two libraries that were generated from different versions of one interface. */
#include <pthread.h>
#include <stdio.h>

#include "version.h"

static void *serve(void *daemon)
{
	return pyr_daemon_run(daemon) < 0 ? daemon : NULL;
}

static bool result(const char *failed, const char *name)
{
	printf("%s %s\n", failed ? "not ok" : "ok", name);
	if (failed)
		printf("    %s\n", failed);
	return !failed;
}

int main(void)
{
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	pthread_t thread;
	void *failed;
	bool ok;

	if (!daemon || pthread_create(&thread, NULL, serve, daemon) != 0)
		return 2;
	ok = result(version_run_a(daemon), "a_library_meets_its_own_version_of_an_interface");
	ok &= result(version_run_b(daemon), "and_so_does_another_of_the_same_program");
	pyr_daemon_stop(daemon);
	pthread_join(thread, &failed);
	pyr_daemon_free(daemon);
	return ok && !failed ? 0 : 1;
}
