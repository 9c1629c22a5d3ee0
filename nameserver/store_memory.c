/* SPDX-License-Identifier: MIT */
/*
 * The store in memory: the C library's balanced tree. tsearch() and its kin know no "next", so the
 * comparison itself remembers the smallest record it passed on the right.
 */
#define _GNU_SOURCE /* tdestroy(), twalk_r() */
#include "store.h"

#include <search.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "expiry.h"
#include "owners.h"
#include "tags.h"

enum { NODE_BYTES = 128 /* of a node, its places in trees and heap, and malloc()'s own */ };

struct memory_store {
	struct store store; /* first */
	void *root;
	size_t n, n_deeds, bytes;
	struct owners owners; /* of leased names */
	struct expiry expiry; /* those that end, but for */
	struct expiry deeds;
	struct tags tags;
	uint64_t moment; /* counts what happens to names and owners */
	uint64_t generation;
	store_change_cb on_change; /* NULL: nobody hears of changes */
	void *change_data;
};

/* What the tree holds points to a node's key; a search has a key of its own. */
struct key {
	const char *text;  /* first: what is tagged begins so */
	struct node *next; /* of a search: the best so far */
	bool or_equal;
};

struct node {
	struct key key; /* first */
	struct record *record;
	struct expiry_item end;
	struct owner *owner; /* NULL: persistent */
	uint64_t moment;     /* of the last touch or put: the owner was there */
};

static struct memory_store *memory(struct store *store)
{
	return (struct memory_store *)store;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct key *)a)->text, ((const struct key *)b)->text);
}

/* a: the search, as tfind() passes it first. Descends to where it would be. */
static int compare_and_note(const void *a, const void *b)
{
	struct key *search = (struct key *)a;
	struct node *node = (struct node *)b;
	int order = compare(a, b);

	if (order == 0 && search->or_equal) {
		search->next = node;
		return 0;
	}
	if (order < 0)
		search->next = node;
	return order < 0 ? -1 : 1;
}

static struct node *find_node(struct store *store, const char *key)
{
	struct key search = { .text = key };
	void *place = tfind(&search, &memory(store)->root, compare);

	return place ? *(struct node **)place : NULL;
}

/* The node's record as it is now; node: may be NULL. */
static const struct record *look_at(struct node *node)
{
	if (!node)
		return NULL;
	node->record->is_orphan = node->owner && node->moment < node->owner->lost;
	return node->record;
}

static const struct record *memory_find(struct store *store, const char *key)
{
	return look_at(find_node(store, key));
}

static const struct record *memory_next(struct store *store, const char *key, bool or_equal)
{
	struct key search = { .text = key, .or_equal = or_equal };

	(void)tfind(&search, &memory(store)->root, compare_and_note);
	return look_at(search.next);
}

static const struct record *memory_next_tagged(struct store *store, const char *tag,
					       const char *key, bool or_equal)
{
	return look_at((struct node *)tags_next(&memory(store)->tags, tag, key, or_equal));
}

static size_t memory_count_tagged(struct store *store, const char *tag)
{
	return tags_count(&memory(store)->tags, tag);
}

static size_t text_bytes(const struct record *record)
{
	size_t i, n = strlen(record->name) + strlen(record->uri) + 2;

	if (record->is_shared)
		n *= 2; /* and its key */
	if (record->owner)
		n += strlen(record->owner) + strlen(record->name) + 3;
	for (i = 0; i < record->n_tags; i++)
		n += strlen(record->tags[i]) + 1;
	return n;
}

static size_t record_size(const struct record *record)
{
	return sizeof(*record) + record->n_tags * sizeof(record->tags[0]) + text_bytes(record);
}

