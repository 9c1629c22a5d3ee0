/* SPDX-License-Identifier: MIT */
#include "registry_own.h"

#include <errno.h>
#include <inttypes.h>
#include <pyrite/pyrite.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { SWEEP = 256 /* ended leases that one call removes */ };

static void on_change(const struct store_change *change, void *data);

struct registry *registry_new(struct store *store, const struct registry_options *options)
{
	struct registry *registry;

	if (!store)
		return NULL;
	registry = calloc(1, sizeof(*registry));
	if (!registry || !(registry->revoked = revoked_new())) {
		free(registry);
		store->kind->free(store);
		return NULL;
	}
	registry->store = store;
	registry->max_names = options->max_names ? options->max_names : REGISTRY_NAMES;
	registry->keep_ms = options->keep_ms ? options->keep_ms
					     : (int64_t)REGISTRY_KEEP_DAYS * 24 * 3600 * 1000;
	registry->max_bytes =
		options->max_bytes ? options->max_bytes : registry->max_names * REGISTRY_NAME_BYTES;
	registry->ttl_step_ms = options->ttl_step_ms;
	registry->clock = options->clock;
	registry->data = options->data;
	store->kind->listen(store, on_change, registry);
	return registry;
}

void registry_free(struct registry *registry)
{
	if (!registry)
		return;
	registry->store->kind->free(registry->store);
	revoked_free(registry->revoked);
	free(registry);
}

static int64_t now_of(struct registry *registry)
{
	return registry->clock(registry->data);
}

static bool has_ended(const struct record *record, int64_t now)
{
	return record->expires <= now;
}

/* The store has changed, by whomever. */
static void on_change(const struct store_change *change, void *data)
{
	const struct record *record = change->before ? change->before : change->after;
	struct registry *registry = data;

	if (record->owner) { /* whoever said so, its time is this name server's */
		if (change->after && registry_is_replica(registry))
			registry_deed_look(registry, record->name);
		return;
	}
	if (change->is_revoked && record->ttl_ms > 0)
		revoked_add(registry->revoked, record, now_of(registry));
	registry_deed_look(registry, record->name);
	if (registry->on_change)
		registry->on_change(change, registry->change_data);
}

void registry_set_listener(struct registry *registry, store_change_cb callback, void *data)
{
	registry->on_change = callback;
	registry->change_data = data;
}

uint64_t registry_revision(const struct registry *registry)
{
	return registry->store->kind->generation(registry->store);
}

uint64_t registry_next_revision(const struct registry *registry)
{
	return registry_revision(registry) + 1;
}

bool registry_drop(struct registry *registry, const char *key, bool is_revoked)
{
	return registry->store->kind->remove(registry->store, key, registry_next_revision(registry),
					     is_revoked);
}

/* Removes what has ended; so much at a time that nobody waits for it. The rest is seen by nobody.
 */
void registry_sweep(struct registry *registry)
{
	struct store *store = registry->store;
	const struct record *record;
	char key[REGISTRY_KEY_SIZE];
	int64_t now = now_of(registry);
	int i;

	for (i = 0; i < SWEEP; i++) {
		record = store->kind->first_to_end(store);
		if (!record || !has_ended(record, now))
			break;
		strcpy(key, record->key);
		if (!registry_drop(registry, key, false))
			break;
	}
	registry_deeds_sweep(registry);
}

/* A replica is not swept by the way: it would become part of what somebody asks for. */
void registry_sweep_own(struct registry *registry)
{
	if (!registry_is_replica(registry))
		registry_sweep(registry);
}

bool registry_is_alive(struct registry *registry, const struct record *record)
{
	return !has_ended(record, now_of(registry));
}

const struct record *registry_find(struct registry *registry, const char *key)
{
	const struct record *record = registry->store->kind->find(registry->store, key);

	return record && !record->owner && !has_ended(record, now_of(registry)) ? record : NULL;
}

