/* SPDX-License-Identifier: MIT */
/*
 * The name server's client of the measurements: bench-names ADDRESS MODE[:NAMES] [-n N]. Modes:
 * register and lookup, of so many names in turn (1000), N requests in flight; prefix and tags,
 * which list a hundred of them. Names that are not there yet are registered first, in the last mode
 * with tags. renew and renew_one are of leased names, which are registered anew: 128 or one in a
 * call; arrive: an owner comes, attends, renews a hundred and goes, with a connection of his own.
 */
#include <pyrite/naming.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"

enum {
	NAMES = 1000,
	GROUP = 100, /* names that a list finds */
	CROWD = 256,
	BATCH = 128, /* names that are renewed together, as owners do */
	TTL_MS = 600000
};

struct request {
	pyr_future *future, *attending;
	struct pyrite_NameServer *own; /* connection */
	int64_t since;
};

static struct pyrite_NameServer *server;
static char server_uri[300];
static uint64_t n_names = NAMES;
static bool has_tags, is_leased;
static uint8_t secret[16] = "of bench-names";

static void start_register(struct request *request, uint64_t i)
{
	struct pyrite_NameClaim claim = { .force = is_leased };
	struct pyrite_NameTerms terms = { .replace = true, .ttl_ms = is_leased ? TTL_MS : 0 };
	char name[32], group[32];
	const char *tags[] = { "bench", group };

	if (is_leased)
		claim.secret = (struct pyr_bytes){ sizeof(secret), secret };
	snprintf(name, sizeof(name), "bench.%06u", (unsigned)(i % n_names));
	snprintf(group, sizeof(group), "group:%04u", (unsigned)(i % n_names / GROUP));
	terms.tags = (struct pyr_string_seq){ has_tags ? 2 : 0, tags };
	request->future = pyrite_NameServer_register_name_start(
		server, name, "PYRO:some.object@h:12345", &terms, &claim);
}

static int get_register(struct request *request)
{
	struct pyrite_NameGrant *grant;
	int status = pyrite_NameServer_register_name_get(request->future, &grant);

	if (status == 0)
		pyr_free(grant);
	return status;
}

static void start_lookup(struct request *request, uint64_t i)
{
	char name[32];

	snprintf(name, sizeof(name), "bench.%06u", (unsigned)(i % n_names));
	request->future = pyrite_NameServer_lookup_start(server, name);
}

static int get_lookup(struct request *request)
{
	char *uri;
	int status = pyrite_NameServer_lookup_get(request->future, &uri);

	if (status == 0)
		pyr_free(uri);
	return status;
}

/* Groups in no order that a cache would know. */
static unsigned group_of(uint64_t i)
{
	return (unsigned)(i * 7919 % (n_names / GROUP));
}

static void start_prefix(struct request *request, uint64_t i)
{
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "bench.%04u", group_of(i));
	request->future = pyrite_NameServer_list_start(server, prefix, "");
}

static void start_tags(struct request *request, uint64_t i)
{
	char group[32];
	const char *items[] = { "bench", group };
	struct pyr_string_seq tags = { 2, items };

	snprintf(group, sizeof(group), "group:%04u", group_of(i));
	request->future = pyrite_NameServer_list_metadata_start(server, &tags, true, "");
}

static int check_page(struct pyrite_NamePage *page)
{
	if (page->entries.n != GROUP)
		bench_fail("%zu names, not %d", page->entries.n, GROUP);
	pyr_free(page);
	return 0;
}

static int get_prefix(struct request *request)
{
	struct pyrite_NamePage *page;
	int status = pyrite_NameServer_list_get(request->future, &page);

	return status < 0 ? status : check_page(page);
}

static int get_tags(struct request *request)
{
	struct pyrite_NamePage *page;
	int status = pyrite_NameServer_list_metadata_get(request->future, &page);

	return status < 0 ? status : check_page(page);
}

static pyr_future *renew(struct pyrite_NameServer *by, uint64_t from, size_t n)
{
	const struct pyr_bytes claim = { sizeof(secret), secret };
	char texts[BATCH][32];
	const char *items[BATCH];
	const struct pyr_string_seq names = { n, items };
	size_t i;

	for (i = 0; i < n; i++) {
		snprintf(texts[i], sizeof(texts[i]), "bench.%06u",
			 (unsigned)((from + i) % n_names));
		items[i] = texts[i];
	}
	return pyrite_NameServer_renew_start(by, &claim, &names);
}

static void start_renew(struct request *request, uint64_t i)
{
	request->future = renew(server, i * BATCH, BATCH);
}

