/* SPDX-License-Identifier: MIT */
/*
 * Rounds of renewals, in the runtime's thread, and at which name server they are. With the lock,
 * under which nothing is waited for.
 */
#include "naming/naming_keeper.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/error.h"
#include "base/log.h"
#include "base/random.h"
#include "future/future.h"
#include "naming/naming_health.h"

enum {
	BATCH = 128,         /* names in one renewal: some 35 KiB at most */
	LEAST_ROUND_MS = 30, /* as of the shortest lease that one may ask for */
	LAST_LOOK_MS = 320,
	CALL_MS = 5000, /* an answer is waited for */
	/* Of one of several name servers: */
	AGAIN_MS = 1000, /* attending that ends sooner is begun again in the next round */
	SLOW_MS = 400,   /* so long after an unanswered renewal it is pinged, */
	SILENT_MS = 600  /* and so long after that left; sooner if leases are short */
};

struct keepers keepers = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Up to a tenth of the time, so that owners whose rounds began together are apart soon. */
static int64_t some_of(int64_t ms)
{
	uint8_t byte = 0;

	(void)random_bytes(&byte, sizeof(byte));
	return ms / 10 * byte / UINT8_MAX;
}

/* That many tenths of the shortest lease. */
static int64_t tenths_ms(const struct keeper *keeper, unsigned n)
{
	const struct lease *lease;
	uint32_t ttl_ms = UINT32_MAX;

	for (lease = keeper->leases; lease; lease = lease->next)
		if (lease->ttl_ms < ttl_ms)
			ttl_ms = lease->ttl_ms;
	return (int64_t)ttl_ms * n / 10;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Three tenths of the shortest lease, or a little less. */
static int64_t next_round(const struct keeper *keeper)
{
	int64_t ms = tenths_ms(keeper, 3);

	if (ms < LEAST_ROUND_MS)
		ms = LEAST_ROUND_MS;
	return engine_until(ms - some_of(ms));
}

static struct pyrite_NameServer *make_proxy(const struct keeper *keeper, unsigned at)
{
	return naming_proxy(servers_address(keeper->servers, at), CALL_MS,
			    config_number(CONFIG_WAIT_MS));
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
	pyr_future_free(keeper->leaving);
	pyr_future_free(keeper->left_attending);
	keeper->leaving = keeper->left_attending = NULL;
	pyrite_NameServer_free(keeper->left);
	keeper->left = NULL;
}

/* The names are renewed elsewhere: the one before is told first, or it would let others have them,
 * as those of an owner whose connection has ended. Without a deadline: one that was stopped reads
 * it when it goes on, where a call that was cancelled meanwhile would not be executed. Nothing
 * waits for the answer; keeper_rest() drops the call. */
static void leave(struct keeper *keeper)
{
	struct pyr_call_options without_end = { .timeout_ms = PYR_NONE };
	struct pyr_bytes secret = { LEASE_SECRET, keeper->secret };
	struct pyr_string_seq none = { 0, NULL };

	if (keeper->left && !keeper->leaving)
		keeper->leaving = pyrite_NameServer_renew_start(
			pyrite_NameServer_with(keeper->left, &without_end), &secret, &none);
}

void keeper_rest(struct keeper *keeper)
{
	if (keeper->leases || keeper->n_users > 0)
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
	struct pyrite_NameServer *proxy = make_proxy(keeper, at);
	struct lease *lease;

	if (!proxy)
		return; /* the next round tries again */
	drop_renewals(keeper);
	for (lease = keeper->leases; lease; lease = lease->next) {
		pyr_future_free(lease->registering);
		lease->registering = NULL;
		lease->is_forgotten = false;
	}
	drop_left(keeper);
	keeper->left = keeper->proxy;
	keeper->left_attending = keeper->attending;
	keeper->attending = NULL;
	if (keeper->leases)
		log_line(PYR_LOG_INFO,
			 "names that were renewed at the name server at %s are now at %s",
			 keeper_address(keeper), servers_address(keeper->servers, at));
	keeper->proxy = proxy;
	keeper->at = at;
	keeper->is_failing = false;
	keeper->round_at = engine_now();
}

bool keeper_attend(struct keeper *keeper)
{
	int best = servers_best(keeper->servers);

	if (!keeper->proxy) {
		keeper->at = best < 0 ? 0 : (unsigned)best;
		keeper->proxy = make_proxy(keeper, keeper->at);
	}
	if (!keeper->proxy)
		return false;
	/* the first name was registered elsewhere than expected */
	if (!keeper->leases && best >= 0 && best != (int)keeper->at)
		move_to(keeper, (unsigned)best);
	attend(keeper);
	return true;
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
	} else if (keeper->ping &&
		   now - keeper->pinged_at > least(SILENT_MS, tenths_ms(keeper, 2)) * ENGINE_MS) {
		lose(keeper);
	} else if (!keeper->ping && keeper->renewals &&
		   now - keeper->renewed_at > least(SLOW_MS, tenths_ms(keeper, 1)) * ENGINE_MS) {
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
		if (lease->registering || lease->is_forgotten)
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
	keeper->look_ms = KEEPER_LOOK_MS;
}

/* ---- until when they are ours ---- */

/* And that has not taken longer than a lease lasts. */
static bool is_told_again(const struct lease *lease, int64_t now)
{
	return (lease->registering || lease->is_forgotten) &&
	       now - lease->asked_at < (int64_t)lease->ttl_ms * ENGINE_MS;
}

/* Of those whose time has passed, each is told once, and the first logged. Returns when the next
 * one's has. */
static int64_t look_at_ends(struct keeper *keeper)
{
	int64_t now = engine_now(), next = ENGINE_FOREVER;
	struct lease *lease, *first = NULL;
	unsigned n = 0;

	for (lease = keeper->leases; lease; lease = lease->next) {
		if (lease->is_doubtful || (lease->ends == 0 && is_told_again(lease, now)))
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
			 "the lease of name %s%s at the name server at %s has ended: another "
			 "program may have it by now",
			 first->name, n > 1 ? " (and of others)" : "", keeper_address(keeper));
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

/* What came of each lease of a renewal; what was registered since is left alone. */
static void take_fates(struct keeper *keeper, const struct renewal *renewal,
		       const struct pyrite_NameRenewal *result)
{
	int64_t now = engine_now();
	struct lease *lease;
	bool is_lost;

	for (lease = keeper->leases; lease; lease = lease->next) {
		if (lease->batch != renewal->moment || lease->moment > renewal->moment)
			continue;
		is_lost = is_in(&result->lost, lease->key);
		if (!is_lost && !is_in(&result->revoked, lease->key)) {
			lease_is_ours(keeper, lease, renewal->sent_at);
			continue;
		}
		lease->ends = 0;
		if (!is_lost || lease->registering || lease->is_forgotten)
			continue;
		lease->is_forgotten = true;
		lease->asked_at = now;
	}
}

/* ---- answers ---- */

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
	log_line(PYR_LOG_WARNING,
		 "the name %s was removed from the name server at %s by another program",
		 (*place)->name, keeper_address(keeper));
	(void)error_set(PYR_NOT_FOUND,
			"NamingError: the name %s was removed from the name server at %s by "
			"another program",
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

/* Returns false with the last error set if it says more than was asked. */
static bool makes_sense(const struct pyrite_NameRenewal *result)
{
	if (result->lost.n <= BATCH && result->revoked.n <= BATCH)
		return true;
	error_set(PYR_INTERNAL, "ProtocolError: more names are lost than were renewed");
	return false;
}

static void take_result(struct keeper *keeper, const struct renewal *renewal,
			const struct pyrite_NameRenewal *result)
{
	size_t i;

	keeper->is_failing = false;
	if (servers_count(keeper->servers) > 1)
		health_up(keeper_address(keeper));
	leave(keeper);
	take_fates(keeper, renewal, result);
	for (i = 0; i < result->revoked.n; i++)
		let_go(keeper, renewal, result->revoked.items[i]);
}

static void take_renewal(struct keeper *keeper, struct renewal *renewal)
{
	struct pyrite_NameRenewal *result;

	if (pyrite_NameServer_renew_get(renewal->future, &result) < 0) {
		servers_left(keeper->servers, keeper->at);
		if (!has_other(keeper))
			tell_failure(keeper);
		return;
	}
	if (makes_sense(result))
		take_result(keeper, renewal, result);
	else
		tell_failure(keeper);
	pyr_free(result);
}

/* Takes the answers that are in. */
static void take_renewals(struct keeper *keeper)
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
	if (keeper->leaving && pyr_future_is_ready(keeper->leaving))
		drop_left(keeper);
	take_renewals(keeper);
	keeper_tell_again(keeper, keeper_take_told(keeper));
	choose_server(keeper);
	if (keeper->leases && !keeper->renewals && engine_now() >= keeper->round_at)
		start_round(keeper);
	waits = keeper->renewals || keeper_tells_again(keeper);
	ends = look_at_ends(keeper);
	keeper_rest(keeper);
	if (keeper->leases) {
		at = waits ? engine_until(keeper->look_ms) : keeper->round_at;
		at = ends < at ? ends : at;
		if (waits && keeper->look_ms < last_look)
			keeper->look_ms *= 2;
		if (engine_timer_set(timer, at) < 0)
			log_line(PYR_LOG_ERROR,
				 "the names at the name server at %s are no longer renewed: out of "
				 "memory",
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
