/* SPDX-License-Identifier: MIT */
/*
 * Names in etcd, for any number of name servers. Look-ups are served by a replica in memory, which
 * nothing but a watch changes (replica.h). What is put and removed here is a trial: it is written
 * down, seen while the rules decide, and taken back. when_safe() makes a transaction of it, which
 * compares everything that the rules looked at; and its answer waits until the watch has brought
 * what it did. So a name server shows what is safe and nothing else, and who was answered sees what
 * he did; requests for a name are in one order, whichever name servers they come to.
 *
 * Leases are etcd's. A renewal notes which leases it is about; when_safe() has them renewed.
 *
 * etcd's thread puts answers into a list and wakes the owner, who takes them out in settle().
 */
#include "clock.h"
#include "store_etcd_own.h"

#include <pyrite/pyrite.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	FRESH_MS = 1500, /* three heartbeats */
	START_MS = 30000,
	WAIT_MS = 10000,  /* for the watch to tell what was done: whoever asked waits less */
	ASIDE_MOST = 100, /* names set aside that are told in */
	ASIDE_EACH_MS = 60000
};

static struct etcd_store *etcd_of(struct store *store)
{
	return (struct etcd_store *)store;
}

static struct store *memory_of(struct store *store)
{
	return replica_store(etcd_of(store)->replica);
}

/* In any thread. */
void store_etcd_wake(void *data)
{
	struct etcd_store *store = data;

	pthread_mutex_lock(&store->lock);
	if (store->wake && !store->is_woken)
		store->wake(store->wake_data);
	store->is_woken = true;
	pthread_cond_signal(&store->news);
	pthread_mutex_unlock(&store->lock);
}

/* ---- reading: the replica's ---- */

static const struct record *etcd_find(struct store *store, const char *key)
{
	return memory_of(store)->kind->find(memory_of(store), key);
}

static const struct record *etcd_next(struct store *store, const char *key, bool or_equal)
{
	return memory_of(store)->kind->next(memory_of(store), key, or_equal);
}

static const struct record *etcd_next_tagged(struct store *store, const char *tag, const char *key,
					     bool or_equal)
{
	return memory_of(store)->kind->next_tagged(memory_of(store), tag, key, or_equal);
}

static size_t etcd_count_tagged(struct store *store, const char *tag)
{
	return memory_of(store)->kind->count_tagged(memory_of(store), tag);
}

static void etcd_walk(struct store *store, void (*each)(const struct record *record, void *data),
		      void *data)
{
	memory_of(store)->kind->walk(memory_of(store), each, data);
}

static const struct record *etcd_first_to_end(struct store *store)
{
	return memory_of(store)->kind->first_to_end(memory_of(store));
}

static const struct record *etcd_first_deed_to_end(struct store *store)
{
	return memory_of(store)->kind->first_deed_to_end(memory_of(store));
}

static size_t etcd_count_ended(struct store *store, int64_t now)
{
	return memory_of(store)->kind->count_ended(memory_of(store), now);
}

static size_t etcd_count(struct store *store)
{
	return memory_of(store)->kind->count(memory_of(store));
}

static size_t etcd_count_deeds(struct store *store)
{
	return memory_of(store)->kind->count_deeds(memory_of(store));
}

static size_t etcd_count_bytes(struct store *store)
{
	return memory_of(store)->kind->bytes(memory_of(store));
}

static uint64_t etcd_generation(struct store *store)
{
	return replica_revision(etcd_of(store)->replica);
}

static uint64_t etcd_epoch(struct store *store)
{
	struct etcd_seen seen;

	etcd_last_seen(etcd_of(store)->etcd, &seen);
	return seen.cluster_id | 1;
}

static void etcd_listen(struct store *store, store_change_cb callback, void *data)
{
	replica_listen(etcd_of(store)->replica, callback, data);
}

static int64_t etcd_age_ms(struct store *base)
{
	struct etcd_store *store = etcd_of(base);
	struct etcd_seen seen;
	int64_t age;

	etcd_last_seen(store->etcd, &seen);
	if (replica_revision(store->replica) >= seen.revision)
		store->current_at = seen.at_ms;
	age = clock_ms() - store->current_at;
	return age < FRESH_MS ? 0 : age;
}

