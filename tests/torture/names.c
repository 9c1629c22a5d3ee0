/* SPDX-License-Identifier: MIT */
/* Names: registered, looked up, watched, and proxies that are made of them. The name server is a
 * process of its own, in which nothing fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "place.h"

static char address[64], ns_uri[128];
static pid_t ns_pid;

static bool start_name_server(void)
{
	const char *bin = getenv("PYRITE_BIN");
	char command[600], line[200];

	snprintf(command, sizeof(command), "%s/pyrite-ns", bin ? bin : ".");
	ns_pid = start_program((const char *[]){ command, "--port", "0", "--discovery", "0",
						 "--storage", "memory", NULL },
			       line, sizeof(line));
	if (ns_pid < 0 || sscanf(line, "NS running on %63s", address) != 1)
		return false;
	snprintf(ns_uri, sizeof(ns_uri), "PYRONAME:thing@%s", address);
	return true;
}

static void stop_name_server(void)
{
	stop_program(ns_pid);
}

static int named_part(struct place *place, pyr_ns *ns)
{
	static const char *const tags[] = { "wet", "cold" };
	struct pyr_ns_register_options options = { .tags = tags, .n_tags = 2, .replace = true };
	struct pyr_ns_entries *entries = NULL;
	struct pyr_ns_entry *entry = NULL;
	struct pyr_ns_removal removal;
	char *uri = NULL;
	int status;

	TRY(pyr_ns_register_with(ns, "thing", place->uri, &options));
	TRY(pyr_ns_lookup(ns, "thing", &uri));
	EXPECT(strcmp(uri, place->uri) == 0);
	TRY(pyr_ns_lookup_entry(ns, "thing", &entry));
	EXPECT(entry->n_tags == 2);
	TRY(pyr_ns_list_metadata_all(ns, tags, 2, &entries));
	EXPECT(entries->n == 1);
	TRY(pyr_ns_set_metadata(ns, "thing", tags, 1));
	TRY(pyr_ns_remove_prefix(ns, "thi", &removal));
out:
	pyr_free(uri);
	pyr_free(entry);
	pyr_free(entries);
	return status;
}

/* What the fault has left there is taken away, so that the next run finds nothing. */
static void forget_names(void)
{
	pyr_ns *ns = pyr_ns_locate(address);
	struct pyr_ns_removal removal;

	if (!ns)
		return;
	pyr_ns_set_force(ns, true);
	if (pyr_ns_remove_prefix(ns, "thing", &removal) < 0 ||
	    pyr_ns_remove_prefix(ns, "shared", &removal) < 0)
		fprintf(stderr, "names stay: %s\n", pyr_errmsg());
	pyr_ns_free(ns);
}

static int named(void)
{
	struct pyr_daemon_options options = { .threads = 2 };
	struct place place;
	pyr_ns *ns = NULL;
	int status;

	TRY(place_open(&place, &options));
	GET(ns, pyr_ns_locate(address));
	status = named_part(&place, ns);
out:
	pyr_ns_free(ns);
	return place_close(&place, status);
}

static int by_name(void)
{
	struct pyr_daemon_options options = { .threads = 2 };
	struct pyr_proxy_options to = proxy_options(PYR_LANE_SOCKET);
	struct things_Thing *thing = NULL;
	struct place place;
	pyr_ns *ns = NULL;
	int status;

	TRY(place_open(&place, &options));
	GET(ns, pyr_ns_locate(address));
	TRY(pyr_ns_register(ns, "thing", place.uri));
	GET(thing, things_Thing_proxy_with(ns_uri, &to));
	status = part_add(&place, thing);
out:
	things_Thing_free(thing);
	pyr_ns_free(ns);
	return place_close(&place, status);
}

static void on_lease(const struct pyr_ns_lease_event *event, void *data)
{
	(void)event;
	(void)data;
}

/* The same with a lease that is watched, and a proxy of all that has the tag. */
static int by_tag(void)
{
	static const char *const tags[] = { "wet" };
	const struct pyr_ns_register_options with_tag = { .tags = tags,
							  .n_tags = 1,
							  .on_lease = on_lease };
	struct pyr_daemon_options options = { .threads = 2 };
	struct pyr_proxy_options to = proxy_options(PYR_LANE_SOCKET);
	struct things_Thing *thing = NULL;
	struct place place;
	pyr_ns *ns = NULL;
	char uri[128];
	int status;

	TRY(place_open(&place, &options));
	GET(ns, pyr_ns_locate(address));
	TRY(pyr_ns_register_with(ns, "thing", place.uri, &with_tag));
	snprintf(uri, sizeof(uri), "PYROMETA:wet@%s", address);
	GET(thing, things_Thing_proxy_with(uri, &to));
	status = part_add(&place, thing);
out:
	things_Thing_free(thing);
	pyr_ns_free(ns);
	return place_close(&place, status);
}

