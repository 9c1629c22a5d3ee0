/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* tdestroy() */
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "replica_own.h"

enum {
	SLICE_MS = 5,   /* of taking over */
	LOOK_EVERY = 16 /* items between two looks at the clock */
};

struct store *replica_store(struct replica *replica)
{
	return replica->store;
}

void replica_listen(struct replica *replica, store_change_cb callback, void *data)
{
	replica->on_change = callback;
	replica->change_data = data;
}

uint64_t replica_revision(const struct replica *replica)
{
	return replica->revision;
}

static int compare_gone(const void *a, const void *b)
{
	return strcmp(a, b);
}

static struct gone *find_gone(struct replica *replica, const char *owner)
{
	struct gone **place = tfind(owner, &replica->gone, compare_gone);

	return place ? *place : NULL;
}

uint64_t replica_gone(struct replica *replica, const uint8_t secret[SECRET_SIZE])
{
	char owner[OWNER_TEXT];
	struct gone *gone;

	etcd_owner(owner, secret);
	gone = find_gone(replica, owner);
	return gone ? gone->revision : 0;
}

static void drop_gone(struct replica *replica, struct gone *gone)
{
	(void)tdelete(gone, &replica->gone, compare_gone);
	replica->store->kind->lose(replica->store, gone->secret, false);
	replica->options.on_owner(gone->secret, false, replica->options.data);
	free(gone);
}

/* One that cannot be noted holds his names for as long as his lease. */
static void put_gone(struct replica *replica, const struct item *item)
{
	struct gone *gone = find_gone(replica, item->key);
	char owner[OWNER_TEXT];

	etcd_owner(owner, item->secret);
	if (strcmp(owner, item->key) != 0 || (gone && gone->revision >= item->revision))
		return;
	if (!gone) {
		gone = calloc(1, sizeof(*gone));
		if (!gone)
			return;
		strcpy(gone->owner, owner);
		memcpy(gone->secret, item->secret, SECRET_SIZE);
		if (!tsearch(gone, &replica->gone, compare_gone)) {
			free(gone);
			return;
		}
	}
	gone->revision = item->revision;
	replica->store->kind->lose(replica->store, gone->secret, true);
	replica->options.on_owner(gone->secret, true, replica->options.data);
}

/* Removed on purpose, by whomever. */
static void revoke(struct replica *replica, const struct item *item)
{
	struct store *store = replica->store;
	const struct record *record = store->kind->find(store, item->key);

	if (record && !record->is_own && record->generation < item->revision &&
	    registry_knows_secret(record->secret, item->secret))
		(void)store->kind->remove(store, item->key, item->revision, true);
}

/* One that is older than that is its owner's who is gone: when all are read, those come first. */
static void look_for_owner(struct replica *replica, const struct item *item)
{
	struct record *record = item->record;

	if (replica->gone && record->ttl_ms > 0)
		record->is_orphan = replica_gone(replica, record->secret) > item->revision;
}

/* One that is as it was, when all are read again: it may be newer than that its owner is gone. */
static void look_at_old(struct replica *replica, const struct record *old)
{
	struct store *store = replica->store;

	if (old->is_orphan && replica_gone(replica, old->secret) < old->generation)
		store->kind->touch(store, old->key, old->expires);
}

/* Nothing goes back to what it was. Returns false when memory is out. */
static bool take_record(struct replica *replica, const struct item *item)
{
	struct store *store = replica->store;
	const struct record *old = store->kind->find(store, item->key);

	if (old && (old->is_own || old->generation >= item->revision)) {
		look_at_old(replica, old);
		return true;
	}
	if (item->record && strcmp(item->record->key, item->key) == 0) {
		look_for_owner(replica, item);
		return store->kind->put(store, item->record);
	}
	return !old || store->kind->remove(store, item->key, item->revision, false);
}

static bool take_item(struct replica *replica, const struct item *item)
{
	struct gone *gone;

	switch (item->kind) {
	case 'n':
		return take_record(replica, item);
	case 'r':
		if (!item->is_gone)
			revoke(replica, item);
		return true;
	case 'g':
		gone = find_gone(replica, item->key);
		if (!item->is_gone)
			put_gone(replica, item);
		else if (gone && gone->revision < item->revision)
			drop_gone(replica, gone);
		return true;
	default:
		return true;
	}
}

