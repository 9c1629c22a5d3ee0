/* SPDX-License-Identifier: MIT */
/* Maps fib over four numbers: in four processes of its own, or in those that a URI leads to. */
#include "fib.h"
#include <inttypes.h>
#include <pyrite/pool.h>

int main(int argc, char **argv)
{
	struct pyr_pool_options four = { .n = 4, .program = "sample-fib-worker" };
	pyr_pool *pool = argc > 1 ? NULL : pyr_pool_new(&four);
	const char *uri = argc > 1 ? argv[1] : pyr_pool_uri(pool);
	struct fib_Worker *workers = uri ? fib_Worker_proxy(uri) : NULL;
	uint32_t numbers[4] = { 30, 35, 40, 45 };
	uint64_t n[4];
	int err = fib_Worker_fib_map(workers, 4, numbers, n, NULL);

	if (err == 0)
		printf("[%" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64 "]\n", n[0], n[1], n[2],
		       n[3]);
	else
		pyr_perror("fib");
	fib_Worker_free(workers);
	pyr_pool_free(pool);
	return err != 0;
}
