/* SPDX-License-Identifier: MIT */
/*
 * One lock for all keepers; under it calls are started and answers that are in are taken, but
 * nothing is waited for. A keeper is never freed while the process runs (its secret must stay the
 * same), but without leases it holds no connection and no timer.
 */
#include "naming/naming_lease.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/random.h"
#include "engine/engine.h"
#include "naming/naming_here.h"

enum {
	BATCH = 128,        /* names in one renewal: some 35 KiB at most */
	FIRST_LOOK_MS = 10, /* for the answer of a renewal */
	LAST_LOOK_MS = 320,
	CALL_MS = 5000 /* an answer is waited for */
};

struct lease {
	struct lease *next;
	char *name, *uri, *daemon; /* one block with the lease, as is: */
	char *key;                 /* its name, or "name uri" if that is shared */
	bool is_shared;
	struct pyr_string_seq tags; /* one block, NULL without */
	uint32_t ttl_ms;
	uint64_t moment;         /* when it was kept */
	bool is_refused;         /* the last time it was told again: said once */
	pyr_future *registering; /* told again to a name server that forgot it */
};

/* A renewal on its way. */
struct renewal {
	struct renewal *next;
	pyr_future *future;
	uint64_t moment; /* it knows nothing of later leases */
};

struct keeper {
	struct engine_timer timer; /* first */
	struct keeper *next;
	char *server;
	uint8_t secret[LEASE_SECRET];
	struct pyrite_NameServer *proxy; /* while there are leases */
	struct lease *leases;
	struct renewal *renewals;
	pyr_future *attending; /* a call that lasts as long as the connection: we are there */
	uint64_t moment;       /* counts leases and renewals */
	int64_t round_at;      /* when the next round of renewals begins */
	uint32_t look_ms;
	bool is_failing;    /* the last round failed: told once */
	unsigned n_closing; /* threads that wait for removals on the proxy */
};

static struct {
	pthread_mutex_t lock;
	struct keeper *keepers;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void fire(struct engine_timer *timer);

static struct keeper *find_keeper(const char *server)
{
	struct keeper *keeper;

	for (keeper = all.keepers; keeper; keeper = keeper->next)
		if (strcmp(keeper->server, server) == 0)
			break;
	return keeper;
}

static struct keeper *make_keeper(const char *server)
{
	struct keeper *keeper = calloc(1, sizeof(*keeper) + strlen(server) + 1);

	if (!keeper)
		return NULL;
	if (!random_bytes(keeper->secret, LEASE_SECRET)) {
		free(keeper);
		return NULL;
	}
	keeper->timer.fire = fire;
	keeper->server = strcpy((char *)(keeper + 1), server);
	keeper->next = all.keepers;
	all.keepers = keeper;
	return keeper;
}

int lease_secret(const char *server, uint8_t ret[LEASE_SECRET])
{
	struct keeper *keeper;

	pthread_mutex_lock(&all.lock);
	keeper = find_keeper(server);
	if (!keeper)
		keeper = make_keeper(server);
	if (keeper)
		memcpy(ret, keeper->secret, LEASE_SECRET);
	pthread_mutex_unlock(&all.lock);
	return keeper ? 0 : -PYR_RESOURCE_EXHAUSTED;
}

static struct lease **find_lease(struct keeper *keeper, const char *key)
{
	struct lease **place;

