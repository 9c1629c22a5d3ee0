/* SPDX-License-Identifier: MIT */
/* Counts primes. Started by the client's pool, which hands it a socket to serve. */
#include "primes.h"

static bool is_prime(uint32_t n)
{
	uint32_t i;

	if (n < 4)
		return n > 1;
	if (n % 2 == 0)
		return false;
	for (i = 3; i <= n / i; i += 2)
		if (n % i == 0)
			return false;
	return true;
}

static int count(pyr_call *call, uint32_t from, uint32_t to, uint32_t *ret)
{
	uint32_t n, primes = 0;

	for (n = from; n < to; n++) {
		if (n % 4096 == 0 && pyr_call_is_cancelled(call))
			return -PYR_CANCELLED; /* nobody waits any more */
		primes += is_prime(n);
	}
	*ret = primes;
	return 0;
}

static const struct primes_Worker_methods methods = { .count = count };

int main(void)
{
	struct pyr_daemon_options serial = { .threads = 1 };
	struct pyr_export worker = primes_Worker_export(NULL, &methods, NULL);

	worker.id = "worker"; /* what a pool looks for */
	return pyr_serve(&(struct pyr_serve_options){ .daemon = &serial, .ready = "" },
			 (struct pyr_export[]){ worker, { 0 } }) < 0 &&
	       pyr_perror("worker");
}
