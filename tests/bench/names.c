/* SPDX-License-Identifier: MIT */
/*
 * The name server's client of the measurements: bench-names ADDRESS MODE [-n N]. Modes: register
 * and lookup, of a thousand names in turn, N requests in flight.
 */
#include <pyrite/naming.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"

enum { NAMES = 1000 };

struct request {
	pyr_future *future;
	int64_t since;
};

static struct pyrite_NameServer *server;

static void start_register(struct request *request, uint64_t i)
{
	static const struct pyrite_NameTerms terms = { .replace = true };
	static const struct pyrite_NameClaim claim;
	char name[32];

	snprintf(name, sizeof(name), "bench.%06u", (unsigned)(i % NAMES));
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

	snprintf(name, sizeof(name), "bench.%06u", (unsigned)(i % NAMES));
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

struct kind {
	void (*start)(struct request *request, uint64_t i);
	int (*get)(struct request *request);
};
static const struct kind registration = { start_register, get_register };
static const struct kind look_up = { start_lookup, get_lookup };

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
	struct request request;
	uint64_t i;

	for (i = 0; i < NAMES; i++) {
		start_register(&request, i);
		if (get_register(&request) < 0)
			bench_fail("register: %s", pyr_errmsg());
	}
}

int main(int argc, char **argv)
{
	struct bench_options options;
	char uri[300];

	bench_start(&options, argc, argv, BENCH_CLIENT);
	snprintf(uri, sizeof(uri), "PYRO:%s@%s", pyrite_NAME_SERVER_ID, options.address);
	server = pyrite_NameServer_proxy(uri);
	if (!server)
		return pyr_perror(uri);
	register_all();
	if (strcmp(options.mode, "register") == 0)
		bench_measure(&options, flights, (void *)&registration);
	else if (strcmp(options.mode, "lookup") == 0)
		bench_measure(&options, flights, (void *)&look_up);
	else
		bench_fail("no mode '%s'", options.mode);
	pyrite_NameServer_free(server);
	return 0;
}
