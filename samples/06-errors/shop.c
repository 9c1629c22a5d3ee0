/* SPDX-License-Identifier: MIT */
/* A shop between client and bank: it hands errors on, and hears of each. */
#include "shop.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *what;
	int64_t price;
} goods[] = { { "tea", 3 }, { "teapot", 50 } };

/* Returns -1 if there is none. */
static int64_t price_of(const char *what)
{
	size_t i;

	for (i = 0; i < sizeof(goods) / sizeof(goods[0]); i++)
		if (strcmp(goods[i].what, what) == 0)
			return goods[i].price;
	return -1;
}

static int buy(pyr_call *call, const char *what)
{
	struct shop_Account *account = pyr_call_data(call);
	int64_t price = price_of(what), left;
	char receipt[64];

	if (price < 0)
		return pyr_fail(call, PYR_NOT_FOUND, "no %s here", what);
	if (shop_Account_withdraw(account, price, &left) < 0)
		return pyr_pass(call); /* as it is, with this line in its trace */
	snprintf(receipt, sizeof(receipt), "%s %" PRId64 ", %" PRId64 " left", what, price, left);
	return pyr_call_set_annotation(call, "receipt", receipt, strlen(receipt));
}

static void on_error(const pyr_call *call, const pyr_error *error, void *data)
{
	(void)data;
	printf("%s: %s: %s\n", error->correlation_id, pyr_call_operation(call), error->message);
}

static const struct shop_Counter_methods methods = { .buy = buy };

int main(void)
{
	struct pyr_daemon_options options = { .on_call_error = on_error };
	struct shop_Account *account = shop_Account_proxy("PYRONAME:example.account");
	pyr_daemon *daemon = pyr_daemon_new(&options);
	pyr_ns *ns = pyr_ns_locate(NULL);
	const char *uri = shop_Counter_register(daemon, "counter", &methods, account);

	setvbuf(stdout, NULL, _IOLBF, 0); /* each line at once, in a pipe too */
	if (pyr_ns_register(ns, "example.shop", uri) < 0)
		return pyr_perror("example.shop");
	puts("Ready");
	return pyr_daemon_run(daemon);
}
