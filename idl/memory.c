/* SPDX-License-Identifier: MIT */
/*
 * Memory, lists and tables of the front end. Everything lives in the unit's arena; running out of
 * it unwinds to idl_read().
 */
#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "front.h"

void *front_alloc(struct front *front, size_t n)
{
	void *block = arena_alloc(front->arena, n);

	if (!block)
		longjmp(front->no_memory, 1);
	return block;
}

char *front_copy(struct front *front, const char *text, size_t n)
{
	char *copy = front_alloc(front, n + 1);

	memcpy(copy, text, n);
	return copy;
}

const char *front_printf(struct front *front, const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		longjmp(front->no_memory, 1);
	text = front_alloc(front, (size_t)n + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)n + 1, format, args);
	va_end(args);
	return text;
}

void *front_grow(struct front *front, void *items, size_t n, size_t size)
{
	void *more;

	if (n > 0 && (n < 4 || (n & (n - 1)) != 0))
		return items;
	more = front_alloc(front, (n == 0 ? 4 : 2 * n) * size);
	if (n > 0)
		memcpy(more, items, n * size);
	return more;
}

void list_add(struct front *front, struct list *list, void *item)
{
	list->items = front_grow(front, list->items, list->n, sizeof(*list->items));
	list->items[list->n++] = item;
}

static size_t hash_key(const void *scope, const char *name)
{
	uint64_t hash = 14695981039346656037u ^ (uint64_t)(uintptr_t)scope;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 1099511628211u;
	return (size_t)(hash ^ (hash >> 29));
}

static struct table_slot *find_slot(const struct table *table, const void *scope, const char *name)
{
	size_t i = hash_key(scope, name) & (table->room - 1);

	while (table->slots[i].name &&
	       (table->slots[i].scope != scope || strcmp(table->slots[i].name, name) != 0))
		i = (i + 1) & (table->room - 1);
	return &table->slots[i];
}

void *table_get(const struct table *table, const void *scope, const char *name)
{
	return table->room > 0 ? find_slot(table, scope, name)->value : NULL;
}

static void table_grow(struct front *front, struct table *table)
{
	struct table bigger = { .n = table->n, .room = table->room ? 2 * table->room : 64 };
	size_t i;

	bigger.slots = front_alloc(front, bigger.room * sizeof(*bigger.slots));
	for (i = 0; i < table->room; i++)
		if (table->slots[i].name)
			*find_slot(&bigger, table->slots[i].scope, table->slots[i].name) =
				table->slots[i];
	*table = bigger;
}

void table_set(struct front *front, struct table *table, const void *scope, const char *name,
	       void *value)
{
	struct table_slot *slot;

	if (2 * (table->n + 1) > table->room)
		table_grow(front, table);
	slot = find_slot(table, scope, name);
	if (!slot->name)
		table->n++;
	*slot = (struct table_slot){ .scope = scope, .name = name, .value = value };
}

const char *front_intern(struct front *front, const char *text, size_t n)
{
	char key[LIMIT_IDENTIFIER + 1];
	char *known;

	if (n > LIMIT_IDENTIFIER || memchr(text, '\0', n))
		return front_copy(front, text, n);
	memcpy(key, text, n);
	key[n] = '\0';
	known = table_get(&front->strings, NULL, key);
	if (!known) {
		known = front_copy(front, text, n);
		table_set(front, &front->strings, NULL, known, known);
	}
	return known;
}
