/* SPDX-License-Identifier: MIT */
#include "generic/untyped.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/uri.h"
#include "generic/learned.h"
#include "value/value.h"

enum { NAMES_MAX = 4096, NAME_MAX_BYTES = 255, ALL_MAX = 16 << 20 };

static const char interface_name[] = "pyro.Untyped";
#define PREFIX "pyro.Untyped."

/* ---- what a daemon tells: Pyro.Daemon.get_metadata(object) ---- */

struct names {
	size_t n;
	const char **items;
};
struct metadata {
	struct names methods, oneway, attrs;
};

static const struct pyr__field name_field = { .id = 1, .name = "item", .kind = PYR__STRING };
static const struct pyr__type names_type = { .kind = PYR__SEQUENCE,
					     .name = "pyro.Names",
					     .size = sizeof(struct names),
					     .n_fields = 1,
					     .fields = &name_field };
#define NAMES(number, of_name)                                                                     \
	{                                                                                          \
		.id = (number), .name = #of_name, .kind = PYR__SEQUENCE,                           \
		.offset = offsetof(struct metadata, of_name), .type = &names_type                  \
	}
static const struct pyr__field metadata_fields[] = { NAMES(1, methods), NAMES(2, oneway),
						     NAMES(3, attrs) };
static const struct pyr__type metadata_type = { .kind = PYR__STRUCT,
						.name = "pyro.Metadata",
						.size = sizeof(struct metadata),
						.n_fields = 3,
						.fields = metadata_fields };
static const struct pyr__field get_metadata_fields[] = {
	{ .id = 1, .name = "object", .kind = PYR__STRING },
	{ .id = 1, .name = "ret", .kind = PYR__STRUCT, .type = &metadata_type },
};
static const struct pyr__operation get_metadata = { .name = "Pyro.Daemon.get_metadata",
						    .fields = get_metadata_fields,
						    .n_in = 1,
						    .n_out = 1,
						    .fingerprint = 1 };
static const struct pyr__interface daemon_interface = { .abi = PYR_GEN_ABI,
							.name = "Pyro.Daemon",
							.n_operations = 1,
							.operations = &get_metadata,
							.fingerprint = 1 };

/* Returns: owned, pyr_free(); NULL with the last error set. */
static struct metadata *ask(const char *address, const char *object,
			    const struct pyr_proxy_options *options)
{
	struct pyr_proxy_options own = *options;
	struct metadata *ret = NULL;
	pyr_proxy *daemon;
	union pyr__slot in[1] = { { .s = object } };
	void *out[1] = { &ret };
	char uri[URI_MAX];

	own.others = NULL;
	own.n_others = 0;
	snprintf(uri, sizeof(uri), "PYRO:Pyro.Daemon@%s", address);
	daemon = pyr__proxy_new(&daemon_interface, uri, &own, sizeof(own));
	if (daemon && pyr__call(daemon, &daemon_interface, 0, in, out) < 0)
		ret = NULL;
	pyr__proxy_free(daemon);
	return ret;
}

/* ---- tables ---- */

/* A parameter, then a result. */
static const struct pyr__field any_fields[] = {
	{ .id = 1, .name = "arguments", .kind = PYR__STRING, .flags = VALUE_ANY_JSON },
	{ .id = 1, .name = "ret", .kind = PYR__STRING, .flags = VALUE_ANY_JSON },
};

struct untyped {
	struct untyped *next;
	struct span text; /* all that was told */
	const struct pyr__interface *table;
	struct arena arena;
};

static struct {
	pthread_mutex_t lock; /* a leaf */
	struct untyped *first;
	size_t n;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool is_in(const struct names *names, const char *name)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		if (strcmp(names->items[i], name) == 0)
			return true;
	return false;
}

/* All of it: a hash alone could be that of what another daemon tells. */
static void put_text(struct buf *out, const struct metadata *told)
{
	const struct names *lists[] = { &told->methods, &told->oneway, &told->attrs };
	size_t i, j;

	for (i = 0; i < 3; i++) {
		buf_append(out, &lists[i]->n, sizeof(lists[i]->n));
		for (j = 0; j < lists[i]->n; j++)
			buf_append(out, lists[i]->items[j], strlen(lists[i]->items[j]) + 1);
	}
}

static bool put_operation(struct arena *arena, struct pyr__operation *op, const char *prefix,
			  const char *name)
{
	size_t n = sizeof(PREFIX) + strlen(prefix) + strlen(name);
	char *full = arena_alloc(arena, n);

	if (!full)
		return false;
	snprintf(full, n, PREFIX "%s%s", prefix, name);
	*op = (struct pyr__operation){ .name = full, .fields = any_fields, .n_in = 1, .n_out = 1 };
	op->fingerprint = hash_more(HASH_START, full, n);
	return true;
}

static bool put_operations(struct untyped *untyped, const struct metadata *told,
			   struct pyr__interface *table, struct pyr__operation *op)
{
	struct arena *arena = &untyped->arena;
	size_t i;

