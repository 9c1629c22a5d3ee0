/* SPDX-License-Identifier: MIT */
/*
 * A worker: prints its URI and computes for whoever calls it, until it is interrupted. With an
 * argument it can also be found by that name.
 */
#include "fib.h"
#include <stdio.h>

/* Comes to an end once nobody waits for the answer; small numbers are too quick to ask for that. */
static uint64_t compute(const pyr_call *call, uint32_t n)
{
	if (n <= 2 || (n > 30 && pyr_call_is_cancelled(call)))
		return 1;
	return compute(call, n - 1) + compute(call, n - 2);
}

static int fib(pyr_call *call, uint32_t n, uint64_t *ret)
{
	if (n < 1 || n > 93) /* fib(94) has more than 64 bits */
		return pyr_fail(call, PYR_OUT_OF_RANGE, "n is %u, not 1 to 93", (unsigned)n);
	*ret = compute(call, n);
	if (pyr_call_is_cancelled(call))
		return pyr_fail(call, PYR_CANCELLED, "fib(%u) was given up", (unsigned)n);
	return 0;
}

static const struct fib_Worker_methods methods = { .fib = fib };

int main(int argc, char **argv)
{
	/* Computing takes a whole core, so one thread is enough: for more cores, more workers. */
	pyr_daemon *daemon = pyr_daemon_new(&(struct pyr_daemon_options){ .threads = 1 });
	const char *uri = fib_Worker_register(daemon, NULL, &methods, NULL);

	if (!uri)
		return pyr_perror("worker");
	if (argc > 1 && pyr_ns_register(pyr_ns_locate(NULL), argv[1], uri) < 0)
		return pyr_perror(argv[1]);
	puts(uri);
	fflush(stdout); /* a client waits for it at the other end of a pipe */
	return pyr_daemon_run(daemon);
}
