/* SPDX-License-Identifier: MIT */
/*
 * Leases that others ended, by key: looked for at each registration, and for each name of a
 * renewal that is not known. One for each key, the newest.
 */
#define _GNU_SOURCE /* tdestroy() */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "expiry.h"
#include "registry.h"

struct revoked {
	struct expiry_item end; /* first; by then the owner has renewed, or is gone */
	const char *key;        /* one block with it */
	uint8_t secret[SECRET_SIZE];
};

struct revoked_list {
	void *root;
	struct expiry expiry;
};

struct revoked_list *revoked_new(void)
{
	return calloc(1, sizeof(struct revoked_list));
}

void revoked_free(struct revoked_list *list)
{
	if (!list)
		return;
	tdestroy(list->root, free);
	expiry_fini(&list->expiry);
	free(list);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct revoked *)a)->key, ((const struct revoked *)b)->key);
}

static struct revoked *find(const struct revoked_list *list, const char *key)
{
	struct revoked search = { .key = key };
	struct revoked **place = tfind(&search, &list->root, compare);

	return place ? *place : NULL;
}

static void take_out(struct revoked_list *list, struct revoked *revoked)
{
	(void)tdelete(revoked, &list->root, compare);
	expiry_remove(&list->expiry, &revoked->end);
	free(revoked);
}

static void trim(struct revoked_list *list, int64_t now)
{
	struct expiry_item *item;

	while ((item = expiry_first(&list->expiry)) != NULL && item->ends <= now)
		take_out(list, (struct revoked *)item);
}

void revoked_drop(struct revoked_list *list, const char *key)
{
	struct revoked *revoked = find(list, key);

	if (revoked)
		take_out(list, revoked);
}

/* One that is not remembered is registered again by its owner: no more than a nuisance. */
void revoked_add(struct revoked_list *list, const struct record *record, int64_t now)
{
	struct revoked *revoked;
	char *key;

	revoked_drop(list, record->key);
	if (list->expiry.n >= REGISTRY_REVOKED)
		trim(list, now);
	if (list->expiry.n >= REGISTRY_REVOKED || !expiry_reserve(&list->expiry))
		return;
	revoked = calloc(1, sizeof(*revoked) + strlen(record->key) + 1);
	if (!revoked)
		return;
	key = (char *)(revoked + 1);
	strcpy(key, record->key);
	revoked->key = key;
	memcpy(revoked->secret, record->secret, SECRET_SIZE);
	revoked->end.ends = now + record->ttl_ms;
	if (!tsearch(revoked, &list->root, compare)) {
		free(revoked);
		return;
	}
	expiry_add(&list->expiry, &revoked->end);
}

bool revoked_has(struct revoked_list *list, const char *key, const uint8_t *secret, int64_t now)
{
	const struct revoked *revoked = find(list, key);

	return revoked && revoked->end.ends > now && registry_knows_secret(revoked->secret, secret);
}
