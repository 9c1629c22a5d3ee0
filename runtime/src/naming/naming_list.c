/* SPDX-License-Identifier: MIT */
/*
 * Lists: many pages into one block. A name server that goes back in a list is not followed.
 */
#include "naming/naming_calls.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/error.h"
#include "base/text.h"

enum {
	MAX_ENTRIES = 16777216, /* of a list, whatever a name server says */
	MAX_PARTS = 1048576
};

size_t naming_list_max = 1u << 30;

/* What is asked for: one of them. */
struct query {
	const char *prefix, *regex;
	const char *const *tags;
	size_t n_tags;
	bool all_tags;
};

struct pages {
	struct pyrite_NamePage **items;
	size_t n, cap, n_entries, n_tags, n_bytes;
};

static void free_pages(struct pages *pages)
{
	size_t i;

	for (i = 0; i < pages->n; i++)
		pyr_free(pages->items[i]);
	free(pages->items);
}

static int no_memory(void)
{
	return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory for a list of names");
}

/* Takes the page, also on failure. */
static int keep_page(struct pages *pages, struct pyrite_NamePage *page)
{
	if (!array_reserve(&pages->items, &pages->cap, pages->n + 1, sizeof(pages->items[0]))) {
		pyr_free(page);
		return no_memory();
	}
	pages->items[pages->n++] = page;
	return 0;
}

/* What else is told of an entry; it lies behind the owner, as it comes. */
struct numbers {
	uint64_t generation;
	int64_t age_ms;
};

static const char *owner_of(const struct pyrite_NameEntry *entry)
{
	return entry->has_owner ? entry->owner : "";
}

/* One of a name; borrowed from its entry. */
struct registration {
	const char *uri;
	const struct pyr_string_seq *tags;
	uint64_t generation;
};

/* Returns false if there are not that many. */
static bool get_registration(const struct pyrite_NameEntry *entry, size_t i,
			     struct registration *ret)
{
	const struct pyrite_NameShare *share;

	if (i == 0) {
		*ret = (struct registration){ entry->uri, &entry->tags,
					      entry->has_generation ? entry->generation : 0 };
		return true;
	}
	if (!entry->has_others || i > entry->others.n)
		return false;
	share = &entry->others.items[i - 1];
	*ret = (struct registration){ share->uri, &share->tags,
				      share->has_generation ? share->generation : 0 };
	return true;
}

static void count_one(struct pages *pages, const struct pyrite_NameEntry *entry,
		      const struct registration *one)
{
	size_t i;

	pages->n_entries++;
	pages->n_tags += one->tags->n;
	pages->n_bytes += strlen(entry->name) + strlen(one->uri) + strlen(owner_of(entry)) + 3 +
			  sizeof(struct numbers);
	for (i = 0; i < one->tags->n; i++)
		pages->n_bytes += strlen(one->tags->items[i]) + 1;
}

/* All registrations of the name. */
static void count_entry(struct pages *pages, const struct pyrite_NameEntry *entry)
{
	struct registration one;
	size_t i;

	for (i = 0; get_registration(entry, i, &one); i++)
		count_one(pages, entry, &one);
}

/* Whether the page goes on after `after`, and leads on if it is not the last. */
static bool is_in_order(const struct pyrite_NamePage *page, const char *after)
{
	size_t i;

	for (i = 0; i < page->entries.n; i++) {
		if (strcmp(page->entries.items[i].name, after) <= 0)
			return false;
		after = page->entries.items[i].name;
	}
	if (!page->next[0])
		return true;
	return page->entries.n > 0 ? strcmp(page->next, after) >= 0 : strcmp(page->next, after) > 0;
}

static int add_page(struct pages *pages, struct pyrite_NamePage *page, const char *after)
{
	int status = keep_page(pages, page);
	size_t i;

	if (status < 0)
		return status;
	for (i = 0; i < page->entries.n; i++)
		count_entry(pages, &page->entries.items[i]);
	pages->n_bytes += strlen(page->next);
	if (pages->n_bytes + pages->n_tags * sizeof(char *) > naming_list_max)
		return error_set(PYR_RESOURCE_EXHAUSTED,
				 "the name server's list is longer than %zu bytes",
				 naming_list_max);
	if (is_in_order(page, after) && pages->n_entries <= MAX_ENTRIES && pages->n <= MAX_PARTS)
		return 0;
	return error_set(PYR_INTERNAL, "ProtocolError: the name server sent a list out of order");
}

static int read_pages(pyr_ns *ns, const struct query *query, struct pages *pages)
{
	struct pyr_string_seq tags = naming_tags(query->tags, query->n_tags);
	struct server_call call = { .tags = &tags, .all_tags = query->all_tags, .more = "" };
	struct pyrite_NamePage *page;
	int status;

	call.op = query->prefix  ? &server_list
		  : query->regex ? &server_list_matching
				 : &server_list_metadata;
	call.text = query->prefix ? query->prefix : query->regex;
	do {
		status = servers_call(ns->servers, &call, &page, NULL);
		if (status < 0)
			return status;
		status = add_page(pages, page, call.more);
		if (status < 0)
			return status;
		call.more = page->next;
	} while (call.more[0]);
	return 0;
}

/* Where in the block the next tags and texts go. */
struct room {
	const char **tags;
	char *text;
};

/* The owner stands behind the uri, where pyr_ns_entry_owner() finds it: the struct is as programs
 * were compiled with it. */
