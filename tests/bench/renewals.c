/* SPDX-License-Identifier: MIT */
/*
 * Whether searches make a name server late with renewals: bench-renewals ADDRESS NAMES [-n N] [--ms
 * MS]. As many names are registered, a hundred owners with a connection each renew a name five
 * times a second, and another client keeps N searches through all names in flight. It prints how
 * long the renewals took, without the searches and beside them. The server has nothing but this to
 * do.
 */
#include <pyrite/naming.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "measure.h"

enum { OWNERS = 100, PERIOD_MS = 200, TTL_MS = 10000, RENEWALS = 1 << 10 };

struct owner {
	pthread_t thread;
	struct pyrite_NameServer *server;
	struct pyr_bytes secret;
	uint8_t bytes[16];
	char name[32];
	unsigned number, n;
	int64_t times[RENEWALS];
};

struct search {
	pyr_future *future;
	char after[300];
};

static struct owner owners[OWNERS];
static char uri[300];
static int64_t until;
static atomic_bool is_over;

static struct pyrite_NameServer *connect_own(void)
{
	struct pyr_proxy_options options = { .own_link = true };
	struct pyrite_NameServer *server = pyrite_NameServer_proxy_with(uri, &options);

	if (!server || pyr_proxy_bind(pyrite_NameServer_as_proxy(server)) < 0)
		bench_fail("%s: %s", uri, pyr_errmsg());
	return server;
}