/* ---- the trial ---- */

static bool etcd_put(struct store *store, const struct record *record)
{
	if (record->is_own) /* everybody's own */
		return memory_of(store)->kind->put(memory_of(store), record);
	return trial_put(&etcd_of(store)->trial, memory_of(store), record);
}

static bool etcd_remove(struct store *store, const char *key, uint64_t generation, bool is_revoked)
{
	(void)generation;
	return trial_remove(&etcd_of(store)->trial, memory_of(store), key, is_revoked);
}

/* It is not served here; what is in etcd is whosever it is. */
static bool etcd_set_aside(struct store *store, const char *key, uint64_t generation,
			   const char *why)
{
	return memory_of(store)->kind->set_aside(memory_of(store), key, generation, why);
}

/* A deed's time is this name server's; a lease is etcd's. */
static void etcd_touch(struct store *store, const char *key, int64_t expires)
{
	const struct record *record = etcd_find(store, key);

	if (record && record->owner)
		memory_of(store)->kind->touch(memory_of(store), key, expires);
	else if (record)
		trial_renew(&etcd_of(store)->trial, record);
}

/* ---- requests ---- */

static void fail(store_safe_cb callback, void *data, const char *why)
{
	struct store_problem problem = { .code = PYR_RESOURCE_EXHAUSTED };

	snprintf(problem.text, sizeof(problem.text), "%s", why);
	if (callback)
		callback(&problem, 0, data);
}

/* Each secret has a lease, which lives on without names. */
static const char *why_not(struct etcd_store *store, const struct trial_message *message)
{
	if (!message)
		return "out of memory";
	if (message->lease.id && !owner_leases_has(&store->leases, &message->lease) &&
	    owner_leases_is_full(&store->leases, clock_ms()))
		return "NamingError: there are too many owners of names";
	return NULL;
}

/* Those that have just been renewed are left out. */
static void take_leases(struct etcd_store *store, struct request *request)
{
	size_t n, i;
	int64_t now = clock_ms();

	request->leases = trial_take_leases(&store->trial, &n);
	for (i = 0; i < n; i++)
		if (!owner_leases_is_fresh(&store->leases, &request->leases[i], now))
			request->leases[request->n_leases++] = request->leases[i];
}

/* The trial becomes a request. */
static void send_trial(struct etcd_store *store, store_safe_cb callback, void *data)
{
	struct request *request = request_new(store, callback, data);
	const char *why = request ? NULL : "out of memory";

	if (!why && trial_changes(&store->trial)) {
		request->message = trial_message(&store->trial, store->replica, store->prefix);
		why = why_not(store, request->message);
	}
	if (!why)
		take_leases(store, request);
	trial_take_back(&store->trial, replica_store(store->replica));
	if (!why) {
		request_send(request);
		return;
	}
	if (request)
		request_free(request);
	fail(callback, data, why);
}

static void etcd_when_safe(struct store *base, store_safe_cb callback, void *data)
{
	static const struct store_problem none;
	struct etcd_store *store = etcd_of(base);

	if (trial_is_empty(&store->trial))
		callback(&none, 0, data);
	else
		send_trial(store, callback, data);
}

static void etcd_catch_up(struct store *base, store_safe_cb callback, void *data)
{
	struct etcd_store *store = etcd_of(base);
	struct request *request;

	trial_take_back(&store->trial, replica_store(store->replica));
	request = request_new(store, callback, data);
	if (!request) {
		fail(callback, data, "out of memory");
		return;
	}
	request_ask(request);
}

/* ---- owners ---- */

