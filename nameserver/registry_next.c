/* SPDX-License-Identifier: MIT */
/* One record after the other, by name and by tags. */
#include <string.h>

#include "registry_own.h"

const struct record *registry_next_kept(struct registry *registry, const char *prefix,
					const char *after)
{
	const struct store_kind *kind = registry->store->kind;
	const struct record *record;
	bool from_prefix = strcmp(after, prefix) < 0;
	const char *from = from_prefix ? prefix : after;

	if ((unsigned char)from[0] <= ' ') { /* no name begins so, but deeds do */
		from = "!";
		from_prefix = true;
	}
	record = kind->next(registry->store, from, from_prefix);
	return record && strncmp(record->name, prefix, strlen(prefix)) == 0 ? record : NULL;
}

const struct record *registry_next(struct registry *registry, const char *prefix, const char *after)
{
	registry_sweep_own(registry);
	return registry_next_kept(registry, prefix, after);
}

/* Deeds have no tags. */
static const char *rarest(struct store *store, const char *const *tags, size_t n)
{
	size_t i, count, least = SIZE_MAX;
	const char *found = NULL;

	for (i = 0; i < n; i++) {
		count = store->kind->count_tagged(store, tags[i]);
		if (count < least) {
			least = count;
			found = tags[i];
		}
	}
	return found;
}

const struct record *registry_next_tagged(struct registry *registry, const char *const *tags,
					  size_t n, bool all, const char *prefix, const char *after)
{
	struct store *store = registry->store;
	bool from_prefix = strcmp(after, prefix) < 0;
	const char *from = from_prefix ? prefix : after, *rare = NULL;
	const struct record *found = NULL, *record;
	size_t i;

	if (all && !(rare = rarest(store, tags, n)))
		return NULL;
	if (rare)
		found = store->kind->next_tagged(store, rare, from, from_prefix);
	for (i = 0; i < n && !rare; i++) {
		record = store->kind->next_tagged(store, tags[i], from, from_prefix);
		if (record && (!found || strcmp(record->key, found->key) < 0))
			found = record;
	}
	return found && strncmp(found->name, prefix, strlen(prefix)) == 0 ? found : NULL;
}