const struct record *registry_find_key(struct registry *registry, const char *key)
{
	return registry_find(registry, key);
}

/* The record of a name that is not shared: those of one that is have keys, which are no names. */
static const struct record *find_alone(struct registry *registry, const char *name)
{
	const struct record *record = registry_find(registry, name);

	return record && !record->is_shared ? record : NULL;
}

static bool knows_secret(const struct record *record, const uint8_t *secret)
{
	return registry_knows_secret(record->secret, secret);
}

static bool is_leased(const struct record *record)
{
	return record->ttl_ms > 0;
}

const char *registry_address(const char *uri)
{
	const char *at = strchr(uri, '@');

	return at ? at + 1 : uri;
}

static int refuse_own(const struct record *record, struct registry_problem *problem)
{
	return registry_refuse(problem, PYR_PERMISSION_DENIED,
			       "NamingError: %s is the name server's own name and stays as it is",
			       record->name);
}

bool registry_may_change(const struct record *record, const struct registry_claim *claim)
{
	return !record->is_own && (!is_leased(record) || record->is_orphan || claim->force ||
				   knows_secret(record, claim->secret));
}

int registry_check_change(const struct record *record, const struct registry_claim *claim,
			  const char *what, struct registry_problem *problem)
{
	if (registry_may_change(record, claim))
		return 0;
	if (record->is_own)
		return refuse_own(record, problem);
	return registry_refuse(
		problem, PYR_ALREADY_EXISTS,
		"NamingError: %s belongs to another program: only its owner at %s may %s",
		record->name, registry_address(record->uri), what);
}

/* Whether the request may have the name that record holds. */
static int check_holder(const struct record *record, const struct registry_request *request,
			const char *uri, struct registry_problem *problem)
{
	if (request->is_own)
		return 0;
	if (record->is_own)
		return refuse_own(record, problem);
	if (record->is_orphan || request->claim.force ||
	    knows_secret(record, request->claim.secret))
		return 0;
	if (is_leased(record))
		return registry_refuse(problem, PYR_ALREADY_EXISTS,
				       "NamingError: name already registered: %s, by its owner at "
				       "%s (generation %" PRIu64 ")",
				       record->name, registry_address(record->uri),
				       record->generation);
	if (request->replace || (request->ttl_ms == 0 && strcmp(record->uri, uri) == 0))
		return 0;
	return registry_refuse(problem, PYR_ALREADY_EXISTS,
			       "NamingError: name already registered: %s, persistently for an "
			       "object at %s (generation %" PRIu64
			       "): replace it or remove it first",
			       record->name, registry_address(record->uri), record->generation);
}

/* The given secret, or a new one. That of a persistent name said again by somebody else changes:
 * the name is nobody's. */
static int choose_secret(const struct registry_request *request, uint8_t ret[SECRET_SIZE],
			 struct registry_problem *problem)
{
	if (request->claim.secret)
		memcpy(ret, request->claim.secret, SECRET_SIZE);
	else if (getrandom(ret, SECRET_SIZE, 0) != SECRET_SIZE)
		return registry_refuse(problem, PYR_INTERNAL, "no random numbers: %s",
				       strerror(errno));
	return 0;
}

/* Writes the lease down: its length within the limits, and its end. */
static void set_lease(struct registry *registry, const struct registry_request *request,
		      struct record *ret)
{
	uint32_t step = registry->ttl_step_ms;

	ret->ttl_ms = request->ttl_ms;
	ret->expires = INT64_MAX;
	if (request->is_own)
		ret->ttl_ms = REGISTRY_TTL_MAX_MS;
	if (request->is_own || request->ttl_ms == 0)
		return;
	if (ret->ttl_ms < REGISTRY_TTL_MIN_MS)
		ret->ttl_ms = REGISTRY_TTL_MIN_MS;
	if (ret->ttl_ms > REGISTRY_TTL_MAX_MS)
		ret->ttl_ms = REGISTRY_TTL_MAX_MS;
	if (step > 0)
		ret->ttl_ms =
			ret->ttl_ms <= 2 * step ? 2 * step : (ret->ttl_ms + step - 1) / step * step;
	ret->expires = now_of(registry) + ret->ttl_ms;
}

