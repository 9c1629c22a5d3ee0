/* SPDX-License-Identifier: MIT */
/* Name servers that are looked for: in the environment, by DNS and by UDP, some of them down; and
 * leases that are renewed and taken away. The name server and what answers the search are processes
 * in which nothing fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pyrite/settings.h>

#include "place.h"

static pid_t ns_pid, answers_pid;
static char ns_address[64];

static bool start_ns(void)
{
	const char *bin = getenv("PYRITE_BIN");
	char command[600], line[200];

	snprintf(command, sizeof(command), "%s/pyrite-ns", bin ? bin : ".");
	ns_pid = start_program((const char *[]){ command, "--port", "0", "--discovery", "0",
						 "--storage", "memory", NULL },
			       line, sizeof(line));
	return ns_pid > 0 && sscanf(line, "NS running on %63s", ns_address) == 1;
}

static void stop_ns(void)
{
	stop_program(ns_pid);
}

static bool start_answers(const char *kind, char *ret, size_t size)
{
	const char *source = getenv("PYRITE_SOURCE");
	char script[600];

	snprintf(script, sizeof(script), "%s/tests/torture/answers.py", source ? source : ".");
	answers_pid = start_program(
		(const char *[]){ script, kind, strrchr(ns_address, ':') + 1, NULL }, ret, size);
	ret[strcspn(ret, "\n")] = '\0';
	return answers_pid > 0;
}

static void stop_both(void)
{
	stop_program(answers_pid);
	stop_ns();
}

static bool open_dns(void)
{
	char at[64];

	return start_ns() && start_answers("dns", at, sizeof(at)) &&
	       setenv("PYRITE_NS_DOMAIN", "example.test", 1) == 0 &&
	       setenv("PYRITE_NS_DNS", at, 1) == 0;
}

static bool open_udp(void)
{
	char at[64];

	return start_ns() && start_answers("udp", at, sizeof(at)) &&
	       setenv("PYRITE_NS_BROADCAST", at, 1) == 0;
}

/* The first of two name servers is down. */
static bool open_list(void)
{
	char list[128];

	snprintf(list, sizeof(list), "127.0.0.1:1,");
	return start_ns() && strcat(list, ns_address) && setenv("PYRITE_NS_HOST", list, 1) == 0;
}

/* ---- searches ---- */

/* Without memory a step says so, and the search goes on to the next. */
static int searched(const char *expected)
{
	struct pyr_ns_search *search = NULL;
	int status;

	TRY(pyr_ns_find(&search));
	if (!search->servers)
		status = note(search->problem, -PYR_UNAVAILABLE);
	else if (!strstr(search->servers, expected))
		status = note(search->servers, -PYR_UNAVAILABLE);
out:
	pyr_free(search);
	return status;
}

static int registered(void)
{
	struct pyr_daemon_options options = { .threads = 2 };
	static const char *const tags[] = { "wet" };
	const struct pyr_ns_register_options with_tag = { .tags = tags, .n_tags = 1 };
	struct pyr_daemon_objects *objects = NULL;
	struct pyr_proxy_options to = proxy_options(PYR_LANE_SOCKET);
	struct things_Thing *thing = NULL;
	struct place place;
	pyr_ns *ns = NULL;
	char *uri = NULL;
	int status;

	TRY(place_open(&place, &options));
	GET(ns, pyr_ns_locate(NULL));
	TRY(pyr_ns_register_with(ns, "thing", place.uri, &with_tag));
	TRY(pyr_ns_lookup(ns, "thing", &uri));
	EXPECT(strcmp(uri, place.uri) == 0);
	GET(thing, things_Thing_proxy_with("PYROMETA:wet", &to));
	TRY(part_add(&place, thing));
	pthread_mutex_lock(&place.lock);
	status = place.daemon ? pyr_daemon_list(place.daemon, &objects) : -PYR_UNAVAILABLE;
	pthread_mutex_unlock(&place.lock);
	TRY(status);
	EXPECT(objects->n >= 1);
	TRY(pyr_ns_remove(ns, "thing"));
	status = 0;
out:
	pyr_free(uri);
	pyr_free(objects);
	things_Thing_free(thing);
	pyr_ns_free(ns);
	return place_close(&place, status);
}