	for (place = &keeper->leases; *place; place = &(*place)->next)
		if (strcmp((*place)->key, key) == 0)
			break;
	return place;
}

static void free_lease(struct lease *lease)
{
	pyr_future_free(lease->registering);
	free(lease->tags.items);
	free(lease);
}

static void unlink_lease(struct lease **place)
{
	struct lease *lease = *place;

	*place = lease->next;
	free_lease(lease);
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
			unlink_lease(place);
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

static struct lease *make_lease(const struct lease_terms *terms, uint32_t ttl_ms)
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
	lease->ttl_ms = ttl_ms;
	return lease;
}

/* Without leases: lets go of the connection. The timer may still fire once, and finds nothing. */
static void rest(struct keeper *keeper)
{
	struct renewal *renewal;

	if (keeper->leases || keeper->n_closing > 0)
		return;
	while ((renewal = keeper->renewals) != NULL) {
		keeper->renewals = renewal->next;
		pyr_future_free(renewal->future);
		free(renewal);
	}
	pyr_future_free(keeper->attending);
	keeper->attending = NULL;
	pyrite_NameServer_free(keeper->proxy);
	keeper->proxy = NULL;
}

static int64_t in_ms(int64_t ms)
{
	return engine_now() + ms * ENGINE_MS;
}

/* Three tenths of the shortest lease. */
static int64_t next_round(const struct keeper *keeper)
{
	const struct lease *lease;
	uint32_t ttl_ms = UINT32_MAX;

	for (lease = keeper->leases; lease; lease = lease->next)
		if (lease->ttl_ms < ttl_ms)
			ttl_ms = lease->ttl_ms;
	return in_ms((int64_t)ttl_ms * 3 / 10);
}

static struct pyrite_NameServer *make_proxy(const char *server)
{
	struct pyr_proxy_options options = { .timeout_ms = CALL_MS };
	char uri[sizeof("PYRO:" pyrite_NAME_SERVER_ID "@") + 300];

