/* SPDX-License-Identifier: MIT */
/*
 * Leases added and dropped. One lock for all keepers; under it calls are started and answers that
 * are in are taken, but nothing is waited for. A keeper is never freed while the process runs (its
 * secret must stay the same), but without leases it holds no connection and no timer.
 */
#include "naming/naming_lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "naming/naming_here.h"
#include "naming/naming_keeper.h"

static struct keeper *find_keeper(const char *server)
{
	struct keeper *keeper;

	for (keeper = keepers.first; keeper; keeper = keeper->next)
		if (strcmp(servers_text(keeper->servers), server) == 0)
			break;
	return keeper;
}

static struct keeper *make_keeper(const char *servers)
{
	struct keeper *keeper = calloc(1, sizeof(*keeper));
	struct uri_problem problem;

	if (!keeper)
		return NULL;
	keeper->servers = servers_open(servers, ENGINE_FOREVER, 0, &problem);
	if (!keeper->servers || !random_bytes(keeper->secret, LEASE_SECRET)) {
		servers_close(keeper->servers);
		free(keeper);
		return NULL;
	}
	keeper_init(keeper);
	keeper->next = keepers.first;
	keepers.first = keeper;
	return keeper;
}

int lease_secret(const char *server, uint8_t ret[LEASE_SECRET])
{
	struct keeper *keeper;

	if (engine_is_forked())
		return -PYR_FAILED_PRECONDITION;
	pthread_mutex_lock(&keepers.lock);
	keeper = find_keeper(server);
	if (!keeper)
		keeper = make_keeper(server);
	if (keeper)
		memcpy(ret, keeper->secret, LEASE_SECRET);
	pthread_mutex_unlock(&keepers.lock);
	return keeper ? 0 : -PYR_RESOURCE_EXHAUSTED;
}

/* Those of a name, but not what is shared beside a lease. beside: NULL: all. */
static void drop_leases(struct keeper *keeper, const char *name, const struct lease *beside)
{
	struct lease **place = &keeper->leases, *lease;

	while ((lease = *place) != NULL)
		if (strcmp(lease->name, name) != 0 ||
		    (beside && beside->is_shared && lease->is_shared &&
		     strcmp(lease->uri, beside->uri) != 0))
			place = &lease->next;
		else
			lease_unlink(place);
}

/* Returns false when memory is out. */
static bool copy_tags(const char *const *tags, size_t n_tags, struct pyr_string_seq *ret)
{
	size_t i, bytes = n_tags * sizeof(tags[0]);
	const char **items;
	char *text;

	*ret = (struct pyr_string_seq){ 0 };
	if (n_tags == 0)
		return true;
	for (i = 0; i < n_tags; i++)
		bytes += strlen(tags[i]) + 1;
	items = malloc(bytes);
	if (!items)
		return false;
	text = (char *)(items + n_tags);
	for (i = 0; i < n_tags; i++) {
		items[i] = text;
		text = stpcpy(text, tags[i]) + 1;
	}
	ret->n = n_tags;
	ret->items = items;
	return true;
}

static struct lease *make_lease(const struct lease_terms *terms, const struct lease_grant *grant)
{
	size_t n_name = strlen(terms->name) + 1, n_uri = strlen(terms->uri) + 1;
	size_t n_daemon = strlen(terms->daemon) + 1;
	size_t n_key = terms->is_shared ? n_name + n_uri : 0;
	struct lease *lease = calloc(1, sizeof(*lease) + n_name + n_uri + n_daemon + n_key);

	if (!lease || !copy_tags(terms->tags, terms->n_tags, &lease->tags)) {
		free(lease);
		return NULL;
	}
	lease->name = memcpy(lease + 1, terms->name, n_name);
	lease->uri = memcpy(lease->name + n_name, terms->uri, n_uri);
	lease->daemon = memcpy(lease->uri + n_uri, terms->daemon, n_daemon);
	lease->key = n_key ? lease->daemon + n_daemon : lease->name;
	if (n_key)
		snprintf(lease->key, n_key, "%s %s", terms->name, terms->uri);
	lease->is_shared = terms->is_shared;
	lease->ttl_ms = grant->ttl_ms;
	lease->generation = grant->generation;
	lease->ends = grant->asked_at + (int64_t)grant->ttl_ms * ENGINE_MS;
	if (!terms->on_lease)
		return lease;
	lease->told = told_new(terms->server, terms->name, terms->uri, terms->daemon,
			       terms->on_lease, terms->data);
	if (lease->told)
		return lease;
	lease_free(lease);
	return NULL;
}

/* With the lock: adds the lease, taken also on failure. */
static int add_lease(struct keeper *keeper, struct lease *lease)
{
	if (!keeper_attend(keeper)) {
		lease_free(lease);
		return -PYR_RESOURCE_EXHAUSTED;
	}
	drop_leases(keeper, lease->name, lease);
	lease->moment = ++keeper->moment;
	lease->next = keeper->leases;
	keeper->leases = lease;
	if (keeper_set_timer(keeper, lease->next))
		return 0;
	lease_unlink(lease_find(keeper, lease->key));
	return -PYR_RESOURCE_EXHAUSTED;
}

int lease_begin(const char *server)
{
	struct keeper *keeper;
	int status = -PYR_RESOURCE_EXHAUSTED;

	pthread_mutex_lock(&keepers.lock);
	keeper = find_keeper(server);
	if (!keeper)
		keeper = make_keeper(server);
	if (keeper && keeper_attend(keeper)) {
		keeper->n_users++;
		status = 0;
	}
	pthread_mutex_unlock(&keepers.lock);
	return status;
}

