/* SPDX-License-Identifier: MIT */
#include "generic/learned.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/stack.h"

enum { ARENA_MAX = 64 << 20 };

struct learned {
	struct learned *next;
	uint64_t hash; /* of all that was told */
	struct span shape;
	const struct pyr__interface *table;
	struct arena arena;
};

static struct {
	pthread_mutex_t lock; /* a leaf but for the codec's */
	struct learned *first;
	size_t n, n_bytes;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

static uint64_t hash_of(const struct description *told)
{
	uint64_t hash = hash_more(HASH_START, &told->fingerprint, sizeof(told->fingerprint));
	size_t i;

	hash = hash_more(hash, told->name, strlen(told->name) + 1);
	for (i = 0; i < told->n_bases; i++)
		hash = hash_more(hash, told->bases[i], strlen(told->bases[i]) + 1);
	return told->shape.n > 0 ? hash_more(hash, told->shape.p, told->shape.n) : hash;
}

static bool is_same(const struct learned *learned, const struct description *told, uint64_t hash)
{
	size_t i, n = 0;

	while (learned->table->bases && learned->table->bases[n])
		n++;
	if (learned->hash != hash || learned->shape.n != told->shape.n || n != told->n_bases ||
	    learned->table->fingerprint != told->fingerprint ||
	    strcmp(learned->table->name, told->name) != 0 ||
	    (told->shape.n > 0 && memcmp(learned->shape.p, told->shape.p, told->shape.n) != 0))
		return false;
	for (i = 0; i < n; i++)
		if (strcmp(learned->table->bases[i], told->bases[i]) != 0)
			return false;
	return true;
}

static struct learned *make(const struct description *told, int *code, char *text, size_t n)
{
	struct learned *learned = calloc(1, sizeof(*learned));

	*code = PYR_RESOURCE_EXHAUSTED;
	snprintf(text, n, "out of memory");
	if (!learned)
		return NULL;
	arena_init(&learned->arena, NULL, 0);
	learned->arena.max = ARENA_MAX;
	learned->shape.n = told->shape.n;
	learned->shape.p = arena_copy(&learned->arena, told->shape.p, told->shape.n);
	if (learned->shape.p) {
		*code = PYR_INTERNAL;
		learned->table = description_tables(told, &learned->arena, text, n);
	}
	if (learned->table)
		return learned;
	if (learned->arena.is_short)
		*code = PYR_RESOURCE_EXHAUSTED;
	arena_clear(&learned->arena);
	free(learned);
	return NULL;
}

/* At most so many are kept. */
static size_t bytes_of_docs(const struct description *told)
{
	size_t i, n = 0;

	for (i = 0; i < told->n_docs && n < DESCRIPTION_DOCS; i++)
		n += strlen(told->docs[i]);
	return n < DESCRIPTION_DOCS ? n : DESCRIPTION_DOCS;
}

/* With the lock. Those that differ in doc comments alone are one: what came first. */
static const struct pyr__interface *get(const struct description *told, int *code, char *text,
					size_t n)
{
	uint64_t hash = hash_of(told);
	size_t n_bytes = told->shape.n + bytes_of_docs(told);
	struct learned *learned;

	for (learned = all.first; learned; learned = learned->next)
		if (is_same(learned, told, hash))
			return learned->table;
	if (all.n == LEARNED_MAX || n_bytes > LEARNED_BYTES - all.n_bytes) {
		*code = PYR_RESOURCE_EXHAUSTED;
		snprintf(text, n, "this process has learned %zu interfaces, the maximum", all.n);
		return NULL;
	}
	learned = make(told, code, text, n);
	if (!learned)
		return NULL;
	learned->hash = hash;
	learned->next = all.first;
	all.first = learned;
	all.n++;
	all.n_bytes += n_bytes;
	return learned->table;
}

/* What it was asked for: types are as deep as they are told to be, so not on a task's stack. */
struct work {
	const struct description *told;
	int *code;
	char *text;
	size_t n;
	const struct pyr__interface *table;
};

static void work(void *arg)
{
	struct work *w = arg;

	w->table = get(w->told, w->code, w->text, w->n);
}

const struct pyr__interface *learned_get(const struct description *told, int *code, char *text,
					 size_t n)
{
	struct work w = { told, code, text, n, NULL };

	pthread_mutex_lock(&all.lock);
	stack_call(work, &w);
	pthread_mutex_unlock(&all.lock);
	return w.table;
}
