/* SPDX-License-Identifier: MIT */
#include "naming/naming_rank.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

static size_t worst(const struct ranked *ranked)
{
	size_t i, at = 0;

	for (i = 1; i < ranked->uris->n; i++)
		if (ranked->ranks[i] > ranked->ranks[at])
			at = i;
	return at;
}

bool rank(struct ranked *ranked, const char *uri)
{
	struct group_uris *uris = ranked->uris;
	size_t at = uris->n;
	uint64_t its = hash_more(ranked->seed, uri, strlen(uri));
	char *copy;

	if (at == GROUP_MAX && ranked->ranks[at = worst(ranked)] <= its)
		return true;
	copy = strdup(uri);
	if (!copy)
		return false;
	if (at == uris->n)
		uris->n++;
	else
		free(uris->items[at]);
	uris->items[at] = copy;
	ranked->ranks[at] = its;
	return true;
}
