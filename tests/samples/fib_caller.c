/* SPDX-License-Identifier: MIT */
/*
 * Asks the worker of samples/02-fib what its client never asks: fib_caller URI N... prints each
 * result, or "late" where there was none after a second, or the name of the error's status.
 */
#include "fib.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Both ends know the deadline. It is the caller's unless it was slow to notice. */
static bool is_late(int code)
{
	return code == PYR_DEADLINE_EXCEEDED || code == PYR_CANCELLED;
}

int main(int argc, char **argv)
{
	const struct pyr_proxy_options options = { .timeout_ms = 1000 };
	struct fib_Worker *worker = fib_Worker_proxy_with(argc > 1 ? argv[1] : "", &options);
	uint64_t result;
	int i, status;

	for (i = 2; i < argc; i++) {
		status = fib_Worker_fib(worker, (uint32_t)strtoul(argv[i], NULL, 10), &result);
		if (status == 0)
			printf("%" PRIu64 "\n", result);
		else
			puts(is_late(-status) ? "late" : pyr_status_name(status));
	}
	fib_Worker_free(worker);
	return 0;
}