static void sleep_until(int64_t at)
{
	struct timespec t = { at / 1000000000, at % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
		;
}

/* ---- owners ---- */

static void claim(struct owner *owner)
{
	struct pyrite_NameTerms terms = { .ttl_ms = TTL_MS, .replace = true };
	struct pyrite_NameClaim none = { .force = true };
	struct pyrite_NameGrant *grant;

	snprintf(owner->name, sizeof(owner->name), "owner.%03u", owner->number);
	if (pyrite_NameServer_register_name(owner->server, owner->name, "PYRO:some.object@h:12345",
					    &terms, &none, &grant) < 0)
		bench_fail("register: %s", pyr_errmsg());
	if (grant->secret.n != sizeof(owner->bytes))
		bench_fail("a secret of %zu bytes", grant->secret.n);
	memcpy(owner->bytes, grant->secret.items, sizeof(owner->bytes));
	owner->secret = (struct pyr_bytes){ sizeof(owner->bytes), owner->bytes };
	pyr_free(grant);
}

static void renew(struct owner *owner)
{
	const char *name = owner->name;
	const struct pyr_string_seq names = { 1, &name };
	struct pyrite_NameRenewal *renewal;
	int64_t begin = bench_now();

	if (pyrite_NameServer_renew(owner->server, &owner->secret, &names, &renewal) < 0)
		bench_fail("renew: %s", pyr_errmsg());
	if (renewal->lost.n > 0)
		bench_fail("%s: its lease is lost", name);
	pyr_free(renewal);
	owner->times[owner->n++ % RENEWALS] = bench_now() - begin;
}

static void *own(void *data)
{
	struct owner *owner = data;
	int64_t at = bench_now() + owner->number * (int64_t)PERIOD_MS * 1000000 / OWNERS;

	for (; at < until; at += (int64_t)PERIOD_MS * 1000000) {
		sleep_until(at);
		renew(owner);
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void report(const char *what, uint64_t n_searches)
{
	static int64_t all[OWNERS * RENEWALS];
	size_t i, n = 0, k;

	for (i = 0; i < OWNERS; i++) {
		for (k = 0; k < owners[i].n && k < RENEWALS; k++)
			all[n++] = owners[i].times[k];
		owners[i].n = 0;
	}
	qsort(all, n, sizeof(all[0]), compare);
	printf("%s: searches=%llu renewals=%zu p50_ms=%.2f p99_ms=%.2f max_ms=%.2f\n", what,
	       (unsigned long long)n_searches, n, (double)all[n / 2] / 1e6,
	       (double)all[n * 99 / 100] / 1e6, (double)all[n - 1] / 1e6);
	fflush(stdout);
}

static void run_owners(int64_t ms)
{
	unsigned i;

	until = bench_now() + ms * 1000000;
	for (i = 0; i < OWNERS; i++)
		if (pthread_create(&owners[i].thread, NULL, own, &owners[i]) != 0)
			bench_fail("no thread");
	for (i = 0; i < OWNERS; i++)
		pthread_join(owners[i].thread, NULL);
}

/* ---- names and searches ---- */

static void register_names(unsigned n)
{
	static const struct pyrite_NameTerms terms = { .replace = true };
	static const struct pyrite_NameClaim none;
	enum { AT_ONCE = 64 };
	struct pyrite_NameServer *server = connect_own();
	pyr_future *futures[AT_ONCE] = { NULL };
	struct pyrite_NameGrant *grant;
	char name[32];
	unsigned i;

	for (i = 0; i < n + AT_ONCE; i++) {
		if (futures[i % AT_ONCE]) {
			if (pyrite_NameServer_register_name_get(futures[i % AT_ONCE], &grant) < 0)
				bench_fail("register: %s", pyr_errmsg());
			pyr_free(grant);
		}
		snprintf(name, sizeof(name), "bench.%06u", i);
		futures[i % AT_ONCE] =
			i < n ? pyrite_NameServer_register_name_start(
					server, name, "PYRO:some.object@h:12345", &terms, &none)
			      : NULL;
	}
	pyrite_NameServer_free(server);
}

static void start(struct pyrite_NameServer *server, struct search *search)
{
	search->future =
		pyrite_NameServer_list_matching_start(server, "bench.*[0-9]x", search->after);
	if (!search->future)
		bench_fail("list: %s", pyr_errmsg());
}

/* Returns whether the search is through. */
static bool finish_slice(struct search *search)
{
	struct pyrite_NamePage *page;

	if (pyrite_NameServer_list_matching_get(search->future, &page) < 0)
		bench_fail("list: %s", pyr_errmsg());
	snprintf(search->after, sizeof(search->after), "%s", page->next);
	pyr_free(page);
	return !search->after[0];
}

struct searching {
	unsigned n; /* in flight */
	uint64_t n_done;
};

static void *search_on(void *data)
{
	struct searching *searching = data;
	struct search *ring = calloc(searching->n, sizeof(*ring));
	struct pyrite_NameServer *server = connect_own();
	unsigned i;

	if (!ring)
		bench_fail("out of memory");
	for (i = 0; i < searching->n; i++)
		start(server, &ring[i]);
	for (i = 0; !atomic_load(&is_over); i = (i + 1) % searching->n) {
		searching->n_done += finish_slice(&ring[i]);
		start(server, &ring[i]);
	}
	for (i = 0; i < searching->n; i++)
		pyr_future_free(ring[i].future);
	free(ring);
	pyrite_NameServer_free(server);
	return NULL;
}

int main(int argc, char **argv)
{
	struct bench_options options;
	struct searching searching;
	pthread_t searcher;
	unsigned i;

	bench_start(&options, argc, argv, BENCH_CLIENT);
	snprintf(uri, sizeof(uri), "PYRO:%s@%s", pyrite_NAME_SERVER_ID, options.address);
	register_names((unsigned)strtoul(options.mode, NULL, 10));
	for (i = 0; i < OWNERS; i++) {
		owners[i].number = i;
		owners[i].server = connect_own();
		claim(&owners[i]);
	}
	run_owners(options.ms);
	report("alone", 0);
	searching = (struct searching){ .n = options.n };
	if (pthread_create(&searcher, NULL, search_on, &searching) != 0)
		bench_fail("no thread");
	run_owners(options.ms);
	atomic_store(&is_over, true);
	pthread_join(searcher, NULL);
	report("beside searches", searching.n_done);
	for (i = 0; i < OWNERS; i++)
		pyrite_NameServer_free(owners[i].server);
	return 0;
}
