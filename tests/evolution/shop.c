/* SPDX-License-Identifier: MIT */
/*
 * shop-old and shop-new: what values become on their way between versions that go with each other.
 *
 *	shop-X serve        prints its URI; ends with its standard input
 *	shop-X ask URI      orders, and prints what comes of it
 */
#include "shop.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- server ---- */

#if IS_NEW
static int order(pyr_call *call, const struct shop_Line *line, enum shop_Colour colour,
		 const char *voucher, const char *way, const char **ret)
{
	char text[200];

	if (strcmp(line->article, "gone") == 0)
		return shop_Shop_raise_SoldOut(call,
					       &(struct shop_SoldOut){ line->article, true, 5 });
	if (strcmp(line->article, "late") == 0)
		return shop_Shop_raise_Closed(call, &(struct shop_Closed){ "nine" });
	snprintf(text, sizeof(text), "%s x%d colour %d note %s days %d voucher %s by %s",
		 line->article, line->count, (int)colour, line->note ? line->note : "-", line->days,
		 voucher ? voucher : "-", way);
	*ret = pyr_call_strdup(call, text);
	return 0;
}

static int favourite(pyr_call *call, enum shop_Colour *ret)
{
	(void)call;
	*ret = shop_BLUE;
	return 0;
}

static int cancel(pyr_call *call, int32_t number)
{
	(void)call;
	(void)number;
	return 0;
}
#else
static int order(pyr_call *call, const struct shop_Line *line, enum shop_Colour colour,
		 const char **ret)
{
	char text[200];

	if (strcmp(line->article, "gone") == 0)
		return shop_Shop_raise_SoldOut(call, &(struct shop_SoldOut){ line->article });
	snprintf(text, sizeof(text), "%s x%d colour %d", line->article, line->count, (int)colour);
	*ret = pyr_call_strdup(call, text);
	return 0;
}

static int favourite(pyr_call *call, enum shop_Colour *ret)
{
	(void)call;
	*ret = shop_GREEN;
	return 0;
}
#endif

static const struct shop_Shop_methods methods = {
	.order = order,
	.favourite = favourite,
#if IS_NEW
	.cancel = cancel,
#endif
};

static void *watch_input(void *data)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	pyr_daemon_stop(data);
	return NULL;
}

static int serve(void)
{
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	const char *uri = shop_Shop_register(daemon, "shop", &methods, NULL);
	pthread_t watcher;
	int err;

	if (!uri || pthread_create(&watcher, NULL, watch_input, daemon) != 0)
		return pyr_perror("shop");
	puts(uri);
	fflush(stdout);
	err = pyr_daemon_run(daemon);
	pthread_join(watcher, NULL);
	pyr_daemon_free(daemon);
	return err < 0 ? pyr_perror("run") : 0;
}

/* ---- client ---- */

static int buy(struct shop_Shop *shop, const char *article, char **ret)
{
	struct shop_Line line = { .article = article, .count = 2 };

#if IS_NEW
	line.note = "soon";
	line.days = 9;
	return shop_Shop_order(shop, &line, shop_BLUE, "v1", "bike", ret);
#else
	return shop_Shop_order(shop, &line, shop_GREEN, ret);
#endif
}

static void tell_sold_out(void)
{
	const struct shop_SoldOut *sold_out = shop_SoldOut_caught();

	if (!sold_out) {
		printf("not sold out: %s\n", pyr_errmsg());
		return;
	}
	printf("sold out: %s", sold_out->article);
#if IS_NEW
	printf(", again %s", sold_out->has_again_in ? "later" : "never");
#endif
	puts("");
}

static int ask(const char *uri)
{
	struct shop_Shop *shop = shop_Shop_proxy(uri);
	enum shop_Colour colour;
	char *text;

	if (buy(shop, "pen", &text) < 0)
		return pyr_perror("order");
	puts(text);
	pyr_free(text);
	if (shop_Shop_favourite(shop, &colour) < 0)
		return pyr_perror("favourite");
	printf("favourite %d\n", (int)colour);
	if (buy(shop, "gone", &text) < 0)
		tell_sold_out();
	if (buy(shop, "late", &text) < 0)
		printf("late: %s %s\n", pyr_status_name(pyr_last_error()->code),
		       pyr_last_error()->exception);
	else
		pyr_free(text);
#if IS_NEW
	if (shop_Shop_cancel(shop, 1) < 0)
		printf("cancel: %s\n", pyr_last_error()->message);
#endif
	shop_Shop_free(shop);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "serve") == 0)
		return serve();
	if (argc == 3 && strcmp(argv[1], "ask") == 0)
		return ask(argv[2]);
	fputs("usage: shop-X serve | ask URI\n", stderr);
	return 2;
}
