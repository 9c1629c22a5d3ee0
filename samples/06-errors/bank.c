/* SPDX-License-Identifier: MIT */
/* An account, two hops away from the client: where errors begin. */
#include "shop.h"
#include <inttypes.h>
#include <stdio.h>

static int withdraw(pyr_call *call, int64_t amount, int64_t *ret)
{
	int64_t *balance = pyr_call_data(call);

	if (amount > *balance)
		return shop_Account_raise_NoFunds(
			call, &(struct shop_NoFunds){ .missing = amount - *balance });
	*balance -= amount;
	*ret = *balance;
	printf("%s: %" PRId64 " withdrawn\n", pyr_call_correlation_id(call), amount);
	return 0;
}

static const struct shop_Account_methods methods = { .withdraw = withdraw };

int main(void)
{
	static int64_t balance = 10;
	pyr_daemon *daemon = pyr_daemon_new(&(struct pyr_daemon_options){ .threads = 1 });
	pyr_ns *ns = pyr_ns_locate(NULL);
	const char *uri = shop_Account_register(daemon, "account", &methods, &balance);

	setvbuf(stdout, NULL, _IOLBF, 0); /* each line at once, in a pipe too */
	if (pyr_ns_register(ns, "example.account", uri) < 0)
		return pyr_perror("example.account");
	puts("Ready");
	return pyr_daemon_run(daemon);
}
