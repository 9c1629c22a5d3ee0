/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_TAGS_H
#define PYRITE_NS_TAGS_H
/*
 * Which records have a tag: for each tag a tree of them, sorted by key, so that a search for tags
 * looks at those records alone. One thread at a time.
 */
#include <stdbool.h>
#include <stddef.h>

enum { TAGGED_BYTES = 40 /* what a tag of a record takes here; the tag itself is counted apart */ };

struct tags {
	void *root;
	size_t bytes; /* of the tags, each once */
};

/* What is listed begins with its key. */
struct tagged {
	const char *key;
};

void tags_fini(struct tags *tags);
/* Lists an item with these tags in place of old (NULL: none), which has the same key. Returns
 * false, with nothing changed, when memory is out. */
bool tags_put(struct tags *tags, const struct tagged *item, const char *const *texts, size_t n,
	      const char *const *old_texts, size_t n_old);
void tags_remove(struct tags *tags, const struct tagged *item, const char *const *texts, size_t n);

size_t tags_count(const struct tags *tags, const char *text);
/* The first item with the tag whose key sorts after this, or is it if or_equal. NULL: none. */
const struct tagged *tags_next(const struct tags *tags, const char *text, const char *key,
			       bool or_equal);
#endif