/* Whether a record with the key belongs into the page. */
static bool is_in_page(const struct part *page, const char *key)
{
	char full[REGISTRY_KEY_SIZE + 2];

	snprintf(full, sizeof(full), "n/%s", key);
	return strcmp(full, page->from) > 0 && (!page->to || strcmp(full, page->to) <= 0);
}

/* The first record of the page, or after a key of it. */
static const struct record *next_in_page(struct replica *replica, const struct part *page,
					 const char *after)
{
	struct store *store = replica->store;
	bool has_from = strncmp(page->from, "n/", 2) == 0;
	const struct record *record;

	if (!after && strcmp(page->from, "n/") > 0 && !has_from)
		return NULL; /* they are all before it */
	if (!after)
		record = has_from ? store->kind->next(store, page->from + 2, false)
				  : store->kind->next(store, "", true);
	else
		record = store->kind->next(store, after, false);
	return record && is_in_page(page, record->key) ? record : NULL;
}

static bool has_key(const struct part *page, size_t *at, const char *key)
{
	const struct item *item;
	int order;

	for (; *at < page->n; (*at)++) {
		item = &page->items[*at];
		if (item->kind != 'n')
			continue;
		order = strcmp(item->key, key);
		if (order >= 0)
			return order == 0 && (item->record || page->has_keys);
	}
	return false;
}

/* What a page does not have that should be in it is no longer there. Returns how many. */
static size_t others_than(struct replica *replica, const struct part *page, bool removes)
{
	struct store *store = replica->store;
	const struct record *record;
	char key[REGISTRY_KEY_SIZE], *after = NULL;
	size_t at = 0, n = 0;

	while ((record = next_in_page(replica, page, after)) != NULL) {
		after = strcpy(key, record->key);
		if (record->is_own || record->generation > page->revision ||
		    has_key(page, &at, key))
			continue;
		if (removes)
			(void)store->kind->remove(store, key, page->revision, false);
		n++;
	}
	return n;
}

/* Owners who are gone, of the whole: those that are not in it are there again, or forgotten. */
static void forget_gone(struct replica *replica)
{
	while (replica->gone)
		drop_gone(replica, *(struct gone **)replica->gone);
}

static bool differs(struct replica *replica, const struct part *page, const struct item *item)
{
	struct store *store = replica->store;
	const struct record *old;

	if (item->kind != 'n' || (!item->record && !page->has_keys))
		return false;
	old = store->kind->find(store, item->key);
	return !old || (!old->is_own && old->generation < item->revision);
}

/* What has been read again is compared, its keys first: values are read when these differ. Returns
 * whether there was anything that was not told. */
static bool compare_check(struct replica *replica, struct part *page)
{
	size_t i, n = others_than(replica, page, !page->has_keys);

	for (i = 0; i < page->n; i++) {
		n += differs(replica, page, &page->items[i]);
		if (!page->has_keys)
			(void)take_item(replica, &page->items[i]);
	}
	replica->checks_values = page->has_keys && n > 0;
	if (replica->checks_values) {
		replica->checked_ms = 0; /* at once */
		return false;
	}
	free(replica->check_from);
	replica->check_from = page->to;
	page->to = NULL;
	if (n > 0)
		fprintf(stderr,
			"pyrite-ns: etcd's watch missed %zu changes, which a second read found\n",
			n);
	return n > 0;
}

static void drop_check(struct replica *replica)
{
	if (!replica->check)
		return;
	replica_free_part(replica->check);
	replica->check = NULL;
	pthread_mutex_lock(&replica->lock);
	replica->is_checking = false;
	pthread_mutex_unlock(&replica->lock);
}

/*
 * A page that was read again is as of a revision. It is compared when all news up to that have been
 * taken over, and none beyond: before, it has what is about to be told, and would tell it in the
 * order of keys; after, it lacks what was told. part: the one that comes next; NULL: the last one
 * has been taken over. Returns as compare_check().
 */
