/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_SHARED_NAMES_H
#define PYRITE_TEST_SHARED_NAMES_H
/* Two name servers that share names in etcd: their rules, over a cluster that is played here. */
#include "fake_etcd.h"
#include "registry.h"
#include "test.h"

#include <pyrite/pyrite.h>
#include <stdio.h>

#define URI_1 "PYRO:o@h:1"
#define URI_2 "PYRO:o@h:2"
#define N     "/pyrite/ns/n/"

/* What a request got. */
struct reply {
	unsigned n;
	int code;
	uint64_t revision;
	char text[512];
};

/* A name server. */
struct place {
	struct store *store;
	struct registry *registry;
	unsigned n_aside;
	char aside[1300];
	bool has_owner; /* here */
	unsigned n_changes;
	char changes[2000];
};

static struct place a, b;
static int64_t now;
static const uint8_t mine[SECRET_SIZE] = "my secret......", his[SECRET_SIZE] = "his secret.....";

static inline int64_t test_clock(void *data)
{
	(void)data;
	return now;
}

static inline void note_aside(const char *name, const char *why, void *data)
{
	struct place *place = data;

	place->n_aside++;
	snprintf(place->aside, sizeof(place->aside), "%s: %s", name, why);
}

static inline void note_change(const struct store_change *change, void *data)
{
	struct place *place = data;
	size_t n = strlen(place->changes);

	place->n_changes++;
	snprintf(place->changes + n, sizeof(place->changes) - n, "%s%s%s ",
		 change->after ? "+" : "-",
		 change->after ? change->after->key : change->before->key,
		 change->is_revoked ? "!" : "");
}

static inline bool is_here(const uint8_t *secret, void *data)
{
	struct place *place = data;

	(void)secret;
	return place->has_owner;
}

static inline void open_place(struct place *place)
{
	struct store_etcd_options options = { .endpoints = "played", .start_ms = 1000 };
	struct registry_options rules = { .clock = test_clock, .ttl_step_ms = 1000 };
	struct store_problem problem;

	memset(place, 0, sizeof(*place));
	place->store = store_etcd_new(&options, note_aside, place, &problem);
	REQUIRE(place->store != NULL);
	place->registry = registry_new(place->store, &rules);
	REQUIRE(place->registry != NULL);
	REQUIRE(registry_adopt(place->registry, note_aside, place));
	registry_set_listener(place->registry, note_change, place);
	registry_set_presence(place->registry, is_here, place);
}

static inline void open_both(void)
{
	fake_etcd_reset();
	now = 1000;
	open_place(&a);
	open_place(&b);
}

static inline void close_both(void)
{
	registry_free(a.registry);
	registry_free(b.registry);
	fake_etcd_reset();
}

static inline void settle(struct place *place)
{
	int i;

	for (i = 0; i < 3; i++)
		(void)registry_settle(place->registry);
}

static inline void on_reply(const struct store_problem *problem, uint64_t revision, void *data)
{
	struct reply *reply = data;

	reply->n++;
	reply->code = problem->code;
	reply->revision = revision;
	snprintf(reply->text, sizeof(reply->text), "%s", problem->code ? problem->text : "");
}

static inline struct registry_claim claim_of(const uint8_t *secret)
{
	return (struct registry_claim){ .secret = secret };
}

/* Tries to register; what the rules say to that. */
static inline int try_name(struct place *place, const char *name, const char *uri, uint32_t ttl_ms,
			   const uint8_t *secret, bool is_shared)
{
	struct registry_request request = { .name = name,
					    .uri = uri,
					    .ttl_ms = ttl_ms,
					    .claim = claim_of(secret),
					    .is_shared = is_shared };
	struct registry_problem problem;

	(void)registry_settle(place->registry);
	return registry_register(place->registry, &request, &problem) ? 0 : problem.code;
}

/* The same, and sends it; the reply follows. */
static inline int start_name(struct place *place, const char *name, const char *uri,
			     uint32_t ttl_ms, const uint8_t *secret, bool is_shared,
			     struct reply *reply)
{
	int code = try_name(place, name, uri, ttl_ms, secret, is_shared);

	if (code == 0)
		registry_when_safe(place->registry, on_reply, reply);
	return code;
}

/* The same, to the end; no answer: -1. */
static inline int register_name(struct place *place, const char *name, const char *uri,
				uint32_t ttl_ms, const uint8_t *secret)
{
	struct reply reply = { 0 };
	int code = start_name(place, name, uri, ttl_ms, secret, false, &reply);

	if (code)
		return code;
	settle(place);
	return reply.n == 1 ? reply.code : -1;
}

static inline int remove_name(struct place *place, const char *name, const uint8_t *secret)
{
	struct registry_claim claim = claim_of(secret);
	struct registry_problem problem;
	struct reply reply = { 0 };

	(void)registry_settle(place->registry);
	if (registry_remove(place->registry, name, &claim, &problem) < 0)
		return problem.code;
	registry_when_safe(place->registry, on_reply, &reply);
	settle(place);
	return reply.n == 1 ? reply.code : -1;
}

/* code: how the request ended. */
static inline enum registry_renewal renew(struct place *place, const char *key,
					  const uint8_t *secret, int *code)
{
	struct registry_claim claim = claim_of(secret);
	struct reply reply = { 0 };
	enum registry_renewal renewal;

	(void)registry_settle(place->registry);
	renewal = registry_renew(place->registry, key, &claim);
	registry_when_safe(place->registry, on_reply, &reply);
	settle(place);
	*code = reply.n == 1 ? reply.code : -1;
	return renewal;
}

/* Where a name leads; "": nowhere. */
static const char *lookup(struct place *place, const char *name)
{
	struct registry_problem problem;
	const struct record *record;

	(void)registry_settle(place->registry);
	record = registry_lookup(place->registry, name, &problem);
	return record ? record->uri : "";
}

#endif