static int found_listed(void)
{
	int status;

	TRY(searched("127.0.0.1:1"));
	status = registered();
out:
	return status;
}

static int found_by_dns(void)
{
	int status;

	TRY(searched("localhost"));
	status = registered();
out:
	return status;
}

static int found_by_udp(void)
{
	int status;

	TRY(searched(ns_address));
	status = registered();
out:
	return status;
}

static void forget(void)
{
	pyr_ns *ns = pyr_ns_locate(ns_address);
	struct pyr_ns_removal removal;

	if (!ns)
		return;
	pyr_ns_set_force(ns, true);
	if (pyr_ns_remove_prefix(ns, "thing", &removal) < 0)
		fprintf(stderr, "names stay: %s\n", pyr_errmsg());
	pyr_ns_free(ns);
}

/* ---- leases ---- */

static bool open_leases(void)
{
	return start_ns() && setenv("PYRITE_LEASE_TTL_MS", "100", 1) == 0;
}

static void on_taken(const struct pyr_ns_lease_event *event, void *data)
{
	if (event->state == PYR_LEASE_TAKEN)
		atomic_store((atomic_bool *)data, true);
}

/* A process of its own: what this one removes was not taken from it. */
static bool remove_elsewhere(void)
{
	const char *bin = getenv("PYRITE_BIN");
	char path[600], line[64];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/torture", bin ? bin : ".");
	pid = start_program((const char *[]){ path, "--remove", ns_address, NULL }, line,
			    sizeof(line));
	if (pid > 0)
		stop_program(pid);
	return pid > 0;
}

int remove_name(const char *address)
{
	pyr_ns *ns = pyr_ns_locate(address);
	int status;

	if (!ns)
		return 1;
	pyr_ns_set_force(ns, true);
	status = pyr_ns_remove(ns, "thing");
	pyr_ns_free(ns);
	if (status < 0 && status != -PYR_NOT_FOUND)
		return 1;
	puts("removed");
	return 0;
}

/* Another client removes the name by force; the next renewal tells so. Only if there is no memory
 * to tell it, it is not told. */
static int leased(void)
{
	struct pyr_daemon_options options = { .threads = 2 };
	static atomic_bool is_taken;
	const struct pyr_ns_register_options watched = { .on_lease = on_taken, .data = &is_taken };
	struct place place;
	pyr_ns *ns = NULL;
	int status, i;

	atomic_store(&is_taken, false);
	TRY(place_open(&place, &options));
	GET(ns, pyr_ns_locate(ns_address));
	TRY(pyr_ns_register_with(ns, "thing", place.uri, &watched));
	if (!remove_elsewhere())
		return place_close(&place, note_wrong("the name cannot be removed"));
	for (i = 0; !atomic_load(&is_taken) && i < 1000; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	if (!atomic_load(&is_taken))
		status = note("the lease that was taken", -PYR_UNAVAILABLE);
out:
	pyr_ns_free(ns);
	return place_close(&place, status);
}

#define OF_NAMES ALSO(PYR_FAILED_PRECONDITION) | ALSO(PYR_NOT_FOUND)

const struct scenario found_scenarios[] = {
	{ .name = "servers-listed",
	  .run = found_listed,
	  .open = open_list,
	  .close = stop_ns,
	  .tidy = forget,
	  .also = OF_NAMES },
	{ .name = "servers-by-dns",
	  .run = found_by_dns,
	  .open = open_dns,
	  .close = stop_both,
	  .tidy = forget,
	  .also = OF_NAMES },
	{ .name = "servers-by-udp",
	  .run = found_by_udp,
	  .open = open_udp,
	  .close = stop_both,
	  .tidy = forget,
	  .also = OF_NAMES },
	{ .name = "lease-taken",
	  .run = leased,
	  .open = open_leases,
	  .close = stop_ns,
	  .tidy = forget,
	  .also = OF_NAMES },
	{ 0 },
};
