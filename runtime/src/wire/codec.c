/* SPDX-License-Identifier: MIT */
/*
 * What has been built, kept for the life of the process: a hash table from the address of a table
 * to its descriptors. It is file-scope state because tables are constants of the program and know
 * no owner that could keep it. A lock guards it; callers keep what they get, so it is taken once
 * per proxy or registered object, not per call. A table may be another's by now, at the same
 * address: after a library was unloaded each entry is compared with its table when it is next asked
 * for, and what is built then takes nothing from before. What was built is never freed, as its
 * users may live on.
 */
#include "wire/codec.h"

#include <pthread.h>

#include "wire/codec_build.h"

enum { BUCKETS = 512 };

static struct {
	pthread_mutex_t lock; /* guards everything below */
	struct arena memory;
	struct codec_entry *buckets[BUCKETS];
} cache = { .lock = PTHREAD_MUTEX_INITIALIZER, .memory = { .max = SIZE_MAX } };

bool codec_has_interface(const struct pyr__interface *table, struct span name)
{
	const char *const *base;

	if (span_is(name, table->name))
		return true;
	for (base = table->bases; base && *base; base++)
		if (span_is(name, *base))
			return true;
	return false;
}

static struct codec_entry **bucket_of(const void *table, enum codec_form form)
{
	uintptr_t hash = (uintptr_t)table / 8 * 4 + (uintptr_t)form;

	return &cache.buckets[(hash ^ hash >> 9) % BUCKETS];
}

static struct codec_entry *find(const void *table, enum codec_form form)
{
	struct codec_entry *entry;

	for (entry = *bucket_of(table, form); entry; entry = entry->next)
		if (entry->table == table && entry->form == form)
			return entry; /* the newest */
	return NULL;
}

/* Whether it is still what its table says. */
static bool is_true(struct codec_entry *entry, unsigned long long unloads)
{
	if (entry->unloads != unloads &&
	    (!entry->stamp || entry->stamp != codec_stamp(entry->table, entry->form)))
		return false;
	entry->unloads = unloads;
	return true;
}

/* What is known of a table that a user of the codec has, NULL if nothing. */
static void *known(const void *table, enum codec_form form, unsigned long long unloads)
{
	struct codec_entry *entry = find(table, form);

	return entry && is_true(entry, unloads) ? entry->value : NULL;
}

/* It was built for a user: so it is worth a stamp. */
static void stamp(const void *table, enum codec_form form)
{
	find(table, form)->stamp = codec_stamp(table, form);
}

void *codec_cache_get(struct codec_build *build, const void *table, enum codec_form form, size_t n)
{
	struct codec_entry **bucket = bucket_of(table, form);
	struct codec_entry *entry = find(table, form);

	if (entry && entry->unloads == build->unloads)
		return entry->value;
	entry = arena_alloc(build->memory, sizeof(*entry));
	if (!entry || !(entry->value = arena_alloc(build->memory, n)))
		return NULL;
	entry->table = table;
	entry->form = form;
	entry->unloads = build->unloads;
	entry->next = *bucket;
	*bucket = entry;
	entry->next_new = build->added;
	build->added = entry;
	return entry->value;
}

/* Makes a build that ran out of memory unseen: its entries were the last to be added, so they stand
 * first in their chains. What it allocated stays with the arena. */
static void forget(struct codec_build *build)
{
	struct codec_entry *entry;

	for (entry = build->added; entry; entry = entry->next_new)
		*bucket_of(entry->table, entry->form) = entry->next;
}

/* The items of its streams, whose fields stand behind the results. */
static bool fill_items(struct codec_build *build, struct codec_operation *ret)
{
	const struct pyr__operation *operation = ret->table;
	unsigned at = operation->n_in + operation->n_out;

	if (operation->flags & PYR__STREAM_IN)
		ret->in_item = codec_build_slots(build, operation->name, operation->fields + at++,
						 1, "item");
	if (operation->flags & PYR__STREAM_OUT)
		ret->out_item = codec_build_slots(build, operation->name, operation->fields + at, 1,
						  "item");
	return (ret->in_item || !(operation->flags & PYR__STREAM_IN)) &&
	       (ret->out_item || !(operation->flags & PYR__STREAM_OUT));
}

static bool fill_interface(struct codec_build *build, struct codec_interface *interface,
			   const struct pyr__interface *table)
{
	const struct pyr__operation *operation;
	struct codec_operation *ret;
	unsigned i;

	interface->table = table;
	interface->operations =
		arena_alloc(build->memory, table->n_operations * sizeof(*interface->operations));
	if (!interface->operations)
		return false;
	for (i = 0; i < table->n_operations; i++) {
		operation = &table->operations[i];
		ret = &interface->operations[i];
		ret->table = operation;
		ret->request = codec_build_slots(build, operation->name, operation->fields,
						 operation->n_in, "parameter");
		ret->reply = codec_build_slots(build, operation->name,
					       codec_fields_from(operation, operation->n_in),
					       operation->n_out, "result");
		if (!ret->request || !ret->reply || !fill_items(build, ret))
			return false;
	}
	return true;
}

const struct codec_interface *codec_interface_get(const struct pyr__interface *table)
{
	struct codec_build build = { .memory = &cache.memory, .unloads = codec_unloads() };
	struct codec_interface *interface;

	pthread_mutex_lock(&cache.lock);
	interface = known(table, CODEC_INTERFACE, build.unloads);
	if (!interface) {
		interface = codec_cache_get(&build, table, CODEC_INTERFACE, sizeof(*interface));
		if (interface && fill_interface(&build, interface, table) &&
		    codec_build_rest(&build)) {
			stamp(table, CODEC_INTERFACE);
		} else {
			forget(&build);
			interface = NULL;
		}
	}
	pthread_mutex_unlock(&cache.lock);
	return interface;
}

/* A table whose library may have been unloaded since it was last seen is not looked at. */
static bool is_named(const struct codec_entry *entry, struct span name, uint64_t fingerprint,
		     unsigned long long unloads)
{
	const struct pyr__interface *table = entry->table;

	return entry->form == CODEC_INTERFACE && entry->unloads == unloads &&
	       table->fingerprint == fingerprint && span_is(name, table->name);
}

const struct codec_interface *codec_interface_find(struct span name, uint64_t fingerprint)
{
	unsigned long long unloads = codec_unloads();
	struct codec_entry *entry = NULL;
	size_t i;

	pthread_mutex_lock(&cache.lock);
	for (i = 0; i < BUCKETS && !entry; i++)
		for (entry = cache.buckets[i]; entry; entry = entry->next)
			if (is_named(entry, name, fingerprint, unloads))
				break;
	pthread_mutex_unlock(&cache.lock);
	return entry ? entry->value : NULL;
}

const struct codec_message *codec_type_get(const struct pyr__type *table)
{
	struct codec_build build = { .memory = &cache.memory, .unloads = codec_unloads() };
	const struct codec_message *message;

	pthread_mutex_lock(&cache.lock);
	message = known(table, CODEC_TYPE, build.unloads);
	if (!message) {
		message = codec_build_message(&build, table, CODEC_TYPE);
		if (message && codec_build_rest(&build)) {
			stamp(table, CODEC_TYPE);
		} else {
			forget(&build);
			message = NULL;
		}
	}
	pthread_mutex_unlock(&cache.lock);
	return message;
}
