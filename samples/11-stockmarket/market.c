/* SPDX-License-Identifier: MIT */
/*
 * sample-stock-market NAME SYMBOL...: tells all who watch of each quote, and waits for none. It is
 * open while somebody watches, and each day is like the one before.
 */
#include <stdio.h>
#include <stdlib.h>

#include "stock.h"

enum { TICK_MS = 50, OPENING = 10000, UNANSWERED = 8 };

/* One who watches, in one of two ways. The daemon is serial, so that nothing here needs a lock. */
struct watcher {
	struct watcher *next;
	struct stock_Viewer *viewer; /* is called; */
	pyr_future *calls[UNANSWERED];
	unsigned n_calls;
	pyr_stream *stream; /* or reads */
};

static struct market {
	const char *name;
	int n_symbols;
	char **symbols;
	uint32_t *cents; /* of each */
	uint32_t n_ticks, seed;
	struct watcher *watchers;
	pyr_timer *timer;
} market;

/* Those it has not answered yet are few, else it misses some. */
static void call_back(struct watcher *w, const struct stock_Quote *quote)
{
	pyr_future **place = &w->calls[w->n_calls % UNANSWERED];

	if (*place && !pyr_future_is_ready(*place))
		return;
	pyr_future_free(*place);
	*place = stock_Viewer_quoted_start(w->viewer, market.name, quote);
	w->n_calls++;
}

/* One who does not read misses some, too; of one who has left we are told elsewhere. */
static void yield(struct watcher *w, const struct stock_Quote *quote)
{
	int full = stock_Market_quotes_try_yield(w->stream, quote);

	(void)full;
}

static void tick(pyr_timer *timer, void *data)
{
	int i = (int)(market.n_ticks++ % (uint32_t)market.n_symbols);
	struct stock_Quote quote = { .symbol = market.symbols[i] };
	struct watcher *w;

	(void)data;
	market.seed = market.seed * 1664525 + 1013904223;
	quote.cents = market.cents[i] += (market.seed >> 16) % 401 - 200;
	for (w = market.watchers; w; w = w->next)
		(w->stream ? yield : call_back)(w, &quote);
	if (pyr_timer_set(timer, TICK_MS) < 0)
		pyr_perror(market.name);
}

static int open_market(void)
{
	int i;

	for (i = 0; i < market.n_symbols; i++)
		market.cents[i] = OPENING;
	market.n_ticks = 0;
	market.seed = (uint32_t)market.n_symbols;
	printf("%s opens\n", market.name);
	return pyr_timer_set(market.timer, TICK_MS);
}

static void add(struct watcher *w)
{
	if (!market.watchers && open_market() < 0)
		pyr_perror(market.name);
	w->next = market.watchers;
	market.watchers = w;
}

static void drop(struct watcher *w)
{
	struct watcher **at = &market.watchers;
	int i;

	while (*at && *at != w)
		at = &(*at)->next;
	if (*at)
		*at = w->next;
	for (i = 0; i < UNANSWERED; i++)
		pyr_future_free(w->calls[i]);
	stock_Viewer_free(w->viewer);
	free(w);
	if (!market.watchers && pyr_timer_disarm(market.timer))
		printf("%s closes\n", market.name);
}

static int get_name(pyr_call *call, const char **ret)
{
	(void)call;
	*ret = market.name;
	return 0;
}

/* The viewer is gone, perhaps without a word. */
static void on_lost(pyr_proxy *viewer, void *watcher)
{
	(void)viewer;
	drop(watcher);
}

static int observe(pyr_call *call, struct stock_Viewer *who)
{
	struct watcher *w = calloc(1, sizeof(*w));

	if (!w)
		return -PYR_RESOURCE_EXHAUSTED;
	w->viewer = stock_Viewer_dup(who); /* it was lent for this call */
	if (pyr_proxy_on_lost(stock_Viewer_as_proxy(w->viewer), on_lost, w) < 0) {
		drop(w);
		return pyr_pass(call);
	}
	add(w);
	return 0;
}

/* The reader has freed its stream, or is gone. */
static void on_cancel(pyr_deferred *deferred, void *watcher)
{
	drop(watcher);
	pyr_deferred_fail(deferred, PYR_CANCELLED, "nobody reads any more");
}

/* Answered when the reader goes: until then each tick yields, and no thread waits. */
static int quotes(pyr_call *call, pyr_stream *stream)
{
	struct watcher *w = calloc(1, sizeof(*w));
	pyr_deferred *deferred;
	int err = w ? pyr_call_defer(call, &deferred) : -PYR_RESOURCE_EXHAUSTED;

	if (err < 0) {
		free(w);
		return err;
	}
	w->stream = stream;
	add(w);
	pyr_deferred_set_on_cancel(deferred, on_cancel, w);
	return 0;
}

static const struct stock_Market_methods methods = {
	.get_name = get_name,
	.observe = observe,
	.quotes = quotes,
};

int main(int argc, char **argv)
{
	struct pyr_daemon_options options = {
		.threads = 1,
		.drain_ms = PYR_NONE,         /* streams end with the daemon, */
		.stream_linger_ms = PYR_NONE, /* and with their connection */
	};
	pyr_daemon *daemon = pyr_daemon_new(&options);
	const char *uri = stock_Market_register(daemon, NULL, &methods, NULL);
	struct pyr_ns_register_options tagged = { .tags = (const char *[]){ "market" },
						  .n_tags = 1 };
	char name[128];

	if (argc < 3) {
		fprintf(stderr, "usage: sample-stock-market NAME SYMBOL...\n");
		return 2;
	}
	market = (struct market){ .name = argv[1], .symbols = argv + 2, .n_symbols = argc - 2 };
	market.cents = calloc((size_t)market.n_symbols, sizeof(*market.cents));
	market.timer = pyr_timer_new(daemon, tick, NULL);
	snprintf(name, sizeof(name), "example.market.%s", market.name);
	if (!market.cents || pyr_ns_register_with(pyr_ns_locate(NULL), name, uri, &tagged) < 0)
		return pyr_perror(name);
	setvbuf(stdout, NULL, _IOLBF, 0); /* each line at once, in a pipe too */
	puts("Ready");
	return pyr_daemon_run(daemon);
}
