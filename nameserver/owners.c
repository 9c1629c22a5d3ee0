/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* tdestroy() */
#include "owners.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void owners_init(struct owners *owners)
{
	*owners = (struct owners){ 0 };
	/* without random numbers the order is known, and nothing else is worse */
	(void)!getrandom(owners->keys, sizeof(owners->keys), 0);
}

void owners_fini(struct owners *owners)
{
	tdestroy(owners->root, free);
	owners->root = NULL;
}

/* Each step is a bijection, so that nothing of a secret is lost before the halves meet. */
static uint64_t mix(uint64_t value, uint64_t key)
{
	value ^= key;
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
	value = (value ^ value >> 27) * 0x94d049bb133111ebu;
	return value ^ value >> 31;
}

static struct owner make_key(const struct owners *owners, const uint8_t *secret)
{
	struct owner key = { 0 };
	uint64_t halves[2];

	memcpy(halves, secret, SECRET_SIZE);
	memcpy(key.secret, secret, SECRET_SIZE);
	key.place = mix(mix(halves[0], owners->keys[0]) + halves[1], owners->keys[1]);
	return key;
}

static int compare(const void *a, const void *b)
{
	const struct owner *one = a, *two = b;

	if (one->place != two->place)
		return one->place < two->place ? -1 : 1;
	return memcmp(one->secret, two->secret, SECRET_SIZE);
}

struct owner *owners_find(struct owners *owners, const uint8_t *secret)
{
	struct owner key = make_key(owners, secret);
	struct owner **place = tfind(&key, &owners->root, compare);

	return place ? *place : NULL;
}

struct owner *owners_take(struct owners *owners, const uint8_t *secret)
{
	struct owner *owner = owners_find(owners, secret);

	if (owner) {
		owner->n++;
		return owner;
	}
	owner = malloc(sizeof(*owner));
	if (!owner)
		return NULL;
	*owner = make_key(owners, secret);
	owner->n = 1;
	if (!tsearch(owner, &owners->root, compare)) {
		free(owner);
		return NULL;
	}
	owners->n++;
	return owner;
}

void owners_drop(struct owners *owners, struct owner *owner)
{
	if (!owner || --owner->n > 0)
		return;
	(void)tdelete(owner, &owners->root, compare);
	owners->n--;
	free(owner);
}