int registry_check_room(struct registry *registry, const struct record *record,
			const struct record *old, struct registry_problem *problem)
{
	struct store *store = registry->store;
	size_t bytes = store->kind->bytes(store) - (old ? record_cost(old) : 0);
	size_t n = store->kind->count(store) - store->kind->count_deeds(store);

	if (!old && n >= registry->max_names)
		return registry_refuse(problem, PYR_RESOURCE_EXHAUSTED,
				       "NamingError: no room for name %s: there are %zu",
				       record->name, registry->max_names);
	if (bytes + record_cost(record) > registry->max_bytes)
		return registry_refuse(problem, PYR_RESOURCE_EXHAUSTED,
				       "NamingError: no room for name %s: all of them may have "
				       "%zu bytes",
				       record->name, registry->max_bytes);
	return 0;
}

const struct record *registry_put(struct registry *registry, struct record *record,
				  struct registry_problem *problem)
{
	struct store *store = registry->store;
	char key[REGISTRY_KEY_SIZE];

	registry_make_key(key, record->name, record->is_shared ? record->uri : NULL);
	record->generation = registry_next_revision(registry);
	if (store->kind->put(store, record))
		return store->kind->find(store, key);
	(void)registry_refuse(problem, PYR_RESOURCE_EXHAUSTED, "out of memory for name %s",
			      record->name);
	return NULL;
}

/* The request's name, uri (in its normal form) and tags have been found good. */
static const struct record *put_request(struct registry *registry,
					const struct registry_request *request,
					struct record *record, struct registry_problem *problem)
{
	const struct record *old, *found;
	char key[REGISTRY_KEY_SIZE];
	bool is_beside;

	registry_sweep_own(registry);
	is_beside = request->is_shared && !registry_find(registry, request->name);
	if (!request->is_own &&
	    registry_deed_check(registry, request->name, &request->claim, is_beside, problem) < 0)
		return NULL;
	registry_make_key(key, record->name, record->is_shared ? record->uri : NULL);
	old = registry_find(registry, key);
	if ((old && check_holder(old, request, record->uri, problem) < 0) ||
	    registry_check_shares(registry, request, record, problem) < 0)
		return NULL;
	if ((!request->is_own && registry_check_room(registry, record, old, problem) < 0) ||
	    choose_secret(request, record->secret, problem) < 0)
		return NULL;
	if (!request->is_own && registry_deed_take(registry, record, &request->claim, problem) < 0)
		return NULL;
	set_lease(registry, request, record);
	revoked_drop(registry->revoked, key);
	found = registry_put(registry, record, problem);
	if (!found)
		registry_deed_look(registry, record->name);
	return found && registry_drop_others(registry, found, problem) ? found : NULL;
}

const struct record *registry_register(struct registry *registry,
				       const struct registry_request *request,
				       struct registry_problem *problem)
{
	struct record record = { .name = request->name,
				 .is_own = request->is_own,
				 .is_shared = request->is_shared };
	const char *tags[REGISTRY_TAGS];
	const struct record *found;
	pyr_uri *uri;

	if (registry_check_name(request->name, problem) < 0 ||
	    registry_check_tags(request->tags, request->n_tags, tags, &record.n_tags, problem) < 0)
		return NULL;
	uri = pyr_uri_parse(request->uri);
	if (!uri) {
		(void)registry_refuse(problem, PYR_INVALID_ARGUMENT, "invalid uri: %s",
				      pyr_errmsg());
		return NULL;
	}
	record.uri = pyr_uri_text(uri);
	record.tags = tags;
	found = put_request(registry, request, &record, problem);
	pyr_uri_free(uri);
	return found;
}

