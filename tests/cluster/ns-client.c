/* SPDX-License-Identifier: MIT */
/*
 * ns-client [-p PAUSE_MS] [-r | -o] NAME...: a program that uses names, as any would. It looks
 * each up in turn, again and again, at the name servers that PYRITE_NS_HOST names; -r: registers
 * each instead, for good; -o: does so at the only one, and goes on without waiting for the answer.
 * Prints a line of JSON for each: when it began, ns of CLOCK_MONOTONIC, how long it took, and what
 * came of it. Ends when its stdin does.
 */
#include <inttypes.h>
#include <poll.h>
#include <pyrite/naming.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void tell(const char *name, int64_t begin, int status, const struct pyr_ns_entry *entry)
{
	printf("{\"name\":\"%s\",\"begin\":%" PRId64 ",\"took\":%" PRId64 ",\"code\":%d", name,
	       begin, now_ns() - begin, -status);
	if (entry)
		printf(",\"uri\":\"%s\",\"generation\":%" PRIu64 ",\"age_ms\":%" PRId64, entry->uri,
		       pyr_ns_entry_generation(entry), pyr_ns_entry_age_ms(entry));
	puts("}");
}

static void look_up(pyr_ns *ns, const char *name)
{
	int64_t begin = now_ns();
	struct pyr_ns_entry *entry = NULL;
	int status = pyr_ns_lookup_entry(ns, name, &entry);

	tell(name, begin, status, entry);
	if (status == 0)
		pyr_free(entry);
}

static void enter(pyr_ns *ns, const char *name, uint64_t n)
{
	struct pyr_ns_register_options options = { .replace = true };
	int64_t begin = now_ns();
	char uri[64];

	snprintf(uri, sizeof(uri), "PYRO:client%" PRIu64 "@h:1", n);
	tell(name, begin, pyr_ns_register_with(ns, name, uri, &options), NULL);
}

/* ---- without waiting ---- */

struct started {
	const char *name;
	int64_t begin;
};

static atomic_int n_open;

static void on_answer(pyr_future *future, void *data)
{
	struct started *started = data;
	struct pyrite_NameGrant *grant = NULL;
	int status = pyrite_NameServer_register_name_get(future, &grant);

	tell(started->name, started->begin, status, NULL);
	if (status == 0)
		pyr_free(grant);
	free(started);
	atomic_fetch_sub(&n_open, 1);
}

static void start(struct pyrite_NameServer *server, const char *name, uint64_t n)
{
	struct started *started = calloc(1, sizeof(*started));
	const struct pyrite_NameTerms terms = { .replace = true };
	const struct pyrite_NameClaim claim = { 0 };
	pyr_future *future;
	char uri[64];

	snprintf(uri, sizeof(uri), "PYRO:client%" PRIu64 "@h:1", n);
	*started = (struct started){ name, now_ns() };
	atomic_fetch_add(&n_open, 1);
	future = pyrite_NameServer_register_name_start(server, name, uri, &terms, &claim);
	if (pyr_future_then(future, on_answer, started) < 0)
		exit(pyr_perror(name));
}

/* ---- all of it ---- */

static struct pyrite_NameServer *server_of(const pyr_ns *ns)
{
	struct pyr_proxy_options options = { .timeout_ms = 5000 };
	struct pyrite_NameServer *server;
	char uri[300];

	snprintf(uri, sizeof(uri), "PYRO:%s@%s", pyrite_NAME_SERVER_ID, pyr_ns_address(ns));
	server = pyrite_NameServer_proxy_with(uri, &options);
	if (!server)
		exit(pyr_perror(uri));
	return server;
}

/* Returns whether stdin has ended within that time. */
static bool is_over(int pause_ms)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&in, 1, pause_ms) != 0;
}

int main(int argc, char **argv)
{
	int option, first, i, kind = 'l', pause_ms = 10;
	struct pyrite_NameServer *server = NULL;
	uint64_t n = 0;
	pyr_ns *ns;

	while ((option = getopt(argc, argv, "p:ro")) != -1) {
		if (option == '?')
			return 2;
		if (option == 'p')
			pause_ms = atoi(optarg);
		else
			kind = option;
	}
	first = optind;
	ns = pyr_ns_locate(NULL);
	if (!ns)
		return pyr_perror("ns-client");
	if (kind == 'o')
		server = server_of(ns);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = first; i < argc && !is_over(pause_ms); i = i + 1 < argc ? i + 1 : first) {
		if (kind == 'l')
			look_up(ns, argv[i]);
		else if (kind == 'r')
			enter(ns, argv[i], n++);
		else
			start(server, argv[i], n++);
	}
	while (atomic_load(&n_open) > 0)
		(void)poll(NULL, 0, 10); /* each has a deadline */
	pyrite_NameServer_free(server);
	pyr_ns_free(ns);
	return 0;
}
