/* SPDX-License-Identifier: MIT */
/*
 * Whose names are. The first who registers a name and has proved who he is owns it: that is his
 * deed, a record beside those of the name. It outlives them, so that nobody takes the name while
 * its owner restarts; what was not registered for keep_ms is forgotten. A name that was registered
 * by nobody stays nobody's as long as it is registered.
 */
#include <pyrite/pyrite.h>
#include <stdio.h>
#include <string.h>

#include "registry_own.h"

enum {
	SWEEP = 64,            /* deeds that one call forgets */
	SWEEP_TOGETHER = 16,   /* the same of a replica, which does so in one transaction, */
	SWEEP_AGAIN_MS = 10000 /* and tries again after that */
};

static void make_key(char ret[REGISTRY_KEY_SIZE], const char *name)
{
	snprintf(ret, REGISTRY_KEY_SIZE, " %s", name);
}

static const struct record *find(struct registry *registry, const char *name)
{
	struct store *store = registry->store;
	char key[REGISTRY_KEY_SIZE];

	if (store->kind->count_deeds(store) == 0)
		return NULL;
	make_key(key, name);
	return store->kind->find(store, key);
}

const char *registry_owner(struct registry *registry, const char *name)
{
	const struct record *deed = find(registry, name);

	return deed ? deed->owner : NULL;
}

/* Whether there is a record of the name; one that has just ended counts. */
static bool is_registered(struct registry *registry, const char *name)
{
	struct store *store = registry->store;
	const struct record *record = store->kind->find(store, name);
	char first[REGISTRY_KEY_SIZE];

	if (record)
		return true;
	registry_make_key(first, name, "");
	record = store->kind->next(store, first, false);
	return record && record->is_shared && strcmp(record->name, name) == 0;
}

static void set_end(struct registry *registry, const char *name, bool is_held)
{
	int64_t end = registry->clock(registry->data) + registry->keep_ms;
	char key[REGISTRY_KEY_SIZE];

	make_key(key, name);
	registry->store->kind->touch(registry->store, key, is_held ? INT64_MAX : end);
}

void registry_deed_look(struct registry *registry, const char *name)
{
	if (find(registry, name))
		set_end(registry, name, is_registered(registry, name));
}

static void look_again_at(struct registry *registry, const char *name, int64_t then)
{
	char key[REGISTRY_KEY_SIZE];

	make_key(key, name);
	registry->store->kind->touch(registry->store, key, then);
}

void registry_deeds_sweep(struct registry *registry)
{
	struct store *store = registry->store;
	int64_t now = registry->clock(registry->data);
	const struct record *deed;
	char name[REGISTRY_NAME_MAX + 1];
	bool is_replica = registry_is_replica(registry);
	int i;

	for (i = 0; i < (is_replica ? SWEEP_TOGETHER : SWEEP); i++) {
		deed = store->kind->first_deed_to_end(store);
		if (!deed || deed->expires > now)
			break;
		snprintf(name, sizeof(name), "%s", deed->name);
		/* its removal may have been taken back */
		if (is_registered(registry, name)) {
			set_end(registry, name, true);
			continue;
		}
		if (is_replica)
			look_again_at(registry, name, now + SWEEP_AGAIN_MS);
		if (!registry_deed_drop(registry, name))
			break;
	}
}

bool registry_deed_drop(struct registry *registry, const char *name)
{
	char key[REGISTRY_KEY_SIZE];

	make_key(key, name);
	return registry_drop(registry, key, false);
}

/* ---- who may ---- */

static bool is_it(const struct record *deed, const struct registry_claim *claim)
{
	return claim->who && strcmp(deed->owner, claim->who) == 0;
}

static bool may(const struct registry_claim *claim, const char *action, const char *name)
{
	return claim->may && claim->may(claim->data, action, name);
}

