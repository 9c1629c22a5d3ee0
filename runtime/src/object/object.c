/* SPDX-License-Identifier: MIT */
#include "object/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/random.h"
#include "base/text.h"
#include "base/uri.h"

enum { FIRST_BUCKETS = 64, LOAD = 4 };

static size_t hash(struct span id)
{
	uint64_t h = hash_more(HASH_START, id.p, id.n);

	return (size_t)(h ^ h >> 32);
}

int objects_init(struct object_table *table)
{
	*table = (struct object_table){ .n_buckets = FIRST_BUCKETS };
	table->buckets = calloc(FIRST_BUCKETS, sizeof(struct object *));
	if (!table->buckets || pthread_rwlock_init(&table->lock, NULL) != 0) {
		free(table->buckets);
		return -PYR_RESOURCE_EXHAUSTED;
	}
	return 0;
}

void objects_offer(struct object_table *table, const struct object_built_in *built_in)
{
	size_t n = 0;

	while (table->built_ins[n])
		n++;
	if (n < OBJECT_BUILT_INS)
		table->built_ins[n] = built_in;
}

/* Returns the place of one with that id, or of that interface; OBJECT_BUILT_INS: there is none. */
static size_t built_in_place(const struct object_table *table, struct span name, bool is_id)
{
	const struct object_built_in *built_in;
	size_t i;

	for (i = 0; (built_in = table->built_ins[i]); i++)
		if (is_id ? built_in->id && span_is(name, built_in->id)
			  : span_is(name, built_in->interface))
			return i;
	return OBJECT_BUILT_INS;
}

static void tell_changed(struct object_table *table)
{
	if (table->changed)
		table->changed(table);
}

void object_ref(struct object *object)
{
	atomic_fetch_add_explicit(&object->refs, 1, memory_order_relaxed);
}

void object_unref(struct object *object)
{
	if (!object || atomic_fetch_sub(&object->refs, 1) != 1)
		return;
	if (object->fini)
		object->fini(object);
	tally_unref(object->tally);
	free(object->life);
	free(object->methods);
	free(object->id);
	free(object->uri);
	free(object);
}

/* A call that comes too late counts itself all the same, and is gone again: hence once. */
void object_leave(struct object *object)
{
	void (*on_unused)(struct object *);

	if (atomic_fetch_sub(&object->uses, 1) != 1)
		return;
	on_unused = atomic_exchange(&object->on_unused, NULL);
	if (on_unused)
		on_unused(object);
}

bool object_enter_again(struct object *object)
{
	int uses = atomic_load(&object->uses);

	while (uses > 0)
		if (atomic_compare_exchange_weak(&object->uses, &uses, uses + 1))
			return true;
	return false;
}

/* Counted before the look: who unregisters it looks at the count after he has said so. */
bool object_enter(struct object *object)
{
	if (object->is_weak)
		return object_enter_again(object);
	atomic_fetch_add(&object->uses, 1);
	if (!atomic_load(&object->is_gone))
		return true;
	object_leave(object);
	return false;
}

/* It is out of the table, whose use and reference go. Without its lock. */
static void unregister(struct object *object)
{
	if (object->is_weak) {
		atomic_store(&object->is_listed, false);
	} else {
		atomic_store(&object->is_gone, true);
		object_leave(object);
	}
	object_unref(object);
}

static void unregister_all(struct object *object)
{
	struct object *next;

	for (; object; object = next) {
		next = object->next;
		unregister(object);
	}
}

/* Nobody has it any more, and it has not been taken out of the table yet. */
static bool is_dead(const struct object *object)
{
	return object->is_weak && atomic_load(&object->uses) == 0;
}

void objects_close(struct object_table *table)
{
	struct object *object, *made[OBJECT_BUILT_INS];
	size_t i;

	for (i = 0; i < table->n_buckets; i++) {
		pthread_rwlock_wrlock(&table->lock);
		object = table->buckets[i];
		table->buckets[i] = NULL;
		pthread_rwlock_unlock(&table->lock);
		unregister_all(object);
	}
	table->n = 0;
	pthread_rwlock_wrlock(&table->lock);
	memcpy(made, table->made, sizeof(made));
	memset(table->made, 0, sizeof(made));
	table->is_closed = true;
	pthread_rwlock_unlock(&table->lock);
	for (i = 0; i < OBJECT_BUILT_INS; i++)
		if (made[i])
			unregister(made[i]);
}

