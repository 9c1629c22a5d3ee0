/* SPDX-License-Identifier: MIT */
/*
 * The store in memory: the C library's balanced tree. tsearch() and its kin know no "next", so the
 * comparison itself remembers the smallest record it passed on the right.
 */
#define _GNU_SOURCE /* tdestroy() */
#include "store.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct memory_store {
	struct store store; /* first */
	void *root;
	size_t n, bytes;
};

/* What the tree holds points to a node's key; a search has a key of its own. */
struct key {
	const char *name;
	const struct record *next; /* of a search: the best so far */
	bool or_equal;
};

struct node {
	struct key key; /* first */
	struct record *record;
};

static struct memory_store *memory(struct store *store)
{
	return (struct memory_store *)store;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct key *)a)->name, ((const struct key *)b)->name);
}

/* a: the search, as tfind() passes it first. Descends to where name would be. */
static int compare_and_note(const void *a, const void *b)
{
	struct key *search = (struct key *)a;
	const struct node *node = b;
	int order = compare(a, b);

	if (order == 0 && search->or_equal) {
		search->next = node->record;
		return 0;
	}
	if (order < 0)
		search->next = node->record;
	return order < 0 ? -1 : 1;
}

static struct node *find_node(struct store *store, const char *name)
{
	struct key key = { .name = name };
	void *place = tfind(&key, &memory(store)->root, compare);

	return place ? *(struct node **)place : NULL;
}

static const struct record *memory_find(struct store *store, const char *name)
{
	struct node *node = find_node(store, name);

	return node ? node->record : NULL;
}

static const struct record *memory_next(struct store *store, const char *name, bool or_equal)
{
	struct key search = { .name = name, .or_equal = or_equal };

	(void)tfind(&search, &memory(store)->root, compare_and_note);
	return search.next;
}

static size_t text_bytes(const struct record *record)
{
	size_t i, n = strlen(record->name) + strlen(record->uri) + 2;

	for (i = 0; i < record->n_tags; i++)
		n += strlen(record->tags[i]) + 1;
	return n;
}

size_t record_size(const struct record *record)
{
	return sizeof(*record) + record->n_tags * sizeof(record->tags[0]) + text_bytes(record);
}

struct record *record_copy(const struct record *record)
{
	struct record *copy = malloc(record_size(record));
	const char **tags;
	char *texts;
	size_t i;

	if (!copy)
		return NULL;
	*copy = *record;
	tags = (const char **)(copy + 1);
	copy->tags = tags;
	texts = (char *)(tags + record->n_tags);
	copy->name = texts;
	texts = stpcpy(texts, record->name) + 1;
	copy->uri = texts;
	texts = stpcpy(texts, record->uri) + 1;
	for (i = 0; i < record->n_tags; i++) {
		tags[i] = texts;
		texts = stpcpy(texts, record->tags[i]) + 1;
	}
	return copy;
}

static void free_node(void *data)
{
	struct node *node = data;

	free(node->record);
	free(node);
}

static struct node *new_node(const struct record *record)
{
	struct node *node = malloc(sizeof(*node));

	if (!node)
		return NULL;
	node->record = record_copy(record);
	if (!node->record) {
		free(node);
		return NULL;
	}
	node->key = (struct key){ .name = node->record->name };
	return node;
}

static bool memory_put(struct store *store, const struct record *record)
{
	struct node *node = new_node(record);
	struct node **place, *old;

	if (!node)
		return false;
	place = tsearch(node, &memory(store)->root, compare);
	if (!place) {
		free_node(node);
		return false;
	}
	old = *place;
	*place = node; /* the same name, so the same place */
	memory(store)->bytes += record_size(node->record);
	if (old == node) {
		memory(store)->n++;
	} else {
		memory(store)->bytes -= record_size(old->record);
		free_node(old);
	}
	return true;
}

static void memory_touch(struct store *store, const char *name, int64_t expires, bool is_orphan)
{
	struct node *node = find_node(store, name);

	if (!node)
		return;
	node->record->expires = expires;
	node->record->is_orphan = is_orphan;
}

static bool memory_remove(struct store *store, const char *name, uint64_t generation)
{
	struct node *node = find_node(store, name);

	(void)generation;
	if (!node)
		return true;
	(void)tdelete(node, &memory(store)->root, compare);
	memory(store)->n--;
	memory(store)->bytes -= record_size(node->record);
	free_node(node);
	return true;
}

static size_t memory_count(struct store *store)
{
	return memory(store)->n;
}

static size_t memory_bytes(struct store *store)
{
	return memory(store)->bytes;
}

static uint64_t memory_generation(struct store *store)
{
	(void)store;
	return 0;
}

static bool memory_settle(struct store *store)
{
	(void)store;
	return false;
}

/* As safe as it gets. */
static void memory_when_safe(struct store *store, store_safe_cb callback, void *data)
{
	static const struct store_problem none;

	(void)store;
	callback(&none, data);
}

static void memory_free(struct store *store)
{
	tdestroy(memory(store)->root, free_node);
	free(store);
}

struct store *store_memory_new(void)
{
	static const struct store_kind kind = {
		.find = memory_find,
		.next = memory_next,
		.put = memory_put,
		.touch = memory_touch,
		.remove = memory_remove,
		.count = memory_count,
		.bytes = memory_bytes,
		.generation = memory_generation,
		.settle = memory_settle,
		.when_safe = memory_when_safe,
		.free = memory_free,
	};
	struct memory_store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	store->store.kind = &kind;
	return &store->store;
}