size_t record_cost(const struct record *record)
{
	return record_size(record) + NODE_BYTES + record->n_tags * TAGGED_BYTES;
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
	copy->key = copy->name;
	if (record->is_shared) {
		copy->key = texts;
		texts = stpcpy(texts, record->name);
		*texts++ = ' ';
		texts = stpcpy(texts, record->uri) + 1;
	}
	if (record->owner) {
		copy->owner = texts;
		texts = stpcpy(texts, record->owner) + 1;
		copy->key = texts;
		*texts++ = ' ';
		texts = stpcpy(texts, record->name) + 1;
	}
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

static struct expiry *expiry_of(struct memory_store *store, const struct record *record)
{
	return record->owner ? &store->deeds : &store->expiry;
}

static void drop_node(struct memory_store *store, struct node *node)
{
	if (node->record)
		expiry_remove(expiry_of(store, node->record), &node->end);
	owners_drop(&store->owners, node->owner);
	free_node(node);
}

/* Not yet in the tree, nor in the heap, where there is room for it. */
static struct node *new_node(struct memory_store *store, const struct record *record)
{
	struct node *node = calloc(1, sizeof(*node));

	if (!node)
		return NULL;
	node->record = record_copy(record);
	if (record->ttl_ms > 0 && !record->is_own)
		node->owner = owners_take(&store->owners, record->secret);
	if (!node->record || (record->ttl_ms > 0 && !record->is_own && !node->owner) ||
	    !expiry_reserve(expiry_of(store, record))) {
		drop_node(store, node);
		return NULL;
	}
	node->key = (struct key){ .text = node->record->key };
	node->end.ends = record->expires;
	store->moment++;
	if (!record->is_orphan || !node->owner)
		node->moment = store->moment;
	else if (node->owner->lost == 0)
		node->owner->lost = 1; /* after this node's moment, and before all others */
	return node;
}

struct walk {
	void (*each)(const struct record *record, void *data);
	void *data;
};

static void visit(const void *place, VISIT order, void *data)
{
	const struct walk *walk = data;

	if (order == postorder || order == leaf)
		walk->each(look_at(*(struct node *const *)place), walk->data);
}

static void memory_walk(struct store *store, void (*each)(const struct record *record, void *data),
			void *data)
{
	struct walk walk = { each, data };

	twalk_r(memory(store)->root, visit, &walk);
}

static const struct tagged *as_tagged(const struct node *node)
{
	return (const struct tagged *)node;
}

/* In place of old (NULL: none) or nowhere. */
static bool put_tags(struct memory_store *store, const struct node *node, const struct node *old)
{
	return tags_put(&store->tags, as_tagged(node), node->record->tags, node->record->n_tags,
			old ? old->record->tags : NULL, old ? old->record->n_tags : 0);
}

static void tell(struct memory_store *store, struct node *before, struct node *after,
		 bool is_revoked)
{
	struct store_change change = { look_at(before), look_at(after), store->generation,
				       is_revoked };

	if (store->on_change)
		store->on_change(&change, store->change_data);
}

static void count_change(struct memory_store *store, uint64_t generation)
{
	if (generation > store->generation)
		store->generation = generation;
}

static bool memory_put(struct store *base, const struct record *record)
{
	struct memory_store *store = memory(base);
	struct node *node = new_node(store, record);
	struct node **place, *old;

	if (!node)
		return false;
	place = tsearch(node, &store->root, compare);
	old = place && *place != node ? *place : NULL;
	if (!place || !put_tags(store, node, old)) {
		if (place && !old)
			(void)tdelete(node, &store->root, compare);
		drop_node(store, node);
		return false;
	}
	*place = node; /* the same key, so the same place */
	store->bytes += record_cost(node->record);
	if (!old) {
		store->n++;
		store->n_deeds += record->owner != NULL;
	} else {
		store->bytes -= record_cost(old->record);
		expiry_remove(expiry_of(store, old->record), &old->end);
	}
	if (record->expires != INT64_MAX)
		expiry_add(expiry_of(store, record), &node->end);
	count_change(store, record->generation);
	tell(store, old, node, false);
	if (old)
		drop_node(store, old);
	return true;
}

static void memory_touch(struct store *base, const char *key, int64_t expires)
{
	struct memory_store *store = memory(base);
	struct node *node = find_node(base, key);
	struct expiry *expiry;

	if (!node)
		return;
	expiry = expiry_of(store, node->record);
	node->record->expires = expires;
	node->moment = ++store->moment;
	if (node->end.at > 0) {
		expiry_move(expiry, &node->end, expires);
	} else if (expires != INT64_MAX && expiry_reserve(expiry)) {
		node->end.ends = expires;
		expiry_add(expiry, &node->end);
	}
}

static void memory_lose(struct store *base, const uint8_t *secret, bool is_gone)
{
	struct owner *owner = owners_find(&memory(base)->owners, secret);

	if (owner)
		owner->lost = is_gone ? ++memory(base)->moment : 0;
}

static const struct record *first_of(struct expiry *expiry)
{
	struct expiry_item *item = expiry_first(expiry);

	return item ? look_at((struct node *)((char *)item - offsetof(struct node, end))) : NULL;
}

static const struct record *memory_first_to_end(struct store *base)
{
	return first_of(&memory(base)->expiry);
}

static const struct record *memory_first_deed_to_end(struct store *base)
{
	return first_of(&memory(base)->deeds);
}

static size_t memory_count_ended(struct store *base, int64_t now)
{
	return expiry_count(&memory(base)->expiry, now);
}

static bool memory_remove(struct store *base, const char *key, uint64_t generation, bool is_revoked)
{
	struct memory_store *store = memory(base);
	struct node *node = find_node(base, key);

	if (!node)
		return true;
	tags_remove(&store->tags, as_tagged(node), node->record->tags, node->record->n_tags);
	(void)tdelete(node, &store->root, compare);
	store->n--;
	store->n_deeds -= node->record->owner != NULL;
	store->bytes -= record_cost(node->record);
	count_change(store, generation);
	expiry_remove(expiry_of(store, node->record), &node->end);
	tell(store, node, NULL, is_revoked);
	drop_node(store, node);
	return true;
}

static bool memory_set_aside(struct store *store, const char *key, uint64_t generation,
			     const char *why)
{
	(void)why;
	return memory_remove(store, key, generation, false);
}

static size_t memory_count(struct store *store)
{
	return memory(store)->n;
}

static size_t memory_count_deeds(struct store *store)
{
	return memory(store)->n_deeds;
}

static size_t memory_bytes(struct store *store)
{
	return memory(store)->bytes + memory(store)->tags.bytes;
}

static uint64_t memory_generation(struct store *store)
{
	return memory(store)->generation;
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
	callback(&none, 0, data);
}

static void memory_listen(struct store *store, store_change_cb callback, void *data)
{
	memory(store)->on_change = callback;
	memory(store)->change_data = data;
}

static void memory_free(struct store *store)
{
	tags_fini(&memory(store)->tags);
	tdestroy(memory(store)->root, free_node);
	owners_fini(&memory(store)->owners);
	expiry_fini(&memory(store)->expiry);
	expiry_fini(&memory(store)->deeds);
	free(store);
}

struct store *store_memory_new(void)
{
	static const struct store_kind kind = {
		.find = memory_find,
		.next = memory_next,
		.next_tagged = memory_next_tagged,
		.count_tagged = memory_count_tagged,
		.walk = memory_walk,
		.put = memory_put,
		.touch = memory_touch,
		.lose = memory_lose,
		.first_to_end = memory_first_to_end,
		.first_deed_to_end = memory_first_deed_to_end,
		.count_ended = memory_count_ended,
		.remove = memory_remove,
		.set_aside = memory_set_aside,
		.count = memory_count,
		.count_deeds = memory_count_deeds,
		.bytes = memory_bytes,
		.generation = memory_generation,
		.settle = memory_settle,
		.when_safe = memory_when_safe,
		.listen = memory_listen,
		.free = memory_free,
	};
	struct memory_store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	store->store.kind = &kind;
	owners_init(&store->owners);
	return &store->store;
}