/* Tells all name servers, for as long as one of his leases lives. */
static void etcd_lose(struct store *base, const uint8_t *secret, bool is_gone)
{
	struct etcd_store *store = etcd_of(base);
	char owner[OWNER_TEXT], key[ETCD_KEY_SIZE], *value;
	struct etcd_op op = { .kind = is_gone ? ETCD_PUT : ETCD_DELETE };

	etcd_owner(owner, secret);
	op.key = (struct etcd_bytes){ key, etcd_key(key, store->prefix, 'g', owner) };
	op.lease = owner_leases_of(&store->leases, owner);
	if (is_gone)
		request_lose(store, owner, secret);
	if (!store->etcd || (is_gone && !op.lease))
		return;
	value = is_gone ? etcd_secret_value(secret) : NULL;
	if (value)
		op.value = (struct etcd_bytes){ value, strlen(value) };
	if (value || !is_gone)
		etcd_txn(store->etcd, NULL, 0, &op, 1, request_ignore, NULL);
	free(value);
}

static bool owner_is_here(const struct etcd_store *store, const uint8_t secret[SECRET_SIZE])
{
	return store->is_here && store->is_here(secret, store->presence_data);
}

/* Another name server says so; he may have come here since. */
static void on_owner(const uint8_t secret[SECRET_SIZE], bool is_gone, void *data)
{
	struct etcd_store *store = data;

	if (is_gone && owner_is_here(store, secret))
		etcd_lose(&store->store, secret, false);
}

static void etcd_set_presence(struct store *base, store_presence_cb is_here, void *data)
{
	etcd_of(base)->is_here = is_here;
	etcd_of(base)->presence_data = data;
}

/* ---- answers ---- */

static struct store_problem problem_of(const struct etcd_outcome *outcome)
{
	static const int codes[] = { [ETCD_CONFLICT] = PYR_ABORTED,
				     [ETCD_NOT_RUN] = PYR_UNAVAILABLE,
				     [ETCD_UNKNOWN] = PYR_UNAVAILABLE,
				     [ETCD_NO_LEASE] = PYR_UNAVAILABLE,
				     [ETCD_NO_SPACE] = PYR_RESOURCE_EXHAUSTED,
				     [ETCD_COMPACTED] = PYR_INTERNAL,
				     [ETCD_REFUSED] = PYR_FAILED_PRECONDITION };
	struct store_problem problem = { .code = codes[outcome->result] };
	const char *what = "etcd: ";

	if (outcome->result == ETCD_CONFLICT)
		what = "others changed the name at the same time, again and again, or etcd has "
		       "something under its key that is not a name (see the name server's log)";
	else if (outcome->result == ETCD_UNKNOWN)
		what = "etcd did not answer in time whether it was done: ";
	else if (outcome->result == ETCD_NOT_RUN)
		what = "etcd cannot be reached, nothing was done: ";
	snprintf(problem.text, sizeof(problem.text), "NamingError: %s%s", what,
		 outcome->result == ETCD_CONFLICT ? "" : outcome->text);
	return problem;
}

static void answer(struct request *request)
{
	struct store_problem problem = { 0 };

	if (request->outcome.result != ETCD_DONE)
		problem = problem_of(&request->outcome);
	if (request->callback)
		request->callback(&problem, request->message ? request->outcome.revision : 0,
				  request->data);
	request_free(request);
}

/* What it says of leases is known from now on. */
static void learn(struct etcd_store *store, const struct request *request)
{
	const struct trial_message *message = request->message;
	bool is_done = request->outcome.result == ETCD_DONE;
	size_t i;

	if (message && request->renewed_ms && is_done)
		owner_leases_note(&store->leases, &message->lease, request->renewed_ms);
	for (i = 0; i < request->n_leases; i++)
		if (is_done)
			owner_leases_note(&store->leases, &request->leases[i], request->sent_ms);
		else
			owner_leases_drop(&store->leases, &request->leases[i]);
	if (request->is_lost && !owner_is_here(store, request->lost))
		etcd_lose(&store->store, request->lost, true);
}

