/* SPDX-License-Identifier: MIT */
#include "base/idset.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST = 64 };

static bool grow(struct idset *set)
{
	size_t cap = set->cap ? 2 * set->cap : FIRST;
	uint8_t *ids = realloc(set->ids, cap * IDSET_ID);

	if (!ids)
		return false;
	set->ids = ids;
	set->cap = cap;
	return true;
}

bool idset_add(struct idset *set, const uint8_t id[IDSET_ID])
{
	if (set->n == set->cap && !grow(set))
		return false;
	memcpy(set->ids + set->n++ * IDSET_ID, id, IDSET_ID);
	return true;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, IDSET_ID);
}

void idset_seal(struct idset *set)
{
	if (set->n > 1)
		qsort(set->ids, set->n, IDSET_ID, compare);
}

bool idset_has(const struct idset *set, const uint8_t id[IDSET_ID])
{
	return set->n > 0 && bsearch(id, set->ids, set->n, IDSET_ID, compare);
}

void idset_free(struct idset *set)
{
	free(set->ids);
	*set = (struct idset){ 0 };
}
