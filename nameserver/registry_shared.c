/* SPDX-License-Identifier: MIT */
/* Names that several register: one record for each uri, with keys that follow each other. */
#include <pyrite/pyrite.h>
#include <stdio.h>
#include <string.h>

#include "registry_own.h"

void registry_make_key(char ret[REGISTRY_KEY_SIZE], const char *name, const char *uri)
{
	snprintf(ret, REGISTRY_KEY_SIZE, "%s%s%s", name, uri ? " " : "", uri ? uri : "");
}

const struct record *registry_next_share(struct registry *registry, const char *name,
					 const char *after)
{
	const struct store_kind *kind = registry->store->kind;
	const struct record *record;
	char first[REGISTRY_KEY_SIZE];

	if (!after) {
		registry_make_key(first, name, "");
		after = first;
	}
	while ((record = kind->next(registry->store, after, false)) && record->is_shared &&
	       strcmp(record->name, name) == 0) {
		if (registry_is_alive(registry, record))
			return record;
		after = record->key;
	}
	return NULL;
}

/* ---- registering ---- */

/* Whether a record of the other kind makes way for the request. */
static bool makes_way(const struct record *record, const struct registry_request *request)
{
	const struct registry_claim *claim = &request->claim;

	return !record->is_own && (record->is_orphan || claim->force ||
				   registry_knows_secret(record->secret, claim->secret) ||
				   (record->ttl_ms == 0 && request->replace));
}

static int check_alone(struct registry *registry, const struct registry_request *request,
		       struct registry_problem *problem)
{
	const struct record *record = NULL;
	const char *after = NULL;

	for (; (record = registry_next_share(registry, request->name, after)); after = record->key)
		if (!makes_way(record, request))
			return registry_refuse(
				problem, PYR_ALREADY_EXISTS,
				"NamingError: name already registered: %s, as shared, by others "
				"and for an object at %s: register it as shared, too",
				record->name, registry_address(record->uri));
	return 0;
}

static size_t share_bytes(const struct record *record)
{
	size_t i, n = strlen(record->uri) + 1;

	for (i = 0; i < record->n_tags; i++)
		n += strlen(record->tags[i]) + 1;
	return n;
}

/* Whether there is room for it among those that stay. */
static int check_place(struct registry *registry, const struct record *record,
		       struct registry_problem *problem)
{
	size_t n = 1, bytes = share_bytes(record);
	const struct record *other;
	const char *after = NULL;

	for (; (other = registry_next_share(registry, record->name, after)); after = other->key)
		if (strcmp(other->uri, record->uri) != 0) {
			n++;
			bytes += share_bytes(other);
		}
	if (n > REGISTRY_SHARES)
		return registry_refuse(problem, PYR_RESOURCE_EXHAUSTED,
				       "NamingError: %s has %d registrations, and no room for more",
				       record->name, REGISTRY_SHARES);
	if (bytes > REGISTRY_SHARE_BYTES)
		return registry_refuse(problem, PYR_RESOURCE_EXHAUSTED,
				       "NamingError: the registrations of %s have at most %d bytes "
				       "of uris and tags",
				       record->name, REGISTRY_SHARE_BYTES);
	return 0;
}

int registry_check_shares(struct registry *registry, const struct registry_request *request,
			  const struct record *record, struct registry_problem *problem)
{
	const struct record *alone;

	if (request->is_own)
		return 0;
	if (!request->is_shared)
		return check_alone(registry, request, problem);
	alone = registry_find(registry, request->name);
	if (!alone || makes_way(alone, request))
		return check_place(registry, record, problem);
	if (alone->is_own)
		return registry_check_change(alone, &request->claim, "share it", problem);
	return registry_refuse(problem, PYR_ALREADY_EXISTS,
			       "NamingError: name already registered: %s, for an object at %s "
			       "alone: it is not shared",
			       alone->name, registry_address(alone->uri));
}

bool registry_drop_others(struct registry *registry, const struct record *record,
			  struct registry_problem *problem)
{
	const struct record *other;
	char key[REGISTRY_KEY_SIZE];
	bool is_done = true;

	for (;;) {
		other = record->is_shared ? registry_find(registry, record->name)
					  : registry_next_share(registry, record->name, NULL);
		if (!other || !is_done)
			break;
		strcpy(key, other->key);
		is_done = registry_drop(registry, key, false);
	}
	if (!is_done)
		(void)registry_refuse(problem, PYR_RESOURCE_EXHAUSTED, "out of memory for name %s",
				      record->name);
	return is_done;
}

const struct record *registry_share_in_turn(struct registry *registry, const char *name)
{
	const struct record *record;
	const char *after = NULL;
	unsigned n = 0, turn;

	for (; (record = registry_next_share(registry, name, after)); after = record->key)
		n++;
	if (n == 0)
		return NULL;
	turn = registry->turn++ % n;
	record = registry_next_share(registry, name, NULL);
	while (turn-- > 0)
		record = registry_next_share(registry, name, record->key);
	return record;
}

/* ---- changing ---- */

/* Which records a change of the name is about. */
struct choice {
	const struct registry_claim *claim;
	bool is_owner; /* of some of them: then of those alone */
};