int registry_unknown(const char *name, struct registry_problem *problem)
{
	return registry_refuse(problem, PYR_NOT_FOUND, "NamingError: unknown name: %.*s",
			       REGISTRY_NAME_MAX, name);
}

int registry_set_tags(struct registry *registry, const char *name, const char *const *tags,
		      size_t n_tags, const struct registry_claim *claim,
		      struct registry_problem *problem)
{
	const struct record *old = find_alone(registry, name);
	const char *sorted[REGISTRY_TAGS];
	struct record record;
	int status;

	if (!old)
		return registry_set_share_tags(registry, name, tags, n_tags, claim, problem);
	record = *old;
	record.name = name; /* that of the old record goes with it */
	record.tags = sorted;
	record.is_orphan = old->is_orphan && !knows_secret(old, claim->secret);
	status = registry_check_tags(tags, n_tags, sorted, &record.n_tags, problem);
	if (status == 0)
		status = registry_deed_check(registry, name, claim, false, problem);
	if (status == 0)
		status = registry_check_change(old, claim, "set its metadata", problem);
	if (status == 0)
		status = registry_check_room(registry, &record, old, problem);
	if (status == 0 && !registry_put(registry, &record, problem))
		status = -problem->code;
	return status;
}

enum registry_renewal registry_renew(struct registry *registry, const char *key,
				     const struct registry_claim *claim)
{
	const uint8_t *secret = claim->secret;
	const struct record *record = registry_find(registry, key);

	if (!record && revoked_has(registry->revoked, key, secret, now_of(registry)))
		return RENEWAL_REVOKED;
	if (!record || !is_leased(record) || !knows_secret(record, secret) ||
	    !registry_deed_is_near(registry, record, claim))
		return RENEWAL_LOST;
	if (!record->is_own)
		registry->store->kind->touch(registry->store, key,
					     now_of(registry) + record->ttl_ms);
	return RENEWAL_DONE;
}

void registry_orphan(struct registry *registry, const uint8_t *secret)
{
	registry->store->kind->lose(registry->store, secret, true);
}

const struct record *registry_lookup(struct registry *registry, const char *name,
				     struct registry_problem *problem)
{
	const struct record *record = find_alone(registry, name);

	if (!record)
		record = registry_share_in_turn(registry, name);
	if (!record)
		(void)registry_unknown(name, problem);
	return record;
}

int registry_remove_record(struct registry *registry, const struct record *record,
			   struct registry_problem *problem)
{
	char key[REGISTRY_KEY_SIZE];

	strcpy(key, record->key);
	if (registry_drop(registry, key, true))
		return 0;
	return registry_refuse(problem, PYR_RESOURCE_EXHAUSTED, "out of memory to remove name %.*s",
			       REGISTRY_NAME_MAX, key);
}

int registry_remove(struct registry *registry, const char *name, const struct registry_claim *claim,
		    struct registry_problem *problem)
{
	const struct record *record = find_alone(registry, name);
	int status;

	if (!record)
		return registry_remove_shares(registry, name, claim, problem);
	status = registry_deed_check(registry, name, claim, false, problem);
	if (status == 0)
		status = registry_check_change(record, claim, "remove it", problem);
	if (status == 0)
		status = registry_remove_record(registry, record, problem);
	if (status == 0)
		(void)registry_deed_give_up(registry, name, claim);
	return status;
}

size_t registry_count(struct registry *registry)
{
	struct store *store = registry->store;

	registry_sweep_own(registry);
	return store->kind->count(store) - store->kind->count_deeds(store) -
	       store->kind->count_ended(store, now_of(registry));
}

bool registry_settle(struct registry *registry)
{
	return registry->store->kind->settle(registry->store);
}