static void copy_one(struct room *room, const struct pyrite_NameEntry *entry,
		     const struct registration *one, struct pyr_ns_entry *ret)
{
	struct numbers numbers = { one->generation,
				   entry->has_age_ms ? (int64_t)entry->age_ms : -1 };
	size_t i;

	ret->name = text_keep(&room->text, entry->name);
	ret->uri = text_keep(&room->text, one->uri);
	(void)text_keep(&room->text, owner_of(entry));
	memcpy(room->text, &numbers, sizeof(numbers));
	room->text += sizeof(numbers);
	ret->tags = room->tags;
	ret->n_tags = one->tags->n;
	for (i = 0; i < one->tags->n; i++)
		*room->tags++ = text_keep(&room->text, one->tags->items[i]);
}

/* Returns what follows them. */
static struct pyr_ns_entry *copy_entry(struct room *room, const struct pyrite_NameEntry *entry,
				       struct pyr_ns_entry *ret)
{
	struct registration one;
	size_t i;

	for (i = 0; get_registration(entry, i, &one); i++)
		copy_one(room, entry, &one, ret++);
	return ret;
}

static struct pyr_ns_entries *join_pages(const struct pages *pages)
{
	struct pyr_ns_entries *entries =
		malloc(sizeof(*entries) + pages->n_entries * sizeof(entries->items[0]) +
		       pages->n_tags * sizeof(char *) + pages->n_bytes);
	struct pyr_ns_entry *entry;
	struct room room;
	size_t i, j;

	if (!entries)
		return NULL;
	entries->n = pages->n_entries;
	entries->items = entry = (struct pyr_ns_entry *)(entries + 1);
	room.tags = (const char **)(entry + entries->n);
	room.text = (char *)(room.tags + pages->n_tags);
	for (i = 0; i < pages->n; i++)
		for (j = 0; j < pages->items[i]->entries.n; j++)
			entry = copy_entry(&room, &pages->items[i]->entries.items[j], entry);
	return entries;
}

static int list(pyr_ns *ns, const struct query *query, struct pyr_ns_entries **ret)
{
	struct pages pages = { 0 };
	struct pyr_ns_entries *entries;
	int status = read_pages(ns, query, &pages);

	if (status == 0) {
		entries = join_pages(&pages);
		if (entries)
			*ret = entries;
		else
			status = no_memory();
	}
	free_pages(&pages);
	return status;
}

const char *pyr_ns_entry_owner(const struct pyr_ns_entry *entry)
{
	return entry ? strchr(entry->uri, '\0') + 1 : "";
}

static struct numbers numbers_of(const struct pyr_ns_entry *entry)
{
	struct numbers numbers = { 0, -1 };

	if (entry)
		memcpy(&numbers, strchr(pyr_ns_entry_owner(entry), '\0') + 1, sizeof(numbers));
	return numbers;
}

uint64_t pyr_ns_entry_generation(const struct pyr_ns_entry *entry)
{
	return numbers_of(entry).generation;
}

int64_t pyr_ns_entry_age_ms(const struct pyr_ns_entry *entry)
{
	return numbers_of(entry).age_ms;
}

int pyr_ns_list(pyr_ns *ns, const char *prefix, struct pyr_ns_entries **ret)
{
	struct query query = { .prefix = prefix ? prefix : "" };

	if (!ns || !ret)
		return ns ? error_missing("ret") : error_null("ns");
	return list(ns, &query, ret);
}

int pyr_ns_list_matching(pyr_ns *ns, const char *regex, struct pyr_ns_entries **ret)
{
	struct query query = { .regex = regex };

	if (!ns || !regex || !ret)
		return ns ? error_missing(regex ? "ret" : "regex") : error_null("ns");
	return list(ns, &query, ret);
}

static int list_metadata(pyr_ns *ns, const struct query *query, struct pyr_ns_entries **ret)
{
	int status;

	if (!ns || !ret)
		return ns ? error_missing("ret") : error_null("ns");
	status = naming_check_tags(query->tags, query->n_tags);
	return status < 0 ? status : list(ns, query, ret);
}

int pyr_ns_list_metadata_all(pyr_ns *ns, const char *const *tags, size_t n_tags,
			     struct pyr_ns_entries **ret)
{
	struct query query = { .tags = tags, .n_tags = n_tags, .all_tags = true };

	return list_metadata(ns, &query, ret);
}

int pyr_ns_list_metadata_any(pyr_ns *ns, const char *const *tags, size_t n_tags,
			     struct pyr_ns_entries **ret)
{
	struct query query = { .tags = tags, .n_tags = n_tags };

	return list_metadata(ns, &query, ret);
}

int pyr_ns_lookup_entry(pyr_ns *ns, const char *name, struct pyr_ns_entry **ret)
{
	struct server_call call = { .op = &server_lookup_entry, .text = name };
	struct pyrite_NameEntry *found;
	struct registration one;
	int status;
	struct pages sizes = { 0 };
	struct pyr_ns_entry *entry;
	struct room room;

	if (!ns || !name || !ret)
		return ns ? error_missing(name ? "ret" : "name") : error_null("ns");
	status = servers_call(ns->servers, &call, &found, NULL);
	if (status < 0)
		return status;
	(void)get_registration(found, 0, &one);
	count_one(&sizes, found, &one);
	entry = malloc(sizeof(*entry) + sizes.n_tags * sizeof(char *) + sizes.n_bytes);
	if (entry) {
		room.tags = (const char **)(entry + 1);
		room.text = (char *)(room.tags + sizes.n_tags);
		copy_one(&room, found, &one, entry);
		*ret = entry;
	}
	pyr_free(found);
	return entry ? 0 : no_memory();
}
