/* SPDX-License-Identifier: MIT */
#include "registry.h"

#include <errno.h>
#include <pyrite/pyrite.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct registry {
	struct store *store;
	size_t max_names;
	registry_clock_cb clock;
	void *data;
	uint64_t generation;
	int64_t next_end; /* no lease ends before: there is nothing to sweep until then */
};

struct registry *registry_new(struct store *store, const struct registry_options *options)
{
	struct registry *registry;

	if (!store)
		return NULL;
	registry = calloc(1, sizeof(*registry));
	if (!registry) {
		store->kind->free(store);
		return NULL;
	}
	registry->store = store;
	registry->max_names = options->max_names ? options->max_names : REGISTRY_NAMES;
	registry->clock = options->clock;
	registry->data = options->data;
	registry->next_end = INT64_MAX;
	return registry;
}

void registry_free(struct registry *registry)
{
	if (!registry)
		return;
	registry->store->kind->free(registry->store);
	free(registry);
}

PYR_PRINTF(3, 4)
static int refuse(struct registry_problem *problem, int code, const char *format, ...)
{
	va_list args;

	problem->code = code;
	va_start(args, format);
	vsnprintf(problem->text, sizeof(problem->text), format, args);
	va_end(args);
	return -code;
}

static bool has_ended(const struct record *record, int64_t now)
{
	return record->expires <= now;
}

/* Removes what has ended. Walks only when a lease may have ended since the last walk, and a renewed
 * lease moves that by most of its ttl. */
static void sweep(struct registry *registry, int64_t now)
{
	struct store *store = registry->store;
	const struct record *record;
	char name[REGISTRY_NAME_MAX + 1] = "";
	int64_t next_end = INT64_MAX;

	if (now < registry->next_end)
		return;
	while ((record = store->kind->next(store, name, false)) != NULL) {
		snprintf(name, sizeof(name), "%s", record->name);
		if (has_ended(record, now)) {
			store->kind->remove(store, name);
			registry->generation++;
		} else if (record->expires < next_end) {
			next_end = record->expires;
		}
	}
	registry->next_end = next_end;
}

/* The record if it is still alive. */
static const struct record *find(struct registry *registry, const char *name)
{
	const struct record *record = registry->store->kind->find(registry->store, name);

	return record && !has_ended(record, registry->clock(registry->data)) ? record : NULL;
}

/* Looks at every byte, so that the time it takes tells nothing. */
static bool knows_secret(const struct record *record, const uint8_t *secret)
{
	unsigned difference = 0;
	int i;

	for (i = 0; secret && i < SECRET_SIZE; i++)
		difference |= record->secret[i] ^ secret[i];
	return secret && difference == 0;
}

/* A name is what may stand in PYRONAME:name. */
static int check_name(const char *name, struct registry_problem *problem)
{
	char text[sizeof("PYRONAME:") + REGISTRY_NAME_MAX];
	pyr_uri *uri;
	bool fits;

	if (name[0] == '\0' || strlen(name) > REGISTRY_NAME_MAX)
		return refuse(problem, PYR_INVALID_ARGUMENT,
			      "NamingError: a name has 1 to %d bytes, not %zu", REGISTRY_NAME_MAX,
			      strlen(name));
	snprintf(text, sizeof(text), "PYRONAME:%s", name);
	uri = pyr_uri_parse(text);
	fits = uri && strcmp(pyr_uri_object(uri), name) == 0;
	pyr_uri_free(uri);
	if (fits)
		return 0;
	return refuse(problem, PYR_INVALID_ARGUMENT,
		      "NamingError: invalid name: '%s': white space, control characters and '@' "
		      "have no place in it",
		      name);
}

/* "127.0.0.1:4000" of a uri in its normal form. */
static const char *address_of(const char *uri)
{
	const char *at = strchr(uri, '@');

	return at ? at + 1 : uri;
}

/* Whether the request may have the name that record holds. */
static int check_holder(const struct record *record, const struct registry_request *request,
			const char *uri, struct registry_problem *problem)
{
	if (record->is_orphan || knows_secret(record, request->secret))
		return 0;
	if (record->ttl_ms > 0)
		return refuse(problem, PYR_ALREADY_EXISTS,
			      "NamingError: name already registered: %s, by its owner at %s",
			      record->name, address_of(record->uri));
	if (request->ttl_ms == 0 && strcmp(record->uri, uri) == 0)
		return 0;
	return refuse(problem, PYR_ALREADY_EXISTS,
		      "NamingError: name already registered: %s, persistently for an object at %s: "
		      "remove it first",
		      record->name, address_of(record->uri));
}

/* The given secret, or a new one. That of a persistent name said again by somebody else changes:
 * the name is nobody's. */
static int choose_secret(const struct registry_request *request, uint8_t ret[SECRET_SIZE],
			 struct registry_problem *problem)
{
	if (request->secret)
		memcpy(ret, request->secret, SECRET_SIZE);
	else if (getrandom(ret, SECRET_SIZE, 0) != SECRET_SIZE)
		return refuse(problem, PYR_INTERNAL, "no random numbers: %s", strerror(errno));
	return 0;
}

