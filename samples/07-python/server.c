/* SPDX-License-Identifier: MIT */
/* An account for anybody who speaks gRPC. Prints its URI, serves until Ctrl-C. */
#include <stdio.h>

#include "bank.h"

static int64_t balance;

static int deposit(pyr_call *call, int64_t amount, int64_t *ret)
{
	if (amount <= 0)
		return pyr_fail(call, PYR_INVALID_ARGUMENT, "an amount is positive");
	*ret = balance += amount;
	return 0;
}

static int withdraw(pyr_call *call, int64_t amount, int64_t *ret)
{
	const struct bank_NoFunds e = { .missing = amount - balance };

	if (amount > balance)
		return bank_Account_raise_NoFunds(call, &e);
	*ret = balance -= amount;
	return 0;
}

static const struct bank_Account_methods methods = { .deposit = deposit, .withdraw = withdraw };

int main(void)
{
	struct pyr_daemon_options options = { .threads = 1 }; /* so the balance needs no lock */
	pyr_daemon *daemon = pyr_daemon_new(&options);
	const char *uri = bank_Account_register(daemon, "account", &methods, NULL);

	if (!uri)
		return pyr_perror("account");
	puts(uri);
	fflush(stdout);
	return pyr_daemon_run(daemon) < 0 ? pyr_perror("account") : 0;
}
