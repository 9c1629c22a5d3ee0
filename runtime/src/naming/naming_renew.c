/* SPDX-License-Identifier: MIT */
/*
 * Rounds of renewals, in the runtime's thread, and at which name server they are. With the lock,
 * under which nothing is waited for.
 */
#include "naming/naming_keeper.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "future/future.h"
#include "naming/naming_health.h"

enum {
	BATCH = 128,        /* names in one renewal: some 35 KiB at most */
	FIRST_LOOK_MS = 10, /* for the answer of a renewal */
	LAST_LOOK_MS = 320,
	CALL_MS = 5000, /* an answer is waited for */
	/* Of one of several name servers: */
	AGAIN_MS = 1000, /* attending that ends sooner is begun again in the next round */
	SLOW_MS = 400,   /* so long after an unanswered renewal it is pinged */
	SILENT_MS = 600  /* and so long after that left */
};

struct keepers keepers = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct lease **lease_find(struct keeper *keeper, const char *key)
{
	struct lease **place;

	for (place = &keeper->leases; *place; place = &(*place)->next)
		if (strcmp((*place)->key, key) == 0)
			break;
	return place;
}

void lease_free(struct lease *lease)
{
	pyr_future_free(lease->registering);
	told_unref(lease->told);
	free(lease->tags.items);
	free(lease);
}

void lease_unlink(struct lease **place)
{
	struct lease *lease = *place;

	*place = lease->next;
	lease_free(lease);
}