/* Writes the lease down: its length within the limits, and its end. */
static void set_lease(struct registry *registry, const struct registry_request *request,
		      struct record *ret)
{
	ret->ttl_ms = request->ttl_ms;
	ret->expires = INT64_MAX;
	if (request->for_ever)
		ret->ttl_ms = REGISTRY_TTL_MAX_MS;
	if (request->for_ever || request->ttl_ms == 0)
		return;
	if (ret->ttl_ms < REGISTRY_TTL_MIN_MS)
		ret->ttl_ms = REGISTRY_TTL_MIN_MS;
	if (ret->ttl_ms > REGISTRY_TTL_MAX_MS)
		ret->ttl_ms = REGISTRY_TTL_MAX_MS;
	ret->expires = registry->clock(registry->data) + ret->ttl_ms;
}

/* The request has been found good; uri is in its normal form. */
static const struct record *put(struct registry *registry, const struct registry_request *request,
				const char *uri, struct registry_problem *problem)
{
	struct store *store = registry->store;
	struct record record = { .name = request->name, .uri = uri };

	if (choose_secret(request, record.secret, problem) < 0)
		return NULL;
	set_lease(registry, request, &record);
	record.generation = registry->generation + 1;
	if (!store->kind->put(store, &record)) {
		(void)refuse(problem, PYR_RESOURCE_EXHAUSTED, "out of memory for name %s",
			     request->name);
		return NULL;
	}
	registry->generation++;
	if (record.expires < registry->next_end)
		registry->next_end = record.expires;
	return store->kind->find(store, request->name);
}

const struct record *registry_register(struct registry *registry,
				       const struct registry_request *request,
				       struct registry_problem *problem)
{
	const struct record *record = NULL, *old;
	pyr_uri *uri;

	if (check_name(request->name, problem) < 0)
		return NULL;
	uri = pyr_uri_parse(request->uri);
	if (!uri) {
		(void)refuse(problem, PYR_INVALID_ARGUMENT, "invalid uri: %s", pyr_errmsg());
		return NULL;
	}
	sweep(registry, registry->clock(registry->data));
	old = find(registry, request->name);
	if (!old && registry->store->kind->count(registry->store) >= registry->max_names)
		(void)refuse(problem, PYR_RESOURCE_EXHAUSTED,
			     "NamingError: no room for name %s: there are %zu", request->name,
			     registry->max_names);
	else if (!old || check_holder(old, request, pyr_uri_text(uri), problem) == 0)
		record = put(registry, request, pyr_uri_text(uri), problem);
	pyr_uri_free(uri);
	return record;
}

bool registry_renew(struct registry *registry, const char *name, const uint8_t *secret)
{
	const struct record *record = find(registry, name);

	if (!record || record->ttl_ms == 0 || !knows_secret(record, secret))
		return false;
	if (record->expires != INT64_MAX)
		registry->store->kind->touch(registry->store, name,
					     registry->clock(registry->data) + record->ttl_ms,
					     false);
	return true;
}

void registry_orphan(struct registry *registry, const uint8_t *secret)
{
	const struct store_kind *kind = registry->store->kind;
	const struct record *record;
	const char *name = "";

	while ((record = kind->next(registry->store, name, false)) != NULL) {
		name = record->name;
		if (record->ttl_ms > 0 && knows_secret(record, secret))
			kind->touch(registry->store, name, record->expires, true);
	}
}

static int unknown(const char *name, struct registry_problem *problem)
{
	return refuse(problem, PYR_NOT_FOUND, "NamingError: unknown name: %.*s", REGISTRY_NAME_MAX,
		      name);
}

const struct record *registry_lookup(struct registry *registry, const char *name,
				     struct registry_problem *problem)
{
	const struct record *record = find(registry, name);

	if (!record)
		(void)unknown(name, problem);
	return record;
}

const struct record *registry_next(struct registry *registry, const char *prefix, const char *after)
{
	const struct store_kind *kind = registry->store->kind;
	const struct record *record;
	bool from_prefix = strcmp(after, prefix) < 0;

	sweep(registry, registry->clock(registry->data));
	record = kind->next(registry->store, from_prefix ? prefix : after, from_prefix);
	return record && strncmp(record->name, prefix, strlen(prefix)) == 0 ? record : NULL;
}

int registry_remove(struct registry *registry, const char *name, const uint8_t *secret,
		    struct registry_problem *problem)
{
	const struct record *record = find(registry, name);

	if (!record)
		return unknown(name, problem);
	if (record->ttl_ms > 0 && !record->is_orphan && !knows_secret(record, secret))
		return refuse(problem, PYR_ALREADY_EXISTS,
			      "NamingError: %s is another's: only its owner at %s may remove it",
			      record->name, address_of(record->uri));
	registry->store->kind->remove(registry->store, name);
	registry->generation++;
	return 0;
}

size_t registry_count(struct registry *registry)
{
	sweep(registry, registry->clock(registry->data));
	return registry->store->kind->count(registry->store);
}