void registry_when_safe(struct registry *registry, store_safe_cb callback, void *data)
{
	registry->store->kind->when_safe(registry->store, callback, data);
}

bool registry_is_replica(const struct registry *registry)
{
	return registry->store->kind->catch_up;
}

void registry_catch_up(struct registry *registry, store_safe_cb callback, void *data)
{
	registry->store->kind->catch_up(registry->store, callback, data);
}

void registry_set_wake(struct registry *registry, store_wake_cb callback, void *data)
{
	if (registry->store->kind->set_wake)
		registry->store->kind->set_wake(registry->store, callback, data);
}

uint64_t registry_epoch(struct registry *registry)
{
	struct store *store = registry->store;

	return store->kind->epoch ? store->kind->epoch(store) : 0;
}

void registry_set_presence(struct registry *registry, store_presence_cb is_here, void *data)
{
	if (registry->store->kind->set_presence)
		registry->store->kind->set_presence(registry->store, is_here, data);
}

int64_t registry_age_ms(struct registry *registry)
{
	struct store *store = registry->store;

	return store->kind->age_ms ? store->kind->age_ms(store) : 0;
}

/* Whether a record that the store had is as it would be put today. */
static bool makes_sense(struct registry *registry, const struct record *record,
			struct registry_problem *problem)
{
	if (!registry_check_record(record, problem))
		return false;
	if (!record->is_shared || !registry_find(registry, record->name))
		return true;
	(void)registry_refuse(problem, PYR_DATA_LOSS, "it makes no sense");
	return false;
}

/* What is found while records are adopted. */
struct adoption {
	struct registry *registry;
	char **aside; /* keys of those that make no sense; owned */
	size_t n, room;
	bool is_full; /* memory is out */
};

static void note(struct adoption *adoption, const char *key)
{
	size_t room = adoption->room ? 2 * adoption->room : 16;
	char **aside = adoption->aside;

	if (adoption->n == adoption->room) {
		aside = realloc(aside, room * sizeof(aside[0]));
		if (!aside) {
			adoption->is_full = true;
			return;
		}
		adoption->aside = aside;
		adoption->room = room;
	}
	aside[adoption->n] = strdup(key);
	if (aside[adoption->n])
		adoption->n++;
	else
		adoption->is_full = true;
}

/* It makes sense: its time begins. */
static void begin_time(struct registry *registry, const struct record *record)
{
	if (record->owner)
		registry_deed_look(registry, record->name);
	else if (is_leased(record) && !registry_is_replica(registry))
		registry->store->kind->touch(registry->store, record->key,
					     now_of(registry) + record->ttl_ms);
}

static void adopt_one(const struct record *record, void *data)
{
	struct adoption *adoption = data;
	struct registry *registry = adoption->registry;
	struct registry_problem why;

	if (makes_sense(registry, record, &why))
		begin_time(registry, record);
	else
		note(adoption, record->key);
}

/* Unless it makes sense since others were. Returns false when memory is out. */
static bool set_aside(struct registry *registry, const char *key, store_aside_cb aside, void *data)
{
	struct store *store = registry->store;
	const struct record *record = store->kind->find(store, key);
	struct registry_problem why;

	if (makes_sense(registry, record, &why)) {
		begin_time(registry, record);
		return true;
	}
	aside(record->name, why.text, data);
	return store->kind->set_aside(store, key, registry_next_revision(registry), why.text);
}

bool registry_adopt(struct registry *registry, store_aside_cb aside, void *data)
{
	struct adoption adoption = { .registry = registry };
	size_t i;

	registry->store->kind->walk(registry->store, adopt_one, &adoption);
	for (i = 0; i < adoption.n; i++) {
		if (!adoption.is_full && !set_aside(registry, adoption.aside[i], aside, data))
			adoption.is_full = true;
		free(adoption.aside[i]);
	}
	free(adoption.aside);
	(void)registry_settle(registry);
	return !adoption.is_full;
}
