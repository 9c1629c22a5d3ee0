/* SPDX-License-Identifier: MIT */
/* Buys three things: one can be had, one is too dear, and one is not there. */
#include "shop.h"
#include <inttypes.h>
#include <stdio.h>

static void buy(struct shop_Counter *shop, const char *what)
{
	const struct shop_NoFunds *no_funds;

	if (shop_Counter_buy(shop, what) == 0) {
		printf("Bought: %s\n", (const char *)pyr_reply_annotation("receipt", NULL));
		return;
	}
	no_funds = shop_NoFunds_caught();
	if (no_funds)
		printf("The %s is too dear by %" PRId64 "\n", what, no_funds->missing);
	else
		printf("No %s: %s\n", what, pyr_status_name(pyr_last_error()->code));
	pyr_error_print(NULL, stdout);
}

int main(void)
{
	struct shop_Counter *shop = shop_Counter_proxy("PYRONAME:example.shop");

	if (pyr_proxy_bind(shop_Counter_as_proxy(shop)) < 0)
		return pyr_perror("example.shop");
	if (pyr_set_correlation_id("order 17") < 0)
		return pyr_perror("order 17");
	buy(shop, "tea");
	buy(shop, "teapot");
	buy(shop, "coffee");
	shop_Counter_free(shop);
	return 0;
}
