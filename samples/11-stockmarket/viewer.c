/* SPDX-License-Identifier: MIT */
/*
 * sample-stock-viewer [N]: the first N quotes of each market, or all until it is stopped. The first
 * market is read as a stream; the others call back, meanwhile.
 */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "stock.h"

static unsigned wanted, left; /* of each market; of those that call back */
static sem_t done;            /* none is left */

static void show(const char *market, const struct stock_Quote *quote)
{
	printf("%s: %s %u.%02u\n", market, quote->symbol, quote->cents / 100, quote->cents % 100);
	fflush(stdout);
}

/* In the process's callback thread. */
static int quoted(pyr_call *call, const char *market, const struct stock_Quote *quote)
{
	(void)call;
	if (wanted > 0 && left == 0)
		return 0;
	show(market, quote);
	return --left == 0 ? sem_post(&done) : 0;
}

static const struct stock_Viewer_methods methods = { .quoted = quoted };

static int read_quotes(struct stock_Market *market)
{
	struct stock_Quote *quote;
	pyr_stream *stream;
	char *name;
	unsigned i;
	int more = 1;

	if (stock_Market_get_name(market, &name) < 0 || stock_Market_quotes(market, &stream) < 0)
		return pyr_perror("quotes");
	for (i = 0; wanted == 0 || i < wanted; i++) {
		more = stock_Market_quotes_next(stream, &quote);
		if (more <= 0)
			break;
		show(name, quote);
		pyr_free(quote);
	}
	pyr_stream_free(stream);
	pyr_free(name);
	return more <= 0 && pyr_perror("quotes");
}

static int observe(const char *uri, struct stock_Viewer *me)
{
	struct stock_Market *market = stock_Market_proxy(uri);
	int err = stock_Market_observe(market, me);

	stock_Market_free(market); /* the connection stays, since the market has the viewer */
	return err < 0 && pyr_perror(uri);
}

static int watch(const struct pyr_ns_entries *markets)
{
	struct stock_Viewer *me = stock_Viewer_object(NULL, &methods, NULL, NULL);
	struct stock_Market *first = stock_Market_proxy(markets->items[0].uri);
	int failed = 0;
	size_t i;

	left = wanted * (unsigned)(markets->n - 1);
	for (i = 1; i < markets->n && !failed; i++)
		failed = observe(markets->items[i].uri, me);
	failed = failed || read_quotes(first) || (markets->n > 1 && sem_wait(&done) < 0);
	stock_Market_free(first);
	stock_Viewer_free(me);
	return failed;
}

int main(int argc, char **argv)
{
	pyr_ns *ns = pyr_ns_locate(NULL);
	struct pyr_ns_entries *markets;
	int failed;

	wanted = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	if (sem_init(&done, 0, 0) < 0 ||
	    pyr_ns_list_metadata_all(ns, (const char *[]){ "market" }, 1, &markets) < 0)
		return pyr_perror("markets");
	failed = markets->n == 0 || watch(markets);
	pyr_free(markets);
	pyr_ns_free(ns);
	return failed;
}
