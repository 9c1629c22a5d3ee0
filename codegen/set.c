/* SPDX-License-Identifier: MIT */
#include "set.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char **find(const char **slots, size_t room, const char *key)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a */

	for (const char *c = key; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 1099511628211u;
	for (size_t i = hash & (room - 1);; i = (i + 1) & (room - 1))
		if (!slots[i] || strcmp(slots[i], key) == 0)
			return &slots[i];
}

static bool grow(struct set *set)
{
	size_t room = set->room ? set->room * 2 : 64;
	const char **slots = calloc(room, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i < set->room; i++)
		if (set->slots[i])
			*find(slots, room, set->slots[i]) = set->slots[i];
	free(set->slots);
	set->slots = slots;
	set->room = room;
	return true;
}

bool set_add(struct set *set, const char *key)
{
	const char **slot;

	if (set->n * 2 >= set->room && !grow(set)) {
		set->failed = true;
		return true;
	}
	slot = find(set->slots, set->room, key);
	if (*slot)
		return false;
	*slot = key;
	set->n++;
	return true;
}

bool set_has(const struct set *set, const char *key)
{
	return set->room > 0 && *find(set->slots, set->room, key);
}

void set_free(struct set *set)
{
	free(set->slots);
	*set = (struct set){ 0 };
}
