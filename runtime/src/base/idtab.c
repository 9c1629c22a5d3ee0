/* SPDX-License-Identifier: MIT */
/*
 * Chains, at most two nodes long on average. Ids may be the other end's choice: the place is a
 * product of the id's halves under a key that each process draws once.
 */
#include "base/idtab.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

enum { FIRST = 64, LOAD = 2 };

/* Written once, before the first entry of any table. */
static struct {
	pthread_once_t once;
	uint64_t words[4];
} key = { .once = PTHREAD_ONCE_INIT };

static void draw_key(void)
{
	key.words[0] = (uint64_t)(uintptr_t)&key; /* better than nothing */
	(void)random_bytes(key.words, sizeof(key.words));
}

__extension__ typedef unsigned __int128 wide;

/* Both halves of the product: each bit of either factor is in all of it. */
static uint64_t fold(uint64_t x, uint64_t y)
{
	wide product = (wide)x * y;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static struct idtab_node **bucket(struct idtab_node **buckets, size_t n, const uint8_t *id)
{
	uint64_t low, high;

	memcpy(&low, id, 8);
	memcpy(&high, id + 8, 8);
	return &buckets[fold(fold(low ^ key.words[0], high ^ key.words[1]) ^ key.words[2],
			     key.words[3]) &
			(n - 1)];
}

struct idtab_node *idtab_get(const struct idtab *table, const uint8_t id[IDTAB_ID])
{
	struct idtab_node *node;

	if (table->n == 0)
		return NULL;
	node = *bucket(table->buckets, table->n_buckets, id);
	while (node && memcmp(node->id, id, IDTAB_ID) != 0)
		node = node->next;
	return node;
}

static void link_in(struct idtab_node **buckets, size_t n, struct idtab_node *node)
{
	struct idtab_node **at = bucket(buckets, n, node->id);

	node->next = *at;
	*at = node;
}

/* Without memory the chains get longer, no more. */
static void grow(struct idtab *table)
{
	size_t n = table->n_buckets ? 4 * table->n_buckets : FIRST, i;
	struct idtab_node **buckets = calloc(n, sizeof(struct idtab_node *)), *node, *next;

	if (!buckets)
		return;
	for (i = 0; i < table->n_buckets; i++)
		for (node = table->buckets[i]; node; node = next) {
			next = node->next;
			link_in(buckets, n, node);
		}
	free(table->buckets);
	table->buckets = buckets;
	table->n_buckets = n;
}

bool idtab_put(struct idtab *table, struct idtab_node *node)
{
	pthread_once(&key.once, draw_key);
	if (table->n >= LOAD * table->n_buckets)
		grow(table);
	if (!table->buckets)
		return false;
	link_in(table->buckets, table->n_buckets, node);
	table->popped = 0;
	table->n++;
	return true;
}

void idtab_remove(struct idtab *table, struct idtab_node *node)
{
	struct idtab_node **at = bucket(table->buckets, table->n_buckets, node->id);

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	table->n--;
}

struct idtab_node *idtab_pop(struct idtab *table)
{
	struct idtab_node *node;

	if (table->n == 0)
		return NULL;
	while (!(node = table->buckets[table->popped]))
		table->popped++;
	table->buckets[table->popped] = node->next;
	table->n--;
	return node;
}

void idtab_free(struct idtab *table)
{
	free(table->buckets);
	*table = (struct idtab){ 0 };
}