	table->operations = op;
	for (i = 0; i < told->methods.n; i++, op++) {
		if (!put_operation(arena, op, "", told->methods.items[i]))
			return false;
		if (is_in(&told->oneway, told->methods.items[i])) {
			op->flags = PYR__ONEWAY;
			op->n_out = 0;
		}
	}
	for (i = 0; i < told->attrs.n; i++, op += 2) {
		if (!put_operation(arena, op, "get_", told->attrs.items[i]) ||
		    !put_operation(arena, op + 1, "set_", told->attrs.items[i]))
			return false;
		op->n_in = 0; /* its result is the second field */
		op->fields = any_fields + 1;
		op[1].n_out = 0;
	}
	table->n_operations = (uint32_t)(op - table->operations);
	return true;
}

static struct untyped *make(const struct metadata *told, struct span text)
{
	uint64_t hash = hash_more(HASH_START, text.p, text.n);
	size_t n = told->methods.n + 2 * told->attrs.n;
	struct untyped *untyped = calloc(1, sizeof(*untyped));
	struct pyr__operation *operations;
	struct pyr__interface *table;

	if (!untyped)
		return NULL;
	arena_init(&untyped->arena, NULL, 0);
	untyped->arena.max = ALL_MAX;
	untyped->text = (struct span){ arena_copy(&untyped->arena, text.p, text.n), text.n };
	table = arena_alloc(&untyped->arena, sizeof(*table));
	operations = arena_alloc(&untyped->arena, (n + 1) * sizeof(*operations));
	untyped->table = table;
	if (untyped->text.p && table && operations &&
	    put_operations(untyped, told, table, operations)) {
		table->abi = PYR_GEN_ABI;
		table->name = interface_name;
		table->fingerprint = hash ? hash : 1;
		return untyped;
	}
	arena_clear(&untyped->arena);
	free(untyped);
	return NULL;
}

/* With the lock. */
static const struct pyr__interface *get(const struct metadata *told, struct span text)
{
	struct untyped *untyped;

	for (untyped = all.first; untyped; untyped = untyped->next)
		if (untyped->text.n == text.n && memcmp(untyped->text.p, text.p, text.n) == 0)
			return untyped->table;
	untyped = all.n < LEARNED_MAX ? make(told, text) : NULL;
	if (!untyped && all.n < LEARNED_MAX) {
		error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
		return NULL;
	}
	if (!untyped) {
		error_set(PYR_RESOURCE_EXHAUSTED,
			  "this process has learned %zu interfaces without types, the maximum",
			  all.n);
		return NULL;
	}
	untyped->next = all.first;
	all.first = untyped;
	all.n++;
	return untyped->table;
}

static const struct pyr__interface *learn(const struct metadata *told)
{
	const struct pyr__interface *ret = NULL;
	struct buf text = { 0 };

	put_text(&text, told);
	if (text.broken) {
		error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	} else {
		pthread_mutex_lock(&all.lock);
		ret = get(told, span_of_buf(&text));
		pthread_mutex_unlock(&all.lock);
	}
	buf_free(&text);
	return ret;
}

/* What a daemon tells is bounded, and has no names that are none. */
static bool is_good(const struct metadata *told)
{
	const struct names *lists[] = { &told->methods, &told->oneway, &told->attrs };
	size_t i, j;

	for (i = 0; i < 3; i++) {
		if (lists[i]->n > NAMES_MAX)
			return false;
		for (j = 0; j < lists[i]->n; j++)
			if (!lists[i]->items[j][0] || strlen(lists[i]->items[j]) > NAME_MAX_BYTES ||
			    strchr(lists[i]->items[j], '.'))
				return false;
	}
	return true;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* They come from sets, in any order. */
static void sort(struct names *names)
{
	if (names->n > 0)
		qsort(names->items, names->n, sizeof(*names->items), compare);
}

const struct pyr__interface *untyped_learn(const char *address, const char *object,
					   const struct pyr_proxy_options *options)
{
	struct metadata *told = ask(address, object, options);
	const struct pyr__interface *ret = NULL;

	if (!told)
		return NULL;
	if (is_good(told)) {
		sort(&told->methods);
		sort(&told->oneway);
		sort(&told->attrs);
		ret = learn(told);
	} else {
		error_set(PYR_INTERNAL,
			  "ProtocolError: %.200s: the metadata of '%.200s' is invalid", address,
			  object);
	}
	pyr_free(told);
	return ret;
}

bool untyped_is(const struct pyr__interface *table)
{
	return table->name == interface_name;
}

/* ---- for people ---- */

static void put(struct buf *out, const char *text)
{
	buf_append(out, text, strlen(text));
}

void untyped_print(const struct pyr__interface *table, struct buf *out)
{
	const struct pyr__operation *op = table->operations;
	uint32_t i;

	put(out, "// Served by Python's Pyro, which tells names alone: arguments and results are "
		 "values of any type.\n");
	for (i = 0; i < table->n_operations; i++, op++) {
		if (op->n_in == 0) { /* which set_ follows */
			put(out, "// attribute ");
			put(out, op->name + sizeof(PREFIX) - 1 + 4);
			put(out, "\n");
			i++;
			op++;
			continue;
		}
		put(out, op->flags & PYR__ONEWAY ? "// oneway " : "// ");
		put(out, op->name + sizeof(PREFIX) - 1);
		put(out, "(...)\n");
	}
}