/* What was done, or was too late, waits for the replica to show why. */
static void take_done(struct etcd_store *store)
{
	struct request *done, *request;

	pthread_mutex_lock(&store->lock);
	done = store->done;
	store->done = NULL;
	store->is_woken = false;
	pthread_mutex_unlock(&store->lock);
	while ((request = done) != NULL) {
		done = request->next;
		learn(store, request);
		request->wait.ends = (int64_t)request->outcome.revision;
		if ((request->outcome.result == ETCD_DONE ||
		     request->outcome.result == ETCD_CONFLICT) &&
		    expiry_reserve(&store->waiting))
			expiry_add(&store->waiting, &request->wait);
		else
			answer(request);
	}
}

/* A watch that tells nothing does not make requests pile up. */
static bool is_late(struct request *request, int64_t now)
{
	if (now - request->sent_ms <= WAIT_MS)
		return false;
	request->outcome.result = ETCD_UNKNOWN;
	snprintf(request->outcome.text, sizeof(request->outcome.text),
		 "its watch has not reported the change");
	return true;
}

static void answer_all(struct etcd_store *store)
{
	struct expiry_item *item;
	int64_t now = clock_ms();

	while ((item = expiry_first(&store->waiting)) != NULL &&
	       (item->ends <= (int64_t)replica_revision(store->replica) ||
		is_late((struct request *)item, now))) {
		expiry_remove(&store->waiting, item);
		answer((struct request *)item);
	}
}

static bool etcd_settle(struct store *base)
{
	struct etcd_store *store = etcd_of(base);
	bool is_void = false, has_more;

	if (trial_changes(&store->trial)) /* of calls that wait for none */
		send_trial(store, NULL, NULL);
	trial_take_back(&store->trial, replica_store(store->replica));
	bundle_check(store);
	take_done(store);
	has_more = replica_take(store->replica, &is_void);
	answer_all(store);
	replica_check(store->replica, clock_ms());
	if (has_more)
		store_etcd_wake(store);
	return is_void;
}

static void etcd_set_wake(struct store *base, store_wake_cb callback, void *data)
{
	struct etcd_store *store = etcd_of(base);

	pthread_mutex_lock(&store->lock);
	store->wake = callback;
	store->wake_data = data;
	if (callback && store->is_woken)
		callback(data);
	pthread_mutex_unlock(&store->lock);
}

/* ---- as a whole ---- */

