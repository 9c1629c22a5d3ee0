/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* tdestroy() */
#include "tags.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

enum { TREE_BYTES = 48 /* a place in a tree, and malloc()'s own */ };

struct tag {
	const char *text; /* first; behind it in the same block */
	void *items;
	size_t n;
};

/* What looks for an item: as an item, it begins with a key. */
struct search {
	struct tagged key; /* first */
	const struct tagged *next;
	bool or_equal;
};

static int compare_tags(const void *a, const void *b)
{
	return strcmp(((const struct tag *)a)->text, ((const struct tag *)b)->text);
}

static int compare_items(const void *a, const void *b)
{
	return strcmp(((const struct tagged *)a)->key, ((const struct tagged *)b)->key);
}

/* a: the search, as tfind() passes it first. Descends to where it would be, and remembers the
 * smallest item that it passed on the right. */
static int compare_and_note(const void *a, const void *b)
{
	struct search *search = (struct search *)a;
	int order = compare_items(a, b);

	if (order < 0 || (order == 0 && search->or_equal))
		search->next = b;
	if (order == 0 && !search->or_equal)
		return 1;
	return order;
}

static struct tag *find(const struct tags *tags, const char *text)
{
	struct tag key = { .text = text };
	struct tag **place = tfind(&key, &tags->root, compare_tags);

	return place ? *place : NULL;
}

static void forget(void *item)
{
	(void)item; /* it is somebody else's */
}

static void free_tag(void *data)
{
	struct tag *tag = data;

	tdestroy(tag->items, forget);
	free(tag);
}

void tags_fini(struct tags *tags)
{
	tdestroy(tags->root, free_tag);
	tags->root = NULL;
}

static struct tag *add_tag(struct tags *tags, const char *text)
{
	size_t size = strlen(text) + 1;
	struct tag *tag = malloc(sizeof(*tag) + size);

	if (!tag)
		return NULL;
	*tag = (struct tag){ .text = memcpy(tag + 1, text, size) };
	if (!tsearch(tag, &tags->root, compare_tags)) {
		free(tag);
		return NULL;
	}
	tags->bytes += sizeof(*tag) + size + TREE_BYTES;
	return tag;
}

static void drop_if_empty(struct tags *tags, struct tag *tag)
{
	if (tag->n > 0)
		return;
	(void)tdelete(tag, &tags->root, compare_tags);
	tags->bytes -= sizeof(*tag) + strlen(tag->text) + 1 + TREE_BYTES;
	free_tag(tag);
}

/* Returns false when memory is out. */
static bool add(struct tags *tags, const struct tagged *item, const char *text)
{
	struct tag *tag = find(tags, text);
	const struct tagged **place;

	if (!tag && !(tag = add_tag(tags, text)))
		return false;
	place = tsearch(item, &tag->items, compare_items);
	if (!place) {
		drop_if_empty(tags, tag);
		return false;
	}
	tag->n += *place == item;
	*place = item; /* the same key, so the same place */
	return true;
}

static void drop(struct tags *tags, const struct tagged *item, const char *text)
{
	struct tag *tag = find(tags, text);

	if (!tag || !tfind(item, &tag->items, compare_items))
		return;
	(void)tdelete(item, &tag->items, compare_items);
	tag->n--;
	drop_if_empty(tags, tag);
}

/* texts: sorted, each once. */
static bool has(const char *const *texts, size_t n, const char *text)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(texts[i], text) == 0)
			return true;
	return false;
}

bool tags_put(struct tags *tags, const struct tagged *item, const char *const *texts, size_t n,
	      const char *const *old_texts, size_t n_old)
{
	size_t i, n_added;
	bool is_full = false;

	/* first what needs memory: the tags that the old one does not have */
	for (i = 0; i < n && !is_full; i++)
		is_full = !has(old_texts, n_old, texts[i]) && !add(tags, item, texts[i]);
	n_added = is_full ? i - 1 : 0;
	for (i = 0; i < n_added; i++)
		if (!has(old_texts, n_old, texts[i]))
			drop(tags, item, texts[i]);
	if (is_full)
		return false;
	for (i = 0; i < n_old; i++)
		if (has(texts, n, old_texts[i]))
			(void)add(tags, item, old_texts[i]); /* in its place */
		else
			drop(tags, item, old_texts[i]);
	return true;
}

void tags_remove(struct tags *tags, const struct tagged *item, const char *const *texts, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		drop(tags, item, texts[i]);
}

size_t tags_count(const struct tags *tags, const char *text)
{
	const struct tag *tag = find(tags, text);

	return tag ? tag->n : 0;
}

const struct tagged *tags_next(const struct tags *tags, const char *text, const char *key,
			       bool or_equal)
{
	struct search search = { .key = { key }, .or_equal = or_equal };
	const struct tag *tag = find(tags, text);

	if (tag)
		(void)tfind(&search, &tag->items, compare_and_note);
	return search.next;
}