static const char *keeper_address(const struct keeper *keeper)
{
	return servers_address(keeper->servers, keeper->at);
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

/* ---- which name server ---- */

/* Without the lock, perhaps with a peer's. */
static void wake(struct keeper *keeper)
{
	atomic_store(&keeper->wants_look, true);
	(void)engine_timer_set(&keeper->timer, engine_now());
}

static void on_attended(struct outcall_hook *hook)
{
	struct keeper *keeper = (struct keeper *)((char *)hook - offsetof(struct keeper, hook));

	if (servers_count(keeper->servers) > 1)
		wake(keeper);
}

/* Some name server has come or gone. */
static void wake_all(void)
{
	struct keeper *keeper;

	for (keeper = keepers.first; keeper; keeper = keeper->next)
		if (servers_count(keeper->servers) > 1)
			wake(keeper);
}

static void __attribute__((constructor)) listen_for_servers(void)
{
	health_on_change(wake_all);
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
	keeper->attended_at = engine_now();
	if (keeper->attending && !outcall_set_hook(&keeper->attending->call, &keeper->hook))
		on_attended(&keeper->hook);
}

bool keeper_attend(struct keeper *keeper)
{
	int best = servers_best(keeper->servers);

	if (!keeper->proxy) {
		keeper->at = best < 0 ? 0 : (unsigned)best;
		keeper->proxy = make_proxy(keeper_address(keeper));
	}
	if (!keeper->proxy)
		return false;
	attend(keeper);
	return true;
}

static void drop_renewals(struct keeper *keeper)
{
	struct renewal *renewal;

	while ((renewal = keeper->renewals) != NULL) {
		keeper->renewals = renewal->next;
		pyr_future_free(renewal->future);
		free(renewal);
	}
	pyr_future_free(keeper->ping);
	keeper->ping = NULL;
}

static void drop_left(struct keeper *keeper)
{
	pyr_future_free(keeper->left_attending);
	keeper->left_attending = NULL;
	pyrite_NameServer_free(keeper->left);
	keeper->left = NULL;
}

void keeper_rest(struct keeper *keeper)
{
	if (keeper->leases || keeper->n_closing > 0)
		return;
	drop_renewals(keeper);
	drop_left(keeper);
	pyr_future_free(keeper->attending);
	keeper->attending = NULL;
	pyrite_NameServer_free(keeper->proxy);
	keeper->proxy = NULL;
}

/* What is on its way to the one before is not waited for: the new one is told all that it does not
 * know. That one sees the connection until the names are safe here. */
static void move_to(struct keeper *keeper, unsigned at)
{
	struct pyrite_NameServer *proxy = make_proxy(servers_address(keeper->servers, at));
	struct lease *lease;

	if (!proxy)
		return; /* the next round tries again */
	drop_renewals(keeper);
	for (lease = keeper->leases; lease; lease = lease->next) {
		pyr_future_free(lease->registering);
		lease->registering = NULL;
	}
	drop_left(keeper);
	keeper->left = keeper->proxy;
	keeper->left_attending = keeper->attending;
	keeper->attending = NULL;
	log_line(PYR_LOG_INFO, "names that were renewed at the name server at %s are now at %s",
		 keeper_address(keeper), servers_address(keeper->servers, at));
	keeper->proxy = proxy;
	keeper->at = at;
	keeper->is_failing = false;
	keeper->round_at = engine_now();
}

/* The connection is gone, or nothing comes over it. */
static void lose(struct keeper *keeper)
{
	health_down(keeper_address(keeper));
}

/* Attending has ended: why is known, or found out by a round. If it does not last it is begun again
 * with the next one. */
static void look_at_attending(struct keeper *keeper)
{
	int64_t now = engine_now();

	if (!keeper->attending || !pyr_future_is_ready(keeper->attending))
		return;
	keeper->is_cut = pyrite_NameServer_attend_get(keeper->attending) < 0 && servers_is_lost();
	keeper->attending = NULL;
	if (keeper->is_cut)
		lose(keeper);
	else if (now - keeper->attended_at >= AGAIN_MS * (int64_t)ENGINE_MS)
		keeper->round_at = now;
}

/* Renewals that are not answered may take their time; a ping does not. */
static void look_at_answers(struct keeper *keeper)
{
	int64_t now = engine_now();

	if (keeper->ping && pyr_future_is_ready(keeper->ping)) {
		if (pyrite_NameServer_ping_get(keeper->ping) < 0 && servers_is_lost())
			lose(keeper);
		keeper->ping = NULL;
		keeper->renewed_at = now; /* asked again after a while */
	} else if (keeper->ping && now - keeper->pinged_at > SILENT_MS * (int64_t)ENGINE_MS) {
		lose(keeper);
	} else if (!keeper->ping && keeper->renewals &&
		   now - keeper->renewed_at > SLOW_MS * (int64_t)ENGINE_MS) {
		keeper->ping = pyrite_NameServer_ping_start(keeper->proxy);
		keeper->pinged_at = now;
	}
}

/* None is up. One that is back is noticed with the next round, however long they were away. */
static void look_for_any(struct keeper *keeper)
{
	unsigned i;

	for (i = 0; i < servers_count(keeper->servers); i++)
		health_hurry(servers_address(keeper->servers, i));
}

/* Moves to another name server if that is better. */
static void choose_server(struct keeper *keeper)
{
	int best;

	if (servers_count(keeper->servers) == 1 || !keeper->leases)
		return;
	look_at_attending(keeper);
	look_at_answers(keeper);
	best = servers_best(keeper->servers);
	if (best >= 0 && best != (int)keeper->at)
		move_to(keeper, (unsigned)best);
	else if (best >= 0 && keeper->is_cut)
		keeper->round_at = engine_now(); /* it is back */
	else if (best < 0 && engine_now() >= keeper->round_at)
		look_for_any(keeper);
}

/* ---- rounds ---- */

bool keeper_set_timer(struct keeper *keeper, bool has_others)
{
	int64_t round_at = next_round(keeper);

	if (has_others && keeper->round_at < round_at)
		return true; /* the timer comes early enough */
	keeper->round_at = round_at;
	return engine_timer_set(&keeper->timer, round_at) == 0;
}

static void start_renewal(struct keeper *keeper, struct pyr_string_seq *names)
{
	struct pyr_bytes secret = { LEASE_SECRET, keeper->secret };
	struct renewal *renewal = malloc(sizeof(*renewal));

	keeper->moment++;
	if (!renewal)
		return; /* the next round tries again */
	renewal->sent_at = engine_now();
	renewal->future = pyrite_NameServer_renew_start(keeper->proxy, &secret, names);
	renewal->moment = keeper->moment;
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
		lease->batch = keeper->moment + 1;
		if (names.n == BATCH) {
			start_renewal(keeper, &names);
			names.n = 0;
		}
	}
	if (names.n > 0)
		start_renewal(keeper, &names);
	keeper->renewed_at = engine_now();
	keeper->is_cut = false;
	keeper->round_at = next_round(keeper);
	keeper->look_ms = FIRST_LOOK_MS;
}

