/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* tdestroy() */
#include <search.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "etcd_trial.h"

enum { FRESH_PART = 20 /* of its time */ };

struct known {
	struct owned_lease lease; /* first */
	struct expiry_item end;
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct owned_lease *)a)->owner,
		      ((const struct owned_lease *)b)->owner);
}

static struct known *find(const struct owner_leases *leases, const char *owner)
{
	struct owned_lease search = { .id = 0 };
	struct known **place;

	memcpy(search.owner, owner, OWNER_TEXT);
	place = tfind(&search, &leases->root, compare);
	return place ? *place : NULL;
}

static void take_out(struct owner_leases *leases, struct known *known)
{
	(void)tdelete(known, &leases->root, compare);
	expiry_remove(&leases->expiry, &known->end);
	free(known);
}

static void trim(struct owner_leases *leases, int64_t now_ms)
{
	struct expiry_item *item;

	while ((item = expiry_first(&leases->expiry)) != NULL && item->ends <= now_ms)
		take_out(leases, (struct known *)((char *)item - offsetof(struct known, end)));
}

void owner_leases_fini(struct owner_leases *leases)
{
	tdestroy(leases->root, free);
	expiry_fini(&leases->expiry);
}

bool owner_leases_has(const struct owner_leases *leases, const struct owned_lease *lease)
{
	const struct known *known = find(leases, lease->owner);

	return known && known->lease.id == lease->id;
}

bool owner_leases_is_fresh(const struct owner_leases *leases, const struct owned_lease *lease,
			   int64_t now_ms)
{
	const struct known *known = find(leases, lease->owner);
	int64_t ttl_ms = lease->ttl_s * 1000;

	return known && known->lease.id == lease->id &&
	       known->end.ends - now_ms > ttl_ms - ttl_ms / FRESH_PART;
}

bool owner_leases_is_full(struct owner_leases *leases, int64_t now_ms)
{
	trim(leases, now_ms);
	return leases->expiry.n >= REGISTRY_NAMES;
}

void owner_leases_note(struct owner_leases *leases, const struct owned_lease *lease, int64_t now_ms)
{
	int64_t ends = now_ms + lease->ttl_s * 1000;
	struct known *known;

	trim(leases, now_ms);
	known = find(leases, lease->owner);
	if (known) {
		known->lease = *lease;
		expiry_move(&leases->expiry, &known->end, ends);
		return;
	}
	if (!expiry_reserve(&leases->expiry) || !(known = calloc(1, sizeof(*known))))
		return;
	known->lease = *lease;
	known->end.ends = ends;
	if (tsearch(known, &leases->root, compare))
		expiry_add(&leases->expiry, &known->end);
	else
		free(known);
}

void owner_leases_drop(struct owner_leases *leases, const struct owned_lease *lease)
{
	struct known *known = find(leases, lease->owner);

	if (known && known->lease.id == lease->id)
		take_out(leases, known);
}

int64_t owner_leases_of(const struct owner_leases *leases, const char owner[OWNER_TEXT])
{
	const struct known *known = find(leases, owner);

	return known ? known->lease.id : 0;
}
