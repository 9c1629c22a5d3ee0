/* SPDX-License-Identifier: MIT */
/*
 * A server for tests of names: owner [--stuck] NAME... registers one object under each name, prints
 * "Ready", and serves; --stuck: does nothing at all from then on, so that what happens to its names
 * is the runtime's doing. Exit codes: 0 after a stop, 1 if a name could not be had.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "thing.h"

static int touch(pyr_call *call)
{
	(void)call;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct ns_test_Thing_methods methods = { .touch = touch };
	bool is_stuck = argc > 1 && strcmp(argv[1], "--stuck") == 0;
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	pyr_ns *ns = pyr_ns_locate(NULL);
	const char *uri = ns_test_Thing_register(daemon, NULL, &methods, NULL);
	int i;

	for (i = is_stuck ? 2 : 1; i < argc; i++)
		if (pyr_ns_register(ns, argv[i], uri) < 0)
			return pyr_perror(argv[i]);
	pyr_ns_free(ns); /* the leases go on without it */
	puts("Ready");
	fflush(stdout);
	while (is_stuck)
		pause();
	if (pyr_daemon_run(daemon) < 0)
		return pyr_perror("owner");
	pyr_daemon_free(daemon);
	return 0;
}