/* ---- until when they are ours ---- */

/* It is, as asked for then. */
static void is_ours(struct keeper *keeper, struct lease *lease, int64_t asked_at)
{
	lease->ends = asked_at + (int64_t)lease->ttl_ms * ENGINE_MS;
	if (!lease->is_doubtful || lease->ends <= engine_now())
		return;
	lease->is_doubtful = false;
	log_line(PYR_LOG_INFO, "the name %s at the name server at %s is this process's as before",
		 lease->name, keeper_address(keeper));
	told_post(lease->told, PYR_LEASE_HELD, lease->generation);
}

/* Of those whose time has passed, each is told once, and the first logged. Returns when the next
 * one's has. */
static int64_t look_at_ends(struct keeper *keeper)
{
	int64_t now = engine_now(), next = ENGINE_FOREVER;
	struct lease *lease, *first = NULL;
	unsigned n = 0;

	for (lease = keeper->leases; lease; lease = lease->next) {
		if (lease->is_doubtful || (lease->ends == 0 && lease->registering))
			continue;
		if (lease->ends > now) {
			next = lease->ends < next ? lease->ends : next;
			continue;
		}
		lease->is_doubtful = true;
		first = lease;
		n++;
		(void)error_set(PYR_UNAVAILABLE,
				"NamingError: the lease of name %s has ended, and was not renewed "
				"(name server at %s)",
				lease->name, keeper_address(keeper));
		told_post(lease->told, PYR_LEASE_DOUBTFUL, lease->generation);
	}
	if (n > 0)
		log_line(PYR_LOG_WARNING,
			 "the lease of name %s, and of %u others, at the name server at %s has "
			 "ended: another may have it by now",
			 first->name, n - 1, keeper_address(keeper));
	return next;
}

static bool is_in(const struct pyr_string_seq *list, const char *key)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (strcmp(list->items[i], key) == 0)
			return true;
	return false;
}

static void extend_leases(struct keeper *keeper, const struct renewal *renewal,
			  const struct pyrite_NameRenewal *result)
{
	struct lease *lease;

	for (lease = keeper->leases; lease; lease = lease->next) {
		if (lease->batch != renewal->moment || lease->moment > renewal->moment)
			continue;
		if (!is_in(&result->lost, lease->key) && !is_in(&result->revoked, lease->key))
			is_ours(keeper, lease, renewal->sent_at);
		else
			lease->ends = 0;
	}
}

/* ---- what is told again ---- */

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
			 keeper_address(keeper), lease->name);
	lease->asked_at = engine_now();
	lease->registering = pyrite_NameServer_register_name_start(keeper->proxy, lease->name,
								   lease->uri, &terms, &claim);
}

static void tell_failure(struct keeper *keeper)
{
	if (!keeper->is_failing)
		log_line(PYR_LOG_WARNING, "the names at the name server at %s are not renewed: %s",
			 keeper_address(keeper), pyr_errmsg());
	keeper->is_failing = true;
}

