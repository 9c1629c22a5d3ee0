/* SPDX-License-Identifier: MIT */
/*
 * bench-names N: how many registrations and look-ups a second the name server answers to one
 * connection, one after the other and 64 at once. Where it is, is left to the environment.
 */
#include <pyrite/naming.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { AT_ONCE = 64 };

static struct pyrite_NameServer *server;

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static pyr_future *start_register(int i)
{
	static const struct pyrite_NameTerms terms = { .replace = true };
	static const struct pyrite_NameClaim claim;
	char name[32];

	snprintf(name, sizeof(name), "rate.%06d", i);
	return pyrite_NameServer_register_name_start(server, name, "PYRO:some.object@h:12345",
						     &terms, &claim);
}

static int get_register(pyr_future *future)
{
	struct pyrite_NameGrant *grant;
	int status = pyrite_NameServer_register_name_get(future, &grant);

	if (status == 0)
		pyr_free(grant);
	return status;
}

static pyr_future *start_lookup(int i)
{
	char name[32];

	snprintf(name, sizeof(name), "rate.%06d", i);
	return pyrite_NameServer_lookup_start(server, name);
}

static int get_lookup(pyr_future *future)
{
	char *uri;
	int status = pyrite_NameServer_lookup_get(future, &uri);

	if (status == 0)
		pyr_free(uri);
	return status;
}

struct call {
	const char *name;
	pyr_future *(*start)(int i);
	int (*get)(pyr_future *future);
};

/* Prints calls a second with so many at once. */
static int measure(const struct call *call, int n, int at_once)
{
	pyr_future *futures[AT_ONCE];
	double began = now_s();
	int i;

	for (i = 0; i < n + at_once; i++) {
		if (i >= at_once && call->get(futures[i % at_once]) < 0)
			return pyr_perror(call->name);
		if (i < n)
			futures[i % at_once] = call->start(i);
	}
	printf("%s, %d at once: %.0f/s\n", call->name, at_once, n / (now_s() - began));
	return 0;
}

int main(int argc, char **argv)
{
	static const struct call calls[] = {
		{ "registrations", start_register, get_register },
		{ "look-ups", start_lookup, get_lookup },
	};
	int n = argc > 1 ? atoi(argv[1]) : 1000, status = 0;
	pyr_ns *ns = pyr_ns_locate(NULL);
	char uri[300];
	size_t i;

	if (!ns)
		return pyr_perror("bench-names");
	snprintf(uri, sizeof(uri), "PYRO:%s@%s", pyrite_NAME_SERVER_ID, pyr_ns_address(ns));
	server = pyrite_NameServer_proxy(uri);
	for (i = 0; i < 2 && status == 0; i++) {
		status = measure(&calls[i], n, 1);
		if (status == 0)
			status = measure(&calls[i], n * 10, AT_ONCE);
	}
	if (status == 0 && pyr_ns_remove_prefix(ns, "rate.", NULL) < 0)
		status = pyr_perror("bench-names");
	pyrite_NameServer_free(server);
	pyr_ns_free(ns);
	return status;
}