void objects_free(struct object_table *table)
{
	objects_close(table);
	tallies_free(table->tallies);
	free(table->buckets);
	pthread_rwlock_destroy(&table->lock);
}

static char *random_id(void)
{
	uint8_t bits[16];
	char *id = malloc(5 + 2 * sizeof(bits));
	size_t i;

	if (!id || !random_bytes(bits, sizeof(bits))) {
		free(id);
		return NULL;
	}
	memcpy(id, "obj_", 5);
	for (i = 0; i < sizeof(bits); i++)
		sprintf(id + 4 + 2 * i, "%02x", bits[i]);
	return id;
}

/* id: taken; NULL: there is no memory for it. */
static struct object *named_object(char *id, const char *address)
{
	struct object *object = calloc(1, sizeof(*object));

	if (!object) {
		free(id);
		return NULL;
	}
	object->refs = object->uses = 1;
	object->id = id;
	if (id)
		object->uri = malloc(strlen(id) + strlen(address) + 7);
	if (!object->uri) {
		object_unref(object);
		return NULL;
	}
	sprintf(object->uri, "PYRO:%s@%s", id, address);
	return object;
}

static struct object *new_object(const struct codec_interface *interface, const char *id,
				 const char *address, const void *methods, void *data)
{
	size_t size = interface->table->n_operations * sizeof(void (*)(void));
	struct object *object = named_object(id ? strdup(id) : random_id(), address);

	if (!object)
		return NULL;
	object->interface = interface;
	object->data = data;
	object->methods = malloc(size ? size : 1);
	if (!object->methods) {
		object_unref(object);
		return NULL;
	}
	memcpy(object->methods, methods, size);
	return object;
}

struct object *object_new(const struct codec_interface *interface, const char *id,
			  const char *address, const void *methods, void *data)
{
	struct object *object = new_object(interface, id, address, methods, data);

	if (object)
		object->is_counted = true;
	return object;
}

struct object *objects_stand_in(const struct object_table *table, struct span id,
				const char *address)
{
	struct object *object;

	if (id.n > URI_OBJECT_MAX)
		id.n = URI_OBJECT_MAX;
	object = named_object(span_dup(id), address);
	if (!object)
		return NULL;
	text_clean(object->id); /* as the other end put it; it gets no longer */
	sprintf(object->uri, "PYRO:%s@%s", object->id, address);
	object->hooks = table->hooks;
	return object;
}

const char *object_address(const struct object *object)
{
	return object->uri + strlen("PYRO:") + strlen(object->id) + strlen("@");
}

/* The place where an object of that id is, or would be linked in. */
static struct object **slot(struct object_table *table, struct span id)
{
	struct object **at = &table->buckets[hash(id) % table->n_buckets];

	while (*at && !span_is(id, (*at)->id))
		at = &(*at)->next;
	return at;
}

/* Takes out those that nobody has any more. Returns them, linked. */
static struct object *sweep(struct object_table *table)
{
	struct object **at, *object, *dead = NULL;
	size_t i;

	for (i = 0; i < table->n_buckets; i++)
		for (at = &table->buckets[i]; (object = *at);) {
			if (!is_dead(object)) {
				at = &object->next;
				continue;
			}
			*at = object->next;
			object->next = dead;
			dead = object;
			table->n--;
		}
	return dead;
}

static void grow(struct object_table *table)
{
	size_t n = table->n_buckets * 4, i;
	struct object **buckets = calloc(n, sizeof(struct object *)), *object, *next, **at;

	if (!buckets)
		return; /* longer chains, no more */
	for (i = 0; i < table->n_buckets; i++)
		for (object = table->buckets[i]; object; object = next) {
			next = object->next;
			at = &buckets[hash(span_of(object->id)) % n];
			object->next = *at;
			*at = object;
		}
	free(table->buckets);
	table->buckets = buckets;
	table->n_buckets = n;
}

