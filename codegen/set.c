/* SPDX-License-Identifier: MIT */
#include "set.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct set_slot *find(struct set_slot *slots, size_t room, const char *key)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a */

	for (const char *c = key; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 1099511628211u;
	for (size_t i = hash & (room - 1);; i = (i + 1) & (room - 1))
		if (!slots[i].key || strcmp(slots[i].key, key) == 0)
			return &slots[i];
}

static bool grow(struct set *set)
{
	size_t room = set->room ? set->room * 2 : 64;
	struct set_slot *slots = calloc(room, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i < set->room; i++)
		if (set->slots[i].key)
			*find(slots, room, set->slots[i].key) = set->slots[i];
	free(set->slots);
	set->slots = slots;
	set->room = room;
	return true;
}

bool set_put(struct set *set, const char *key, const void *value)
{
	struct set_slot *slot;

	if (set->n * 2 >= set->room && !grow(set)) {
		set->failed = true;
		return true;
	}
	slot = find(set->slots, set->room, key);
	if (slot->key)
		return false;
	*slot = (struct set_slot){ key, value };
	set->n++;
	return true;
}

bool set_add(struct set *set, const char *key)
{
	return set_put(set, key, key);
}

const void *set_get(const struct set *set, const char *key)
{
	return set->room > 0 ? find(set->slots, set->room, key)->value : NULL;
}

bool set_has(const struct set *set, const char *key)
{
	return set_get(set, key) != NULL;
}

void set_free(struct set *set)
{
	free(set->slots);
	*set = (struct set){ 0 };
}
