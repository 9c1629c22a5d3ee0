/* SPDX-License-Identifier: MIT */
/*
 * ns-client [-p PAUSE_MS] [-r] NAME...: a program that uses names, as any would. It looks each up
 * in turn, again and again, at the name server that PYRITE_NS_HOST names; -r: registers each
 * instead, for good. Prints a line of JSON for each: when it began, ns of CLOCK_MONOTONIC, how long
 * it took, and what came of it. Ends when its stdin does.
 */
#include <inttypes.h>
#include <poll.h>
#include <pyrite/pyrite.h>
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

/* Returns whether stdin has ended within that time. */
static bool is_over(int pause_ms)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&in, 1, pause_ms) != 0;
}

int main(int argc, char **argv)
{
	int option, first, i, pause_ms = 10;
	bool registers = false;
	uint64_t n = 0;
	pyr_ns *ns;

	while ((option = getopt(argc, argv, "p:r")) != -1) {
		if (option == '?')
			return 2;
		registers = registers || option == 'r';
		pause_ms = option == 'p' ? atoi(optarg) : pause_ms;
	}
	first = optind;
	ns = pyr_ns_locate(NULL);
	if (!ns)
		return pyr_perror("ns-client");
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = first; i < argc && !is_over(pause_ms); i = i + 1 < argc ? i + 1 : first) {
		if (registers)
			enter(ns, argv[i], n++);
		else
			look_up(ns, argv[i]);
	}
	pyr_ns_free(ns);
	return 0;
}
