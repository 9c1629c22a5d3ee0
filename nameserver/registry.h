/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_REGISTRY_H
#define PYRITE_NS_REGISTRY_H
/*
 * The rules of names: who may register, replace and remove one, and when a lease ends. Pure: no
 * network, no clock of its own; the store is one of store.h. One thread at a time.
 *
 * A leased name belongs to whoever knows its secret, until the lease ends; a persistent name
 * belongs to nobody, but only its secret may lead it elsewhere. A lease that has ended is as good
 * as removed: nothing sees it any more.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store.h"

#define REGISTRY_NAME_MAX   255
#define REGISTRY_NAMES      100000
#define REGISTRY_TTL_MIN_MS 100
#define REGISTRY_TTL_MAX_MS 3600000

struct registry;

/* Milliseconds that never go back. */
typedef int64_t (*registry_clock_cb)(void *data);

struct registry_options {
	size_t max_names; /* 0: REGISTRY_NAMES */
	registry_clock_cb clock;
	void *data;
};

/* Why not: a status (enum pyr_status, positive) and a text, "NamingError: unknown name: x". */
struct registry_problem {
	int code;
	char text[1024];
};

struct registry_request {
	const char *name, *uri;
	uint32_t ttl_ms;       /* 0: persistent; brought into REGISTRY_TTL_MIN_MS..MAX_MS */
	const uint8_t *secret; /* SECRET_SIZE bytes; NULL: a new one is made */
	bool for_ever;         /* a lease that never ends, for the name server's own name */
};

/* store is taken, also on failure. Returns: owned; NULL when memory is out. */
struct registry *registry_new(struct store *store, const struct registry_options *options);
void registry_free(struct registry *registry);

/* Returns the record, valid until the next change; NULL with *problem told. */
const struct record *registry_register(struct registry *registry,
				       const struct registry_request *request,
				       struct registry_problem *problem);

/* Whether the name is leased under the secret; its lease then begins anew. */
bool registry_renew(struct registry *registry, const char *name, const uint8_t *secret);

/* The owner who knows the secret is gone: until they are renewed, its leased names may be taken or
 * removed by anybody. */
void registry_orphan(struct registry *registry, const uint8_t *secret);

/* As registry_register(). */
const struct record *registry_lookup(struct registry *registry, const char *name,
				     struct registry_problem *problem);

/* The first name that begins with prefix and sorts after `after` ("": any). NULL: none. */
const struct record *registry_next(struct registry *registry, const char *prefix,
				   const char *after);

/* secret: NULL for none. Returns 0 or minus a status. */
int registry_remove(struct registry *registry, const char *name, const uint8_t *secret,
		    struct registry_problem *problem);

size_t registry_count(struct registry *registry);
#endif
