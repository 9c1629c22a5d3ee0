/* SPDX-License-Identifier: MIT */
/*
 * Open addressing with linear probing, at most half full. Most numbers are chosen by the other end
 * of a link, which must not be able to choose their places too: so the place is SipHash-1-3 of the
 * number, under a key that each process draws once.
 */
#include "base/numtab.h"
#include "base/random.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* Written once, before the first entry of any table. */
static struct {
	pthread_once_t once;
	uint64_t k0, k1;
} key = { .once = PTHREAD_ONCE_INIT };

static void draw_key(void)
{
	struct timespec now;
	uint64_t drawn[2];

	if (!random_bytes(drawn, sizeof(drawn))) {
		clock_gettime(CLOCK_MONOTONIC, &now); /* no such call here: better than nothing */
		drawn[0] = (uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec;
		drawn[1] = (uint64_t)(uintptr_t)&now;
	}
	key.k0 = drawn[0];
	key.k1 = drawn[1];
}

struct sip {
	uint64_t a, b, c, d;
};

static inline uint64_t rotated(uint64_t word, unsigned by)
{
	return word << by | word >> (64 - by);
}

static inline void mix(struct sip *s)
{
	s->a += s->b;
	s->b = rotated(s->b, 13) ^ s->a;
	s->a = rotated(s->a, 32);
	s->c += s->d;
	s->d = rotated(s->d, 16) ^ s->c;
	s->a += s->d;
	s->d = rotated(s->d, 21) ^ s->a;
	s->c += s->b;
	s->b = rotated(s->b, 17) ^ s->c;
	s->c = rotated(s->c, 32);
}

/* Of a message of four bytes: one block, whose highest byte is the length. */
static inline uint64_t sip_hash(uint32_t number)
{
	uint64_t block = number | (uint64_t)4 << 56;
	struct sip s = { key.k0 ^ 0x736f6d6570736575, key.k1 ^ 0x646f72616e646f6d,
			 key.k0 ^ 0x6c7967656e657261, key.k1 ^ 0x7465646279746573 };

	s.d ^= block;
	mix(&s);
	s.a ^= block;
	s.c ^= 0xff;
	mix(&s);
	mix(&s);
	mix(&s);
	return s.a ^ s.b ^ s.c ^ s.d;
}

static size_t home(const struct numtab *table, uint32_t number)
{
	return (size_t)sip_hash(number) & (table->cap - 1);
}

static struct numtab_entry *find(const struct numtab *table, uint32_t number)
{
	size_t i;

	if (table->n == 0)
		return NULL;
	for (i = home(table, number); table->entries[i].value; i = (i + 1) & (table->cap - 1))
		if (table->entries[i].number == number)
			return &table->entries[i];
	return NULL;
}

void *numtab_get(const struct numtab *table, uint32_t number)
{
	struct numtab_entry *entry = find(table, number);

	return entry ? entry->value : NULL;
}

static void put(struct numtab *table, uint32_t number, void *value)
{
	size_t i = home(table, number);

	while (table->entries[i].value)
		i = (i + 1) & (table->cap - 1);
	table->entries[i] = (struct numtab_entry){ number, value };
	table->n++;
}

static bool grow(struct numtab *table)
{
	struct numtab bigger = { .cap = table->cap ? 2 * table->cap : 16 };
	size_t i;

	if (!table->cap)
		pthread_once(&key.once, draw_key);
	bigger.entries = calloc(bigger.cap, sizeof(*bigger.entries));
	if (!bigger.entries)
		return false;
	for (i = 0; i < table->cap; i++)
		if (table->entries[i].value)
			put(&bigger, table->entries[i].number, table->entries[i].value);
	free(table->entries);
	*table = bigger;
	return true;
}

bool numtab_put(struct numtab *table, uint32_t number, void *value)
{
	if (2 * (table->n + 1) > table->cap && !grow(table))
		return false;
	put(table, number, value);
	return true;
}

/* Frees a place, and moves up those that had to go further because of it. */
static void clear(struct numtab *table, size_t hole)
{
	size_t mask = table->cap - 1, i = hole, wanted;

	for (;;) {
		i = (i + 1) & mask;
		if (!table->entries[i].value)
			break;
		wanted = home(table, table->entries[i].number);
		if (((i - wanted) & mask) < ((i - hole) & mask))
			continue;
		table->entries[hole] = table->entries[i];
		hole = i;
	}
	table->entries[hole].value = NULL;
	table->n--;
}

void *numtab_remove(struct numtab *table, uint32_t number)
{
	struct numtab_entry *entry = find(table, number);
	void *value = entry ? entry->value : NULL;

	if (entry)
		clear(table, (size_t)(entry - table->entries));
	return value;
}

bool numtab_take(struct numtab *table, uint32_t number, const void *value)
{
	struct numtab_entry *entry = find(table, number);

	if (!entry || entry->value != value)
		return false;
	clear(table, (size_t)(entry - table->entries));
	return true;
}

void *numtab_pop(struct numtab *table)
{
	size_t i = table->popped;
	void *value;

	if (table->n == 0)
		return NULL;
	while (!table->entries[i].value)
		i = (i + 1) & (table->cap - 1);
	value = table->entries[i].value;
	clear(table, i);
	table->popped = i;
	return value;
}

void *numtab_next(const struct numtab *table, size_t *at)
{
	while (*at < table->cap)
		if (table->entries[(*at)++].value)
			return table->entries[*at - 1].value;
	return NULL;
}

void numtab_free(struct numtab *table)
{
	free(table->entries);
	*table = (struct numtab){ 0 };
}