/* Returns what is out. */
static struct object *make_room(struct object_table *table)
{
	struct object *dead = sweep(table);

	if (table->n > LOAD / 2 * table->n_buckets)
		grow(table);
	return dead;
}

struct object *objects_new(const struct object_table *table,
			   const struct codec_interface *interface, const char *id,
			   const char *address, const void *methods, void *data)
{
	struct object *object = new_object(interface, id, address, methods, data);

	if (object)
		object->hooks = table->hooks;
	if (object && table->tallies)
		object->tally = tallies_get(table->tallies, interface->table);
	return object;
}

int objects_put(struct object_table *table, struct object *object, bool replaces, bool is_default)
{
	struct object **at, *before, *out = NULL;
	size_t place;

	place = built_in_place(table, span_of(object->id), true);
	if (place < OBJECT_BUILT_INS && table->built_ins[place]->is_reserved) {
		object_unref(object);
		return PYR_ALREADY_EXISTS;
	}
	if (table->tallies && !object->tally)
		object->tally = tallies_get(table->tallies, object->interface->table);
	pthread_rwlock_wrlock(&table->lock);
	at = slot(table, span_of(object->id));
	before = *at;
	if (before && !replaces && !is_dead(before)) {
		pthread_rwlock_unlock(&table->lock);
		object_unref(object);
		return PYR_ALREADY_EXISTS;
	}
	if (is_default)
		object->default_rank = ++table->last_rank;
	object->next = before ? before->next : NULL;
	*at = object;
	if (!before && ++table->n > LOAD * table->n_buckets)
		out = make_room(table);
	pthread_rwlock_unlock(&table->lock);
	unregister_all(out);
	if (before)
		unregister(before);
	tell_changed(table);
	return 0;
}

struct object *objects_add(struct object_table *table, const struct codec_interface *interface,
			   const char *id, const char *address, const void *methods, void *data,
			   int *code)
{
	struct object *object = objects_new(table, interface, id, address, methods, data);

	*code = object ? objects_put(table, object, false, false) : PYR_RESOURCE_EXHAUSTED;
	return *code ? NULL : object;
}

static struct object *find_built_in(struct object_table *table, struct span name, bool is_id)
{
	size_t place = built_in_place(table, name, is_id);
	struct object *object;

	if (place == OBJECT_BUILT_INS)
		return NULL;
	pthread_rwlock_wrlock(&table->lock);
	if (!table->made[place] && !table->is_closed)
		table->made[place] = table->built_ins[place]->make(table);
	object = table->made[place];
	if (object)
		object_ref(object);
	pthread_rwlock_unlock(&table->lock);
	return object;
}

struct object *objects_find(struct object_table *table, struct span id)
{
	struct object *object;

	pthread_rwlock_rdlock(&table->lock);
	object = *slot(table, id);
	if (object && is_dead(object))
		object = NULL;
	if (object)
		object_ref(object);
	pthread_rwlock_unlock(&table->lock);
	return object ? object : find_built_in(table, id, true);
}

static bool would_make(struct object_table *table, struct span name, bool is_id)
{
	bool would;

	pthread_rwlock_rdlock(&table->lock);
	would = built_in_place(table, name, is_id) < OBJECT_BUILT_INS && !table->is_closed;
	pthread_rwlock_unlock(&table->lock);
	return would;
}

bool objects_would_make(struct object_table *table, struct span id)
{
	return would_make(table, id, true);
}

bool objects_would_make_default(struct object_table *table, struct span interface)
{
	return would_make(table, interface, false);
}