/* What people call it: "cert:alice" is a certificate's. */
static const char *kind_of(const char *who)
{
	static const struct {
		const char *prefix, *kind;
	} kinds[] = { { "cert:", "certificate" }, { "key:", "key" }, { "uid:", "user" } };
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strncmp(who, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
			return kinds[i].kind;
	return "identity";
}

/* Whose it is is told to whom the rules let know, else of what kind he is. */
static int refuse(const struct record *deed, const struct registry_claim *claim,
		  struct registry_problem *problem)
{
	const char *kind = kind_of(deed->owner);
	const char *article = strcmp(kind, "identity") == 0 ? "an" : "a";
	bool is_like = claim->who && claim->who[0] && kind_of(claim->who) == kind;

	if (claim->force && claim->may) {
		(void)registry_refuse(problem, PYR_PERMISSION_DENIED, "%s", "");
		problem->action = "override";
		return -PYR_PERMISSION_DENIED;
	}
	if (registry_may_know(claim, deed->name, deed->owner))
		return registry_refuse(problem, PYR_PERMISSION_DENIED,
				       "NamingError: name %s belongs to %s", deed->name,
				       deed->owner);
	return registry_refuse(problem, PYR_PERMISSION_DENIED,
			       "NamingError: name %s belongs to %s %s", deed->name,
			       is_like ? "another" : article, kind);
}

bool registry_may_know(const struct registry_claim *claim, const char *name, const char *owner)
{
	return (claim->who && strcmp(owner, claim->who) == 0) || may(claim, "override", name) ||
	       may(claim, "inspect", "");
}

int registry_deed_check(struct registry *registry, const char *name,
			const struct registry_claim *claim, bool is_shared,
			struct registry_problem *problem)
{
	const struct record *deed = find(registry, name);

	if (!deed || is_it(deed, claim) || (claim->force && may(claim, "override", name)) ||
	    (is_shared && may(claim, "share", name)))
		return 0;
	return refuse(deed, claim, problem);
}

bool registry_deed_is_near(struct registry *registry, const struct record *record,
			   const struct registry_claim *claim)
{
	const struct record *deed = find(registry, record->name);

	return !deed || is_it(deed, claim) ||
	       (record->is_shared && may(claim, "share", record->name));
}

/* ---- taking and giving up ---- */

/* Whether the name is registered by others than the one record. */
static bool has_others(struct registry *registry, const struct record *record)
{
	const struct record *other;
	const char *after = NULL;

	if (!record->is_shared)
		return false;
	for (; (other = registry_next_share(registry, record->name, after)); after = other->key)
		if (strcmp(other->uri, record->uri) != 0)
			return true;
	return false;
}

/* The record is about to be put. In a replica it may come to nothing: there its change holds. */
static void hold(struct registry *registry, const char *name)
{
	if (!registry_is_replica(registry))
		set_end(registry, name, true);
}

static bool is_full(struct registry *registry, const struct record *deed)
{
	struct store *store = registry->store;

	return store->kind->count_deeds(store) >= registry->max_names ||
	       store->kind->bytes(store) + record_cost(deed) > registry->max_bytes;
}

int registry_deed_take(struct registry *registry, const struct record *record,
		       const struct registry_claim *claim, struct registry_problem *problem)
{
	struct record deed = { .name = record->name,
			       .uri = "",
			       .owner = claim->who,
			       .expires = INT64_MAX,
			       .generation = registry_next_revision(registry) };
	const struct record *old = find(registry, record->name);
	bool overrides;

	if (old && is_it(old, claim)) {
		hold(registry, record->name);
		return 0;
	}
	overrides = old && claim->force && may(claim, "override", record->name);
	if (old && !overrides) { /* he shares it */
		hold(registry, record->name);
		return 0;
	}
	if (!claim->is_owner)
		return !old || registry_deed_drop(registry, record->name) ? 0 : -1;
	if (!old && has_others(registry, record))
		return 0;
	if (!old && is_full(registry, &deed))
		return registry_refuse(problem, PYR_RESOURCE_EXHAUSTED,
				       "NamingError: no room for name %s: %zu are kept for their "
				       "owners, and all may have %zu bytes",
				       record->name, registry->max_names, registry->max_bytes);
	if (!registry->store->kind->put(registry->store, &deed))
		return registry_refuse(problem, PYR_RESOURCE_EXHAUSTED, "out of memory for name %s",
				       record->name);
	return 0;
}

bool registry_deed_give_up(struct registry *registry, const char *name,
			   const struct registry_claim *claim)
{
	const struct record *deed = find(registry, name);

	if (!deed || !claim->gives_up || is_registered(registry, name))
		return false;
	if (!is_it(deed, claim) && !(claim->force && may(claim, "override", name)))
		return false;
	return registry_deed_drop(registry, name);
}

/* ---- what somebody with the right to says ---- */

static bool is_owner(const char *owner)
{
	const char *at;

	for (at = owner; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return false;
	return strncmp(kind_of(owner), "identity", 8) != 0 && at - owner <= REGISTRY_OWNER_MAX;
}

static int put_deed(struct registry *registry, struct record *deed,
		    struct registry_problem *problem)
{
	if (!find(registry, deed->name) && is_full(registry, deed))
		return registry_refuse(problem, PYR_RESOURCE_EXHAUSTED,
				       "NamingError: no room for the owner of name %s", deed->name);
	if (!registry->store->kind->put(registry->store, deed))
		return registry_refuse(problem, PYR_RESOURCE_EXHAUSTED, "out of memory for name %s",
				       deed->name);
	registry_deed_look(registry, deed->name);
	return 0;
}

int registry_assign(struct registry *registry, const char *name, const char *owner,
		    const struct registry_claim *claim, struct registry_problem *problem)
{
	struct record deed = { .name = name,
			       .uri = "",
			       .owner = owner,
			       .expires = INT64_MAX,
			       .generation = registry_next_revision(registry) };
	int status = registry_check_name(name, problem);

	if (status < 0)
		return status;
	if (owner[0] && !is_owner(owner))
		return registry_refuse(problem, PYR_INVALID_ARGUMENT,
				       "NamingError: '%.60s' is not an owner: expected cert:NAME, "
				       "key:NAME or uid:NUMBER",
				       owner);
	if (!may(claim, "override", name)) {
		(void)registry_refuse(problem, PYR_PERMISSION_DENIED,
				      "NamingError: the owner of name %s can be set only if the "
				      "name server has rules",
				      name);
		problem->action = claim->may ? "override" : NULL;
		return -PYR_PERMISSION_DENIED;
	}
	if (owner[0])
		return put_deed(registry, &deed, problem);
	if (!find(registry, name) || registry_deed_drop(registry, name))
		return 0;
	return registry_refuse(problem, PYR_RESOURCE_EXHAUSTED, "out of memory for name %s", name);
}