/* All that wait are answered. */
static void etcd_free(struct store *base)
{
	struct etcd_store *store = etcd_of(base);
	struct expiry_item *item;

	if (store->replica)
		replica_stop(store->replica);
	etcd_close(store->etcd);
	store->etcd = NULL;
	take_done(store);
	while ((item = expiry_first(&store->waiting)) != NULL) {
		expiry_remove(&store->waiting, item);
		answer((struct request *)item);
	}
	if (store->replica) {
		trial_take_back(&store->trial, replica_store(store->replica));
		replica_free(store->replica);
	}
	trial_fini(&store->trial);
	owner_leases_fini(&store->leases);
	expiry_fini(&store->waiting);
	pthread_cond_destroy(&store->news);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

static const struct store_kind etcd_kind = {
	.find = etcd_find,
	.next = etcd_next,
	.next_tagged = etcd_next_tagged,
	.count_tagged = etcd_count_tagged,
	.walk = etcd_walk,
	.put = etcd_put,
	.touch = etcd_touch,
	.lose = etcd_lose,
	.first_to_end = etcd_first_to_end,
	.first_deed_to_end = etcd_first_deed_to_end,
	.count_ended = etcd_count_ended,
	.remove = etcd_remove,
	.set_aside = etcd_set_aside,
	.count = etcd_count,
	.count_deeds = etcd_count_deeds,
	.bytes = etcd_count_bytes,
	.generation = etcd_generation,
	.settle = etcd_settle,
	.when_safe = etcd_when_safe,
	.listen = etcd_listen,
	.catch_up = etcd_catch_up,
	.set_wake = etcd_set_wake,
	.age_ms = etcd_age_ms,
	.epoch = etcd_epoch,
	.set_presence = etcd_set_presence,
	.free = etcd_free,
};

/* Whoever writes to etcd may do so without end. */
static void tell_aside(const char *name, const char *why, void *data)
{
	struct etcd_store *store = data;
	int64_t now = clock_ms();

	if (store->n_aside == 0 || now - store->aside_since > ASIDE_EACH_MS) {
		store->aside_since = now;
		store->n_aside = 0;
	}
	if (store->n_aside++ < ASIDE_MOST)
		store->aside(name, why, store->aside_data);
	else if (store->n_aside == ASIDE_MOST + 1)
		fprintf(stderr,
			"pyrite-ns: more names are set aside, and not reported for a minute\n");
}

/* Waits until all names have been read, as long as pages come. Returns false with *problem told. */
static bool wait_for_names(struct etcd_store *store, const struct store_etcd_options *options,
			   struct store_problem *problem)
{
	const int64_t most_ms = options->start_ms ? options->start_ms : START_MS;
	int64_t until = clock_ms() + most_ms;
	size_t n_read = 0;
	char why[ETCD_TEXT_SIZE];
	struct timespec at;

	while (replica_revision(store->replica) == 0 && clock_ms() < until) {
		clock_gettime(CLOCK_REALTIME, &at);
		at.tv_nsec += 100000000;
		at.tv_sec += at.tv_nsec / 1000000000;
		at.tv_nsec %= 1000000000;
		pthread_mutex_lock(&store->lock);
		if (!store->is_woken)
			(void)pthread_cond_timedwait(&store->news, &store->lock, &at);
		pthread_mutex_unlock(&store->lock);
		(void)etcd_settle(&store->store);
		if (replica_n_read(store->replica) <= n_read)
			continue;
		n_read = replica_n_read(store->replica);
		if (!options->only_checks)
			until = clock_ms() + most_ms;
	}
	store->current_at = clock_ms();
	if (replica_revision(store->replica) > 0 || (options->only_checks && n_read > 0))
		return true;
	replica_trouble(store->replica, why, sizeof(why));
	problem->code = PYR_UNAVAILABLE;
	snprintf(problem->text, sizeof(problem->text), "names cannot be read from etcd: %s",
		 why[0] ? why : "it does not answer");
	return false;
}

static bool start(struct etcd_store *store, const struct store_etcd_options *options,
		  struct store_problem *problem)
{
	char own[ETCD_PREFIX_MAX + 4];
	struct etcd_options client = { .endpoints = options->endpoints,
				       .own_prefix = own,
				       .ca = options->ca,
				       .cert = options->cert,
				       .key = options->key,
				       .user = options->user,
				       .password = options->password };
	struct replica_options replica = { .prefix = store->prefix,
					   .wake = store_etcd_wake,
					   .aside = tell_aside,
					   .on_owner = on_owner,
					   .data = store };

	snprintf(own, sizeof(own), "%s/x/", store->prefix);
	store->etcd = etcd_open(&client, problem);
	if (!store->etcd)
		return false;
	replica.etcd = store->etcd;
	store->replica = replica_new(&replica);
	return store->replica && wait_for_names(store, options, problem);
}

struct store *store_etcd_new(const struct store_etcd_options *options, store_aside_cb aside,
			     void *data, struct store_problem *problem)
{
	const char *prefix = options->prefix ? options->prefix : STORE_ETCD_PREFIX;
	struct etcd_store *store;

	if (strlen(prefix) > ETCD_PREFIX_MAX) {
		problem->code = PYR_INVALID_ARGUMENT;
		snprintf(problem->text, sizeof(problem->text),
			 "the prefix of keys in etcd has at most %d bytes", ETCD_PREFIX_MAX);
		return NULL;
	}
	*problem = (struct store_problem){ PYR_RESOURCE_EXHAUSTED, "out of memory" };
	store = calloc(1, sizeof(*store));
	if (!store)
		return NULL;
	store->store.kind = &etcd_kind;
	store->last_gathered = &store->gathered;
	strcpy(store->prefix, prefix);
	store->aside = aside;
	store->aside_data = data;
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->news, NULL);
	if (start(store, options, problem))
		return &store->store;
	etcd_free(&store->store);
	return NULL;
}