	snprintf(uri, sizeof(uri), "PYRO:%s@%s", pyrite_NAME_SERVER_ID, server);
	return pyrite_NameServer_proxy_with(uri, &options);
}

/* Begins to attend, if that has ended or never began. It ends with an error by nature: whether the
 * names live is told by renewals. */
static void attend(struct keeper *keeper)
{
	struct pyr_call_options without_end = { .timeout_ms = PYR_NONE };
	struct pyr_bytes secret = { LEASE_SECRET, keeper->secret };

	if (keeper->attending && !pyr_future_is_ready(keeper->attending))
		return;
	pyr_future_free(keeper->attending);
	keeper->attending = pyrite_NameServer_attend_start(
		pyrite_NameServer_with(keeper->proxy, &without_end), &secret);
}

/* With the lock: adds the lease, taken also on failure. */
static int add_lease(struct keeper *keeper, struct lease *lease)
{
	int64_t round_at;

	if (!keeper->proxy && !(keeper->proxy = make_proxy(keeper->server))) {
		free_lease(lease);
		return -PYR_RESOURCE_EXHAUSTED;
	}
	drop_leases(keeper, lease->name, lease);
	attend(keeper);
	lease->moment = ++keeper->moment;
	lease->next = keeper->leases;
	keeper->leases = lease;
	round_at = next_round(keeper);
	if (lease->next && keeper->round_at < round_at)
		return 0; /* the timer comes early enough */
	keeper->round_at = round_at;
	if (engine_timer_set(&keeper->timer, round_at) == 0)
		return 0;
	unlink_lease(find_lease(keeper, lease->key));
	return -PYR_RESOURCE_EXHAUSTED;
}

int lease_keep(const struct lease_terms *terms, uint32_t ttl_ms)
{
	struct lease *lease = make_lease(terms, ttl_ms);
	struct keeper *keeper;
	int status;

	if (!lease)
		return -PYR_RESOURCE_EXHAUSTED;
	pthread_mutex_lock(&all.lock);
	keeper = find_keeper(terms->server);
	if (!keeper)
		keeper = make_keeper(terms->server);
	/* Looked at under the lock: lease_remove_daemon(), which comes after the daemon said that
	 * it closes, sees the lease, or this sees the daemon close. */
	if (naming_place_of(terms->daemon) != NAMING_HERE) {
		free_lease(lease);
		status = -PYR_FAILED_PRECONDITION;
	} else if (keeper) {
		status = add_lease(keeper, lease);
		rest(keeper);
	} else {
		free_lease(lease);
		status = -PYR_RESOURCE_EXHAUSTED;
	}
	pthread_mutex_unlock(&all.lock);
	return status;
}

int lease_set_tags(const char *server, const char *name, const char *const *tags, size_t n_tags)
{
	struct pyr_string_seq copy;
	struct keeper *keeper;
	struct lease *lease;
	int status = 0;

	pthread_mutex_lock(&all.lock);
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
	pthread_mutex_unlock(&all.lock);
	return status;
}

void lease_drop(const char *server, const char *name)
{
	struct keeper *keeper;

	pthread_mutex_lock(&all.lock);
	keeper = find_keeper(server);
	if (keeper) {
		drop_leases(keeper, name, NULL);
		rest(keeper);
	}
	pthread_mutex_unlock(&all.lock);
}

static void start_renewal(struct keeper *keeper, struct pyr_string_seq *names)
{
	struct pyr_bytes secret = { LEASE_SECRET, keeper->secret };
	struct renewal *renewal = malloc(sizeof(*renewal));

	if (!renewal)
		return; /* the next round tries again */
	renewal->future = pyrite_NameServer_renew_start(keeper->proxy, &secret, names);
	renewal->moment = ++keeper->moment;
	renewal->next = keeper->renewals;
	keeper->renewals = renewal;
}

static void start_round(struct keeper *keeper)
{
	const char *items[BATCH];
	struct pyr_string_seq names = { 0, items };
	struct lease *lease;

	attend(keeper);
	for (lease = keeper->leases; lease; lease = lease->next) {
		if (lease->registering)
			continue;
		items[names.n++] = lease->key;
		if (names.n == BATCH) {
			start_renewal(keeper, &names);
			names.n = 0;
		}
	}
	if (names.n > 0)
		start_renewal(keeper, &names);
	keeper->round_at = next_round(keeper);
	keeper->look_ms = FIRST_LOOK_MS;
}

static void register_again(struct keeper *keeper, struct lease *lease)
{
	struct pyrite_NameTerms terms = { .ttl_ms = lease->ttl_ms,
					  .tags = lease->tags,
					  .shared = lease->is_shared };
	struct pyrite_NameClaim claim = { .secret = { LEASE_SECRET, keeper->secret } };

	if (lease->registering)
		return;
	if (!lease->is_refused)
		log_line(PYR_LOG_INFO,
			 "name server at %s forgot the name %s: it is registered again",
			 keeper->server, lease->name);
	lease->registering = pyrite_NameServer_register_name_start(keeper->proxy, lease->name,
								   lease->uri, &terms, &claim);
}

static void tell_failure(struct keeper *keeper)
{
	if (!keeper->is_failing)
		log_line(PYR_LOG_WARNING, "the names at the name server at %s are not renewed: %s",
			 keeper->server, pyr_errmsg());
	keeper->is_failing = true;
}

/* A name that somebody removed on purpose. */
static void let_go(struct keeper *keeper, const struct renewal *renewal, const char *key)
{
	struct lease **place = find_lease(keeper, key);

	if (!*place || (*place)->moment > renewal->moment)
		return; /* it was registered since */
	log_line(PYR_LOG_WARNING, "the name %s was removed from the name server at %s by another",
		 (*place)->name, keeper->server);
	unlink_lease(place);
}

static void take_renewal(struct keeper *keeper, struct renewal *renewal)
{
	struct pyrite_NameRenewal *result;
	struct lease *lease;
	size_t i;

	if (pyrite_NameServer_renew_get(renewal->future, &result) < 0) {
		tell_failure(keeper);
		return;
	}
	keeper->is_failing = false;
	for (i = 0; i < result->lost.n; i++) {
		lease = *find_lease(keeper, result->lost.items[i]);
		if (lease)
			register_again(keeper, lease);
	}
	for (i = 0; i < result->revoked.n; i++)
		let_go(keeper, renewal, result->revoked.items[i]);
	pyr_free(result);
}

/* Takes the answers that are in. Returns whether others are still out. */
static bool take_renewals(struct keeper *keeper)
{
	struct renewal **place = &keeper->renewals, *renewal;

	while ((renewal = *place) != NULL) {
		if (renewal->future && !pyr_future_is_ready(renewal->future)) {
			place = &renewal->next;
			continue;
		}
		*place = renewal->next;
		take_renewal(keeper, renewal);
		free(renewal);
	}
	return keeper->renewals != NULL;
}

/* Returns false if the lease is over: somebody else has the name. */
static bool take_registration(struct keeper *keeper, struct lease *lease)
{
	pyr_future *future = lease->registering;
	struct pyrite_NameGrant *grant;
	int code;

	lease->registering = NULL;
	if (pyrite_NameServer_register_name_get(future, &grant) == 0) {
		lease->ttl_ms = grant->ttl_ms;
		lease->is_refused = false;
		pyr_free(grant);
		return true;
	}
	code = pyr_last_error()->code;
	if (code == PYR_ALREADY_EXISTS || (code == PYR_PERMISSION_DENIED && !lease->is_refused))
		log_line(PYR_LOG_WARNING, "the name %s at the name server at %s is lost: %s",
			 lease->name, keeper->server, pyr_errmsg());
	lease->is_refused = code == PYR_PERMISSION_DENIED;
	return code != PYR_ALREADY_EXISTS; /* else the next round tries again */
}

static bool take_registrations(struct keeper *keeper)
{
	struct lease **place = &keeper->leases, *lease;
	bool waits = false;

	while ((lease = *place) != NULL) {
		if (lease->registering && !pyr_future_is_ready(lease->registering)) {
			waits = true;
		} else if (lease->registering && !take_registration(keeper, lease)) {
			unlink_lease(place);
			continue;
		}
		place = &lease->next;
	}
	return waits;
}

/* In the runtime's thread: begins a round, or looks for the answers of the one that runs. */
static void fire(struct engine_timer *timer)
{
	struct keeper *keeper = (struct keeper *)timer;
	int64_t at;
	bool waits;

	pthread_mutex_lock(&all.lock);
	waits = take_renewals(keeper);
	waits |= take_registrations(keeper);
	if (keeper->leases && !waits && engine_now() >= keeper->round_at) {
		start_round(keeper);
		waits = true;
	}
	rest(keeper);
	if (keeper->leases) {
		at = waits ? in_ms(keeper->look_ms) : keeper->round_at;
		if (waits && keeper->look_ms < LAST_LOOK_MS)
			keeper->look_ms *= 2;
		if (engine_timer_set(timer, at) < 0)
			log_line(PYR_LOG_ERROR,
				 "the names at the name server at %s are not "
				 "renewed any more: out of memory",
				 keeper->server);
	}
	pthread_mutex_unlock(&all.lock);
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
		unlink_lease(place);
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

	pthread_mutex_lock(&all.lock);
	for (keeper = all.keepers; keeper; keeper = keeper->next) {
		calls = start_removals(keeper, daemon, calls);
		keeper->n_closing++;
	}
	pthread_mutex_unlock(&all.lock);
	wait_for_removals(calls, in_ms(wait_ms));
	pthread_mutex_lock(&all.lock);
	for (keeper = all.keepers; keeper; keeper = keeper->next) {
		keeper->n_closing--;
		rest(keeper);
	}
	pthread_mutex_unlock(&all.lock);
}

void lease_each(const char *daemon, void (*fn)(void *data, const char *name, const char *uri),
		void *data)
{
	struct keeper *keeper;
	struct lease *lease;

	pthread_mutex_lock(&all.lock);
	for (keeper = all.keepers; keeper; keeper = keeper->next)
		for (lease = keeper->leases; lease; lease = lease->next)
			if (strcmp(lease->daemon, daemon) == 0)
				fn(data, lease->name, lease->uri);
	pthread_mutex_unlock(&all.lock);
}
