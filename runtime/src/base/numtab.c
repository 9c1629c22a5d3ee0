/* SPDX-License-Identifier: MIT */
#include "base/numtab.h"

#include <stdlib.h>

static size_t home(const struct numtab *table, uint32_t number)
{
	return (number * (size_t)2654435769u >> 7) & (table->cap - 1);
}

static struct numtab_entry *find(const struct numtab *table, uint32_t number)
{
	size_t i;

	if (!table->cap)
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

void numtab_free(struct numtab *table)
{
	free(table->entries);
	*table = (struct numtab){ 0 };
}
