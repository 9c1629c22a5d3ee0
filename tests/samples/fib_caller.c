/* SPDX-License-Identifier: MIT */
/*
 * Asks the worker of samples/02-fib what its client never asks: fib_caller URI N... prints each
 * result, or "late" where there was none in time, or the name of the error's status. A large
 * number, which takes for ever, has a second, others as long as a loaded machine may need.
 */
#include "fib.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { LARGE = 90 };

/* Both ends know the deadline. It is the caller's unless it was slow to notice. */
static bool is_late(int code)
{
	return code == PYR_DEADLINE_EXCEEDED || code == PYR_CANCELLED;
}

int main(int argc, char **argv)
{
	struct fib_Worker *worker = fib_Worker_proxy(argc > 1 ? argv[1] : "");
	struct pyr_call_options options = { 0 };
	uint64_t result;
	uint32_t n;
	int i, status;

	for (i = 2; i < argc; i++) {
		n = (uint32_t)strtoul(argv[i], NULL, 10);
		options.timeout_ms = n >= LARGE ? 1000 : 20000;
		status = fib_Worker_fib(fib_Worker_with(worker, &options), n, &result);
		if (status == 0)
			printf("%" PRIu64 "\n", result);
		else
			puts(is_late(-status) ? "late" : pyr_status_name(status));
	}
	fib_Worker_free(worker);
	return 0;
}
