/* SPDX-License-Identifier: MIT */
/* A process with one crew.Worker: crew-worker [SOCKET [NAME-SERVER NAME [shared]]]; SOCKET may be
 * "". */
#include "crew.h"

#include <stdio.h>
#include <unistd.h>

static pyr_daemon *own;

static int twice(pyr_call *call, int32_t x, int32_t ms, int64_t *ret, int32_t *ret_who)
{
	(void)call;
	*ret = 2 * (int64_t)x;
	*ret_who = getpid();
	return pyr_sleep((uint32_t)ms);
}

static int once(pyr_call *call, int32_t ms, int32_t *ret)
{
	(void)call;
	*ret = getpid();
	return pyr_sleep((uint32_t)ms);
}

static int stop(pyr_call *call)
{
	(void)call;
	pyr_daemon_stop(own);
	return 0;
}

static const struct crew_Worker_methods methods = { .twice = twice, .once = once, .stop = stop };

int main(int argc, char **argv)
{
	const char *tags[] = { "crew" }, *uri;
	struct pyr_ns_register_options with_tags = { .tags = tags, .n_tags = 1 };
	struct pyr_daemon_options options = { .threads = 2 };

	with_tags.shared = argc > 4;
	if (argc > 1 && argv[1][0])
		options.socket = argv[1];
	own = pyr_daemon_new(&options);
	uri = crew_Worker_register(own, "worker", &methods, NULL);
	if (!uri)
		return pyr_perror("crew-worker");
	if (argc > 3 && pyr_ns_register_with(pyr_ns_locate(argv[2]), argv[3], uri, &with_tags) < 0)
		return pyr_perror(argv[3]);
	puts(uri);
	return pyr_daemon_run(own);
}