ptrdiff_t objects_all(struct object_table *table, struct object ***ret)
{
	struct object **all, *object;
	size_t i, n = 0;

	pthread_rwlock_rdlock(&table->lock);
	all = table->n ? malloc(table->n * sizeof(struct object *)) : NULL;
	for (i = 0; all && i < table->n_buckets; i++)
		for (object = table->buckets[i]; object; object = object->next) {
			if (!object_enter(object))
				continue; /* one that nobody has any more */
			object_ref(object);
			all[n++] = object;
		}
	if (!all && table->n)
		n = SIZE_MAX;
	pthread_rwlock_unlock(&table->lock);
	*ret = all;
	return (ptrdiff_t)n;
}

bool objects_remove(struct object_table *table, const char *id)
{
	struct object **at, *object;
	bool was_there;

	pthread_rwlock_wrlock(&table->lock);
	at = slot(table, span_of(id));
	object = *at;
	if (object) {
		*at = object->next;
		table->n--;
	}
	pthread_rwlock_unlock(&table->lock);
	was_there = object && !is_dead(object);
	if (object)
		unregister(object);
	if (object)
		tell_changed(table);
	return was_there;
}

size_t objects_remove_data(struct object_table *table, const void *data)
{
	struct object **at, *object, *out = NULL;
	size_t i, n = 0;

	pthread_rwlock_wrlock(&table->lock);
	for (i = 0; i < table->n_buckets; i++)
		for (at = &table->buckets[i]; (object = *at);) {
			if (object->data != data) {
				at = &object->next;
				continue;
			}
			*at = object->next;
			object->next = out;
			out = object;
			n += !is_dead(object);
			table->n--;
		}
	pthread_rwlock_unlock(&table->lock);
	unregister_all(out);
	if (n > 0)
		tell_changed(table);
	return n;
}

struct object *objects_default(struct object_table *table, struct span interface, size_t *n_found)
{
	struct object *object, *best = NULL;
	size_t i, n = 0;

	pthread_rwlock_rdlock(&table->lock);
	for (i = 0; i < table->n_buckets; i++)
		for (object = table->buckets[i]; object; object = object->next) {
			if (is_dead(object) ||
			    !codec_has_interface(object->interface->table, interface))
				continue;
			n++;
			if (!best || object->default_rank > best->default_rank)
				best = object;
		}
	if (n > 1 && best->default_rank == 0)
		best = NULL;
	if (best)
		object_ref(best);
	pthread_rwlock_unlock(&table->lock);
	if (n == 0) {
		best = find_built_in(table, interface, false);
		n = best ? 1 : 0;
	}
	*n_found = n;
	return best;
}

bool objects_on_unused(struct object_table *table, const char *id, void (*fn)(struct object *),
		       void **ending)
{
	struct object *object;
	void *before = NULL;

	pthread_rwlock_wrlock(&table->lock);
	object = *slot(table, span_of(id));
	if (object) {
		before = object->ending;
		object->ending = *ending;
		atomic_store(&object->on_unused, fn);
	}
	pthread_rwlock_unlock(&table->lock);
	if (object)
		*ending = before;
	return object != NULL;
}

bool objects_set_default(struct object_table *table, const char *id)
{
	struct object *object;

	pthread_rwlock_wrlock(&table->lock);
	object = *slot(table, span_of(id));
	if (object)
		object->default_rank = ++table->last_rank;
	pthread_rwlock_unlock(&table->lock);
	return object != NULL;
}

int object_operation(const struct object *object, struct span name)
{
	const struct pyr__interface *interface = object->interface->table;
	const char *own, *dot;
	struct span scope = name, bare;
	uint32_t i;

	for (i = 0; i < interface->n_operations; i++)
		if (span_is(name, interface->operations[i].name))
			return (int)i;
	while (scope.n > 0 && scope.p[scope.n - 1] != '.')
		scope.n--;
	if (scope.n == 0)
		return -1;
	bare = span_after(name, scope.n);
	scope.n--;
	if (!codec_has_interface(interface, scope))
		return -1;
	for (i = 0; i < interface->n_operations; i++) { /* B.op for an operation that A declares */
		own = interface->operations[i].name;
		dot = strrchr(own, '.');
		if (dot && span_is(bare, dot + 1))
			return (int)i;
	}
	return -1;
}