static bool look_at_check(struct replica *replica, const struct part *part)
{
	struct part *page = replica->check;
	bool is_void = false;

	if (!page || (part && (part->kind == PART_CHECK || part->revision <= page->revision ||
			       part->at > 0)))
		return false;
	if (!part && replica->revision < page->revision)
		return false;
	if (!part ? replica->revision == page->revision
		  : part->kind == PART_NEWS &&
			    (part->n == 0 || part->items[0].revision > page->revision))
		is_void = compare_check(replica, page);
	drop_check(replica);
	return is_void;
}

/* Returns whether it is done; else it goes on another time. */
static bool take_part(struct replica *replica, struct part *part, int64_t until)
{
	if (part->is_first && part->at == 0)
		forget_gone(replica);
	if (part->kind == PART_PAGE && part->at == 0)
		(void)others_than(replica, part, true);
	while (part->at < part->n) {
		if (!take_item(replica, &part->items[part->at]))
			return false; /* memory is out, for now */
		if (++part->at % LOOK_EVERY == 0 && clock_ms() > until)
			break;
	}
	if (part->at < part->n)
		return false;
	if (part->kind == PART_NEWS || part->is_last)
		replica->revision = part->revision;
	return true;
}

static struct part *first_part(struct replica *replica)
{
	struct part *part;

	pthread_mutex_lock(&replica->lock);
	part = replica->first;
	pthread_mutex_unlock(&replica->lock);
	return part;
}

/* Takes the first out; a page that was read again is kept until it can be compared. Returns whether
 * there is another. */
static bool drop_first(struct replica *replica)
{
	struct part *part;
	bool is_more;

	pthread_mutex_lock(&replica->lock);
	part = replica->first;
	replica->first = part->next;
	replica->n_bytes -= part->cost;
	if (!replica->first)
		replica->last = &replica->first;
	is_more = replica->first;
	pthread_mutex_unlock(&replica->lock);
	if (part->kind == PART_CHECK)
		replica->check = part;
	else
		replica_free_part(part);
	return is_more;
}

bool replica_take(struct replica *replica, bool *is_void)
{
	struct store *store = replica->store;
	struct part *part = first_part(replica);
	int64_t until = clock_ms() + SLICE_MS;
	bool is_done;

	store->kind->listen(store, replica->on_change, replica->change_data);
	while (part) {
		*is_void |= look_at_check(replica, part) || part->kind == PART_PAGE;
		is_done = part->kind == PART_CHECK || take_part(replica, part, until);
		if (!is_done)
			break;
		part = drop_first(replica) ? first_part(replica) : NULL;
		*is_void |= look_at_check(replica, NULL);
		if (clock_ms() > until)
			break;
	}
	store->kind->listen(store, NULL, NULL);
	replica_go_on(replica);
	return part != NULL;
}

/* ---- as a whole ---- */

struct replica *replica_new(const struct replica_options *options)
{
	struct replica *replica = calloc(1, sizeof(*replica));

	if (!replica)
		return NULL;
	replica->options = *options;
	snprintf(replica->prefix, sizeof(replica->prefix), "%s", options->prefix);
	replica->last = &replica->first;
	replica->store = store_memory_new();
	if (!replica->store) {
		free(replica);
		return NULL;
	}
	pthread_mutex_init(&replica->lock, NULL);
	replica_read(replica);
	return replica;
}

void replica_stop(struct replica *replica)
{
	struct etcd_watch *watch;

	pthread_mutex_lock(&replica->lock);
	replica->is_stopping = true;
	watch = replica->watch;
	replica->watch = NULL;
	pthread_mutex_unlock(&replica->lock);
	etcd_watch_stop(watch);
}

void replica_free(struct replica *replica)
{
	struct part *part;

	while ((part = replica->first) != NULL) {
		replica->first = part->next;
		replica_free_part(part);
	}
	replica_free_part(replica->check);
	replica->store->kind->free(replica->store);
	tdestroy(replica->gone, free);
	pthread_mutex_destroy(&replica->lock);
	free(replica->read_from);
	free(replica->check_from);
	free(replica->check_to);
	free(replica);
}