/* One proxy of two daemons that share a name. */
static int shared(void)
{
	const struct pyr_ns_register_options as_shared = { .shared = true };
	struct pyr_daemon_options options = { .threads = 2 };
	struct pyr_proxy_options to = proxy_options(PYR_LANE_SOCKET);
	struct things_Thing *thing = NULL;
	struct place first, second = { 0 };
	pyr_ns *ns = NULL;
	char uri[128];
	int status;

	TRY(place_open(&first, &options));
	TRY(place_open(&second, &options));
	GET(ns, pyr_ns_locate(address));
	TRY(pyr_ns_register_with(ns, "shared", first.uri, &as_shared));
	TRY(pyr_ns_register_with(ns, "shared", second.uri, &as_shared));
	snprintf(uri, sizeof(uri), "PYRONAME:shared@%s", address);
	GET(thing, things_Thing_proxy_with(uri, &to));
	TRY(part_add(&first, thing));
	status = part_add(&first, thing);
out:
	things_Thing_free(thing);
	pyr_ns_free(ns);
	status = place_close(&second, status);
	return place_close(&first, status);
}

/* ---- watching ---- */

struct seen {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_ready, is_over;
};

static void see(const struct pyr_ns_event *event, void *data)
{
	struct seen *seen = data;

	pthread_mutex_lock(&seen->lock);
	seen->is_ready |= event->kind == PYR_NS_READY;
	seen->is_over |= event->kind == PYR_NS_READY || event->kind == PYR_NS_LOST;
	pthread_cond_signal(&seen->changed);
	pthread_mutex_unlock(&seen->lock);
}

static int watched(void)
{
	struct seen seen = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false };
	pyr_ns_watcher *watcher = NULL;
	pyr_ns *ns = NULL;
	int status = 0;

	GET(ns, pyr_ns_locate(address));
	GET(watcher, pyr_ns_watch(ns, NULL, see, &seen));
	pthread_mutex_lock(&seen.lock);
	while (!seen.is_over) /* the alarm bounds it */
		pthread_cond_wait(&seen.changed, &seen.lock);
	if (!seen.is_ready)
		status = -PYR_UNAVAILABLE;
	pthread_mutex_unlock(&seen.lock);
out:
	pyr_ns_watcher_free(watcher);
	pyr_ns_free(ns);
	return status;
}

/* ---- pyr_serve() ---- */

static int on_ready(pyr_daemon *daemon, void *data)
{
	(void)data;
	pyr_daemon_stop(daemon);
	return 0;
}

static int served(void)
{
	struct pyr_daemon_options daemon = { .threads = 2 };
	struct pyr_serve_options options = {
		.daemon = &daemon, .ns = address, .ready = "", .on_ready = on_ready
	};
	struct place place = { 0 };
	int status = pyr_serve(
		&options, (struct pyr_export[]){
				  things_Thing_export("thing", &thing_methods, &place), { 0 } });

	if (status < 0)
		note("pyr_serve()", status);
	return status;
}

/* Names of a daemon whose run has failed are not registered. */
#define OF_STOPPED ALSO(PYR_FAILED_PRECONDITION)

const struct scenario name_scenarios[] = {
	{ .name = "names",
	  .run = named,
	  .open = start_name_server,
	  .close = stop_name_server,
	  .tidy = forget_names,
	  .also = OF_STOPPED },
	{ .name = "proxy-by-name",
	  .run = by_name,
	  .open = start_name_server,
	  .close = stop_name_server,
	  .tidy = forget_names,
	  .also = OF_STOPPED },
	{ .name = "proxy-by-tag",
	  .run = by_tag,
	  .open = start_name_server,
	  .close = stop_name_server,
	  .tidy = forget_names,
	  .also = OF_STOPPED },
	{ .name = "shared-name",
	  .run = shared,
	  .open = start_name_server,
	  .close = stop_name_server,
	  .tidy = forget_names,
	  .also = OF_STOPPED },
	{ .name = "names-watched",
	  .run = watched,
	  .open = start_name_server,
	  .close = stop_name_server,
	  .tidy = forget_names,
	  .also = OF_STOPPED },
	{ .name = "serve",
	  .run = served,
	  .open = start_name_server,
	  .close = stop_name_server,
	  .tidy = forget_names,
	  .also = OF_STOPPED },
	{ 0 },
};