static void start_renew_one(struct request *request, uint64_t i)
{
	request->future = renew(server, i, 1);
}

static int get_renew(struct request *request)
{
	struct pyrite_NameRenewal *renewal;
	int status = pyrite_NameServer_renew_get(request->future, &renewal);

	if (status < 0)
		return status;
	if (renewal->lost.n + renewal->revoked.n > 0)
		bench_fail("%zu leases are lost", renewal->lost.n + renewal->revoked.n);
	pyr_free(renewal);
	return 0;
}

static void start_arrive(struct request *request, uint64_t i)
{
	const struct pyr_bytes claim = { sizeof(secret), secret };
	struct pyr_proxy_options options = { .own_link = true };

	request->own = pyrite_NameServer_proxy_with(server_uri, &options);
	request->attending = pyrite_NameServer_attend_start(request->own, &claim);
	request->future = renew(request->own, i * GROUP, GROUP);
}

static int get_arrive(struct request *request)
{
	int status = get_renew(request);

	pyr_future_free(request->attending);
	pyrite_NameServer_free(request->own);
	return status;
}

struct kind {
	void (*start)(struct request *request, uint64_t i);
	int (*get)(struct request *request);
};
static const struct mode {
	const char *name;
	struct kind kind;
} modes[] = {
	{ "register", { start_register, get_register } },
	{ "lookup", { start_lookup, get_lookup } },
	{ "prefix", { start_prefix, get_prefix } },
	{ "tags", { start_tags, get_tags } },
	{ "renew", { start_renew, get_renew } },
	{ "renew_one", { start_renew_one, get_renew } },
	{ "arrive", { start_arrive, get_arrive } },
};

static int64_t depart(const struct kind *kind, struct request *request, uint64_t i)
{
	request->since = bench_now();
	kind->start(request, i);
	if (!request->future)
		bench_fail("request: %s", pyr_errmsg());
	return request->since;
}

static void arrive(const struct kind *kind, struct request *request, struct bench_times *times)
{
	if (kind->get(request) < 0)
		bench_fail("answer: %s", pyr_errmsg());
	bench_add(times, bench_now() - request->since);
}

static void flights(const struct bench_options *options, const struct bench_limit *limit,
		    struct bench_times *times, void *data)
{
	struct request *ring = calloc(options->n, sizeof(*ring));
	const struct kind *kind = data;
	uint64_t started = 0;
	int64_t now = bench_now();

	if (!ring)
		bench_fail("out of memory");
	for (; started < options->n; started++)
		depart(kind, &ring[started], started);
	for (; bench_more(limit, started, now); started++) {
		arrive(kind, &ring[started % options->n], times);
		now = depart(kind, &ring[started % options->n], started);
	}
	while (times->n < started)
		arrive(kind, &ring[times->n % options->n], times);
	free(ring);
}

static void register_all(void)
{
	static struct request crowd[CROWD];
	uint32_t n_there = 0;
	uint64_t i;

	if (pyrite_NameServer_count(server, &n_there) < 0)
		bench_fail("count: %s", pyr_errmsg());
	for (i = 0; i < n_names + CROWD && (is_leased || n_there <= n_names); i++) {
		if (i >= CROWD && get_register(&crowd[i % CROWD]) < 0)
			bench_fail("register: %s", pyr_errmsg());
		if (i < n_names)
			start_register(&crowd[i % CROWD], i);
	}
}

/* "lookup:1000000" */
static const struct kind *read_mode(const char *text)
{
	size_t i, n = strcspn(text, ":");

	if (text[n])
		n_names = strtoull(text + n + 1, NULL, 10);
	if (n_names < CROWD || n_names > 1000000)
		bench_fail("'%s' has no number from %d to 1000000", text, CROWD);
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strlen(modes[i].name) == n && strncmp(modes[i].name, text, n) == 0)
			return &modes[i].kind;
	bench_fail("no mode '%s'", text);
}

int main(int argc, char **argv)
{
	struct bench_options options;
	const struct kind *kind;

	bench_start(&options, argc, argv, BENCH_CLIENT);
	kind = read_mode(options.mode);
	has_tags = kind->start == start_tags;
	is_leased = kind->get == get_renew || kind->get == get_arrive;
	snprintf(server_uri, sizeof(server_uri), "PYRO:%s@%s", pyrite_NAME_SERVER_ID,
		 options.address);
	server = pyrite_NameServer_proxy(server_uri);
	if (!server)
		return pyr_perror(server_uri);
	register_all();
	bench_measure(&options, flights, (void *)kind);
	pyrite_NameServer_free(server);
	return 0;
}
