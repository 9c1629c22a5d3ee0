/* SPDX-License-Identifier: MIT */
/*
 * Asks the worker of samples/02-fib what its client never asks: fib_caller URI N... prints each
 * result, or the name of the error's status. A call is given up after a second.
 */
#include "fib.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	const struct pyr_proxy_options options = { .timeout_ms = 1000 };
	struct fib_Worker *worker = fib_Worker_proxy_with(argc > 1 ? argv[1] : "", &options);
	uint64_t result;
	int i;

	for (i = 2; i < argc; i++) {
		if (fib_Worker_fib(worker, (uint32_t)strtoul(argv[i], NULL, 10), &result) == 0)
			printf("%" PRIu64 "\n", result);
		else
			printf("%s\n", pyr_status_name(pyr_last_error()->code));
	}
	fib_Worker_free(worker);
	return 0;
}