/* A name that somebody removed on purpose. */
static void let_go(struct keeper *keeper, const struct renewal *renewal, const char *key)
{
	struct lease **place = lease_find(keeper, key);

	if (!*place || (*place)->moment > renewal->moment)
		return; /* it was registered since */
	log_line(PYR_LOG_WARNING, "the name %s was removed from the name server at %s by another",
		 (*place)->name, keeper_address(keeper));
	(void)error_set(
		PYR_NOT_FOUND,
		"NamingError: the name %s was removed from the name server at %s by another",
		(*place)->name, keeper_address(keeper));
	told_post((*place)->told, PYR_LEASE_TAKEN, (*place)->generation);
	lease_unlink(place);
}

/* Another name server is up: they will be renewed there. */
static bool has_other(const struct keeper *keeper)
{
	int best = servers_best(keeper->servers);

	return best >= 0 && best != (int)keeper->at;
}

static void take_renewal(struct keeper *keeper, struct renewal *renewal)
{
	struct pyrite_NameRenewal *result;
	struct lease *lease;
	size_t i;

	if (pyrite_NameServer_renew_get(renewal->future, &result) < 0) {
		servers_left(keeper->servers, keeper->at);
		if (!has_other(keeper))
			tell_failure(keeper);
		return;
	}
	keeper->is_failing = false;
	if (servers_count(keeper->servers) > 1)
		health_up(keeper_address(keeper));
	drop_left(keeper);
	extend_leases(keeper, renewal, result);
	for (i = 0; i < result->lost.n; i++) {
		lease = *lease_find(keeper, result->lost.items[i]);
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
		lease->generation = grant->generation;
		pyr_free(grant);
		is_ours(keeper, lease, lease->asked_at);
		return true;
	}
	code = pyr_last_error()->code;
	if (code == PYR_ALREADY_EXISTS)
		told_post(lease->told, PYR_LEASE_TAKEN, lease->generation);
	if (code == PYR_ALREADY_EXISTS || (code == PYR_PERMISSION_DENIED && !lease->is_refused))
		log_line(PYR_LOG_WARNING, "the name %s at the name server at %s is lost: %s",
			 lease->name, keeper_address(keeper), pyr_errmsg());
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
			lease_unlink(place);
			continue;
		}
		place = &lease->next;
	}
	return waits;
}

static bool is_registering(const struct keeper *keeper)
{
	const struct lease *lease;

	for (lease = keeper->leases; lease && !lease->registering; lease = lease->next)
		;
	return lease;
}

/* In the runtime's thread: begins a round, or looks for the answers of the one that runs. */
static void fire(struct engine_timer *timer)
{
	struct keeper *keeper = (struct keeper *)timer;
	uint32_t last_look = servers_count(keeper->servers) > 1 ? LAST_LOOK_MS / 4 : LAST_LOOK_MS;
	int64_t at, ends;
	bool waits;

	pthread_mutex_lock(&keepers.lock);
	atomic_store(&keeper->wants_look, false);
	waits = take_renewals(keeper);
	waits |= take_registrations(keeper);
	choose_server(keeper);
	waits &= keeper->renewals || is_registering(keeper);
	if (keeper->leases && !waits && engine_now() >= keeper->round_at) {
		start_round(keeper);
		waits = true;
	}
	ends = look_at_ends(keeper);
	keeper_rest(keeper);
	if (keeper->leases) {
		at = waits ? in_ms(keeper->look_ms) : keeper->round_at;
		at = ends < at ? ends : at;
		if (waits && keeper->look_ms < last_look)
			keeper->look_ms *= 2;
		if (engine_timer_set(timer, at) < 0)
			log_line(PYR_LOG_ERROR,
				 "the names at the name server at %s are not "
				 "renewed any more: out of memory",
				 keeper_address(keeper));
	}
	if (atomic_load(&keeper->wants_look))
		wake(keeper);
	pthread_mutex_unlock(&keepers.lock);
}

void keeper_init(struct keeper *keeper)
{
	keeper->timer.fire = fire;
	keeper->hook.run = on_attended;
}
