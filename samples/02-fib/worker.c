/* SPDX-License-Identifier: MIT */
/* Computes for whoever calls it; with an argument it has that name, and the tag fib. */
#include "fib.h"

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
	return 0;
}

static const struct fib_Worker_methods methods = { .fib = fib };

int main(int argc, char **argv)
{
	/* Computing takes a whole core, so one thread is enough: for more cores, more workers. */
	pyr_daemon *daemon = pyr_daemon_new(&(struct pyr_daemon_options){ .threads = 1 });
	const char *uri = fib_Worker_register(daemon, "worker", &methods, NULL);
	struct pyr_ns_register_options tagged = { .tags = (const char *[]){ "fib" }, .n_tags = 1 };

	if (argc > 1 && pyr_ns_register_with(pyr_ns_locate(NULL), argv[1], uri, &tagged) < 0)
		return pyr_perror(argv[1]);
	if (argc > 1)
		puts(uri);
	return uri ? pyr_daemon_run(daemon) : pyr_perror("worker");
}