static bool is_meant(const struct choice *choice, const struct record *record)
{
	const struct registry_claim *claim = choice->claim;

	if (choice->is_owner && !claim->force)
		return registry_knows_secret(record->secret, claim->secret);
	return registry_may_change(record, claim);
}

/* Why no record was meant. */
static int none_meant(struct registry *registry, const char *name,
		      const struct registry_claim *claim, const char *what,
		      struct registry_problem *problem)
{
	const struct record *record = registry_next_share(registry, name, NULL);

	return record ? registry_check_change(record, claim, what, problem)
		      : registry_unknown(name, problem);
}

/* Does it to each that is meant. Returns 0 or minus a status. */
static int change_each(struct registry *registry, const char *name,
		       const struct registry_claim *claim, const char *what,
		       int (*change)(struct registry *registry, const struct record *record,
				     void *data, struct registry_problem *problem),
		       void *data, struct registry_problem *problem)
{
	struct choice choice = { .claim = claim };
	const struct record *record;
	char key[REGISTRY_KEY_SIZE];
	const char *after = NULL;
	int status = 0, n = 0;

	for (; (record = registry_next_share(registry, name, after)); after = record->key)
		choice.is_owner |= registry_knows_secret(record->secret, claim->secret);
	after = NULL;
	while (status == 0 && (record = registry_next_share(registry, name, after))) {
		after = strcpy(key, record->key);
		if (!is_meant(&choice, record))
			continue;
		status = change(registry, record, data, problem);
		n++;
	}
	return n > 0 ? status : none_meant(registry, name, claim, what, problem);
}

static int remove_one(struct registry *registry, const struct record *record, void *data,
		      struct registry_problem *problem)
{
	(void)data;
	return registry_remove_record(registry, record, problem);
}

int registry_remove_shares(struct registry *registry, const char *name,
			   const struct registry_claim *claim, struct registry_problem *problem)
{
	int status = registry_deed_check(registry, name, claim, true, problem);

	if (status < 0)
		return status;
	if (!registry_next_share(registry, name, NULL) &&
	    registry_deed_give_up(registry, name, claim))
		return 0;
	status = change_each(registry, name, claim, "remove it", remove_one, NULL, problem);
	if (status == 0)
		(void)registry_deed_give_up(registry, name, claim);
	return status;
}

int registry_remove_key(struct registry *registry, const char *key,
			const struct registry_claim *claim, struct registry_problem *problem)
{
	const struct record *record = registry_find(registry, key);
	char name[REGISTRY_NAME_MAX + 1];
	int status;

	if (!record)
		return registry_unknown(key, problem);
	strcpy(name, record->name);
	status = registry_deed_check(registry, name, claim, record->is_shared, problem);
	if (status == 0)
		status = registry_check_change(record, claim, "remove it", problem);
	if (status == 0)
		status = registry_remove_record(registry, record, problem);
	if (status == 0)
		(void)registry_deed_give_up(registry, name, claim);
	return status;
}

int registry_remove_share(struct registry *registry, const char *name, const char *uri,
			  const struct registry_claim *claim, struct registry_problem *problem)
{
	const struct record *alone = registry_find(registry, name);
	pyr_uri *parsed = pyr_uri_parse(uri);
	char key[REGISTRY_KEY_SIZE];
	bool is_it;

	if (!parsed)
		return registry_refuse(problem, PYR_INVALID_ARGUMENT, "invalid uri: %s",
				       pyr_errmsg());
	is_it = alone && strcmp(alone->uri, pyr_uri_text(parsed)) == 0;
	registry_make_key(key, name, is_it ? NULL : pyr_uri_text(parsed));
	pyr_uri_free(parsed);
	return registry_remove_key(registry, key, claim, problem);
}

/* Tags that were found good. */
struct share_tags {
	const char *const *items;
	size_t n;
	const uint8_t *secret; /* of whoever sets them */
};

static int set_one(struct registry *registry, const struct record *old, void *data,
		   struct registry_problem *problem)
{
	const struct share_tags *tags = data;
	struct record record = *old;
	int status;

	record.tags = tags->items;
	record.n_tags = tags->n;
	record.is_orphan = old->is_orphan && !registry_knows_secret(old->secret, tags->secret);
	status = registry_check_room(registry, &record, old, problem);
	if (status == 0)
		status = check_place(registry, &record, problem);
	if (status < 0)
		return status;
	return registry_put(registry, &record, problem) ? 0 : -problem->code;
}

int registry_set_share_tags(struct registry *registry, const char *name, const char *const *tags,
			    size_t n_tags, const struct registry_claim *claim,
			    struct registry_problem *problem)
{
	const char *sorted[REGISTRY_TAGS];
	struct share_tags all = { .items = sorted, .secret = claim->secret };
	int status = registry_check_tags(tags, n_tags, sorted, &all.n, problem);

	if (status == 0)
		status = registry_deed_check(registry, name, claim, true, problem);
	if (status < 0)
		return status;
	return change_each(registry, name, claim, "set its metadata", set_one, &all, problem);
}