void lease_end(const char *server)
{
	struct keeper *keeper;

	pthread_mutex_lock(&keepers.lock);
	keeper = find_keeper(server);
	keeper->n_users--;
	keeper_rest(keeper);
	pthread_mutex_unlock(&keepers.lock);
}

int lease_keep(const struct lease_terms *terms, const struct lease_grant *grant)
{
	struct lease *lease;
	struct keeper *keeper;
	int status;

	told_end(terms->server, terms->name, terms->is_shared ? terms->uri : NULL, NULL);
	lease = make_lease(terms, grant);
	if (!lease)
		return -PYR_RESOURCE_EXHAUSTED;
	pthread_mutex_lock(&keepers.lock);
	keeper = find_keeper(terms->server);
	if (!keeper)
		keeper = make_keeper(terms->server);
	/* Looked at under the lock: lease_remove_daemon(), which comes after the daemon said that
	 * it closes, sees the lease, or this sees the daemon close. */
	if (naming_place_of(terms->daemon) != NAMING_HERE) {
		lease_free(lease);
		status = -PYR_FAILED_PRECONDITION;
	} else if (keeper) {
		status = add_lease(keeper, lease);
		keeper_rest(keeper);
	} else {
		lease_free(lease);
		status = -PYR_RESOURCE_EXHAUSTED;
	}
	pthread_mutex_unlock(&keepers.lock);
	return status;
}

int lease_set_tags(const char *server, const char *name, const char *const *tags, size_t n_tags)
{
	struct pyr_string_seq copy;
	struct keeper *keeper;
	struct lease *lease;
	int status = 0;

	pthread_mutex_lock(&keepers.lock);
	keeper = find_keeper(server);
	for (lease = keeper ? keeper->leases : NULL; lease; lease = lease->next) {
		if (strcmp(lease->name, name) != 0)
			continue;
		if (!copy_tags(tags, n_tags, &copy)) {
			status = -PYR_RESOURCE_EXHAUSTED;
			break;
		}
		free(lease->tags.items);
		lease->tags = copy;
	}
	pthread_mutex_unlock(&keepers.lock);
	return status;
}

void lease_drop(const char *server, const char *name)
{
	struct keeper *keeper;

	pthread_mutex_lock(&keepers.lock);
	keeper = find_keeper(server);
	if (keeper) {
		drop_leases(keeper, name, NULL);
		keeper_rest(keeper);
	}
	pthread_mutex_unlock(&keepers.lock);
	told_end(server, name, NULL, NULL);
}

bool lease_holds(const char *server, const char *name)
{
	int64_t now = engine_now();
	struct keeper *keeper;
	struct lease *lease;
	bool holds = false;

	if (engine_is_forked())
		return false; /* its parent may */
	pthread_mutex_lock(&keepers.lock);
	keeper = find_keeper(server);
	for (lease = keeper ? keeper->leases : NULL; lease && !holds; lease = lease->next)
		holds = strcmp(lease->name, name) == 0 && now < lease->ends;
	pthread_mutex_unlock(&keepers.lock);
	return holds;
}

static pyr_future *start_removal(struct keeper *keeper, const struct lease *lease)
{
	struct pyrite_NameClaim claim = { .secret = { LEASE_SECRET, keeper->secret } };

	if (lease->is_shared)
		return pyrite_NameServer_remove_share_start(keeper->proxy, lease->name, lease->uri,
							    &claim);
	return pyrite_NameServer_remove_start(keeper->proxy, lease->name, &claim);
}

/* With the lock: starts to remove the daemon's names there. Returns the calls, oldest last. */
static struct renewal *start_removals(struct keeper *keeper, const char *daemon,
				      struct renewal *calls)
{
	struct lease **place = &keeper->leases, *lease;
	struct renewal *call;

	while ((lease = *place) != NULL) {
		if (strcmp(lease->daemon, daemon) != 0) {
			place = &lease->next;
			continue;
		}
		call = malloc(sizeof(*call));
		if (call) {
			call->future = start_removal(keeper, lease);
			call->next = calls;
			calls = call;
		}
		lease_unlink(place);
	}
	return calls;
}

static void wait_for_removals(struct renewal *calls, int64_t until)
{
	struct renewal *call;
	int64_t left;

	while ((call = calls) != NULL) {
		calls = call->next;
		left = (until - engine_now()) / ENGINE_MS;
		/* what is not answered in time lapses with its lease */
		(void)pyr_future_wait(call->future, left > 0 ? left : 0);
		pyr_future_free(call->future);
		free(call);
	}
}

void lease_remove_daemon(const char *daemon, int64_t wait_ms)
{
	struct renewal *calls = NULL;
	struct keeper *keeper;

	pthread_mutex_lock(&keepers.lock);
	for (keeper = keepers.first; keeper; keeper = keeper->next) {
		calls = start_removals(keeper, daemon, calls);
		keeper->n_users++;
	}
	pthread_mutex_unlock(&keepers.lock);
	wait_for_removals(calls, engine_now() + wait_ms * ENGINE_MS);
	pthread_mutex_lock(&keepers.lock);
	for (keeper = keepers.first; keeper; keeper = keeper->next) {
		keeper->n_users--;
		keeper_rest(keeper);
	}
	pthread_mutex_unlock(&keepers.lock);
	told_end(NULL, NULL, NULL, daemon);
}

void lease_each(const char *daemon, void (*fn)(void *data, const char *name, const char *uri),
		void *data)
{
	struct keeper *keeper;
	struct lease *lease;

	pthread_mutex_lock(&keepers.lock);
	for (keeper = keepers.first; keeper; keeper = keeper->next)
		for (lease = keeper->leases; lease; lease = lease->next)
			if (strcmp(lease->daemon, daemon) == 0)
				fn(data, lease->name, lease->uri);
	pthread_mutex_unlock(&keepers.lock);
}
