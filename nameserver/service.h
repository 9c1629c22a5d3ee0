/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_SERVICE_H
#define PYRITE_NS_SERVICE_H
/*
 * The registry as an object: pyrite.NameServer. Its daemon must be serial, because the registry has
 * no locks. A change is answered later, by a thread of the store, when it is safe.
 */
#include "naming.h"

#include "registry.h"

enum {
	SERVICE_MESSAGE_MAX = 65536, /* what the daemon should take and give at most */
	SERVICE_DRAIN_MS = 100,      /* attendances do not end by themselves: not worth waiting */
	SERVICE_SLICE_MS = 20,       /* of a look through the names */
	SERVICE_RENEWALS = 1024      /* names of one renewal */
};

struct service;

/* The methods; the object's data is a struct service. */
extern const struct pyrite_NameServer_methods service_methods;

/* registry is taken, also on failure. Returns: owned; NULL when memory is out. */
struct service *service_new(struct registry *registry);
/* When no method runs any more, and before the daemon is freed. */
void service_free(struct service *service);

/* The daemon that is to serve it, which is not freed before it. Returns false when memory is out.
 */
bool service_set_daemon(struct service *service, pyr_daemon *daemon);

/* How old what is told of names may be while their store cannot be reached; 0: any age. */
void service_set_max_stale(struct service *service, int64_t ms);

/* Registers the name server under its own name. Returns false with *problem told. */
bool service_add_self(struct service *service, const char *uri, struct registry_problem *problem);
#endif
