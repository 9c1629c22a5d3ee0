/* SPDX-License-Identifier: MIT */
/* sample-python-client URI: the same calls as client.py, whatever the server is written in. */
#include <inttypes.h>
#include <stdio.h>

#include "bank.h"

static int withdraw(struct bank_Account *account, int64_t amount)
{
	const struct bank_NoFunds *e;
	int64_t balance;

	if (bank_Account_withdraw(account, amount, &balance) == 0)
		return printf("%" PRId64 "\n", balance) < 0;
	e = bank_NoFunds_caught();
	if (!e)
		return pyr_perror("withdraw");
	printf("NoFunds: %" PRId64 " missing\n", e->missing);
	return 0;
}

int main(int argc, char **argv)
{
	struct bank_Account *account = bank_Account_proxy(argc > 1 ? argv[1] : "");
	int64_t balance;
	int err;

	if (bank_Account_deposit(account, 100, &balance) < 0)
		return pyr_perror("deposit");
	printf("%" PRId64 "\n", balance);
	err = withdraw(account, 120) || withdraw(account, 60);
	bank_Account_free(account);
	return err;
}
