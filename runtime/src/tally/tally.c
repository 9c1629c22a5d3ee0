/* SPDX-License-Identifier: MIT */
#include "tally/tally.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

#define US 1000LL
#define MS 1000000LL
#define S  1000000000LL

const int64_t tally_bounds[TALLY_TIMES - 1] = {
	1 * US,   5 * US,   10 * US,   25 * US, 50 * US,   100 * US, 250 * US,
	500 * US, 1 * MS,   2500 * US, 5 * MS,  10 * MS,   25 * MS,  50 * MS,
	100 * MS, 250 * MS, 500 * MS,  1 * S,   2500 * MS, 5 * S,    10 * S,
};

struct tallies {
	pthread_mutex_t lock; /* a leaf */
	struct tally *first;  /* each with one reference */
};

struct tallies *tallies_new(void)
{
	struct tallies *tallies = calloc(1, sizeof(*tallies));

	if (tallies)
		pthread_mutex_init(&tallies->lock, NULL);
	return tallies;
}

void tallies_free(struct tallies *tallies)
{
	struct tally *tally, *next;

	if (!tallies)
		return;
	for (tally = tallies->first; tally; tally = next) {
		next = tally->next;
		tally_unref(tally);
	}
	pthread_mutex_destroy(&tallies->lock);
	free(tallies);
}

/* ---- tables ---- */

/* What a tally keeps of a table. */
struct copy {
	struct pyr__interface table;
	struct pyr__operation operations[]; /* behind them their names */
};

static size_t size_of_texts(const struct pyr__interface *table)
{
	size_t n = strlen(table->name) + 1;
	uint32_t i;

	for (i = 0; i < table->n_operations; i++)
		n += strlen(table->operations[i].name) + 1;
	return n;
}

static const struct pyr__interface *copy_of(const struct pyr__interface *table)
{
	uint32_t n = table->n_operations, i;
	size_t size = sizeof(struct copy) + n * sizeof(struct pyr__operation);
	struct copy *copy = calloc(1, size + size_of_texts(table));
	char *room = (char *)copy + size;

	if (!copy)
		return NULL;
	copy->table.name = text_keep(&room, table->name);
	copy->table.operations = copy->operations;
	copy->table.n_operations = n;
	for (i = 0; i < n; i++) {
		copy->operations[i].name = text_keep(&room, table->operations[i].name);
		copy->operations[i].flags = table->operations[i].flags;
	}
	return &copy->table;
}

static bool is_alike(const struct pyr__interface *a, const struct pyr__interface *b)
{
	uint32_t i;

	if (a->n_operations != b->n_operations || strcmp(a->name, b->name) != 0)
		return false;
	for (i = 0; i < a->n_operations; i++)
		if (a->operations[i].flags != b->operations[i].flags ||
		    strcmp(a->operations[i].name, b->operations[i].name) != 0)
			return false;
	return true;
}

/* ---- tallies ---- */

static struct tally *find(struct tallies *tallies, const struct pyr__interface *interface)
{
	struct tally *tally = tallies->first;

	while (tally && !is_alike(tally->interface, interface))
		tally = tally->next;
	return tally;
}

static struct tally *make(const struct pyr__interface *interface)
{
	struct tally *tally =
		calloc(1, sizeof(*tally) + interface->n_operations * sizeof(tally->operations[0]));

	if (!tally)
		return NULL;
	tally->interface = copy_of(interface);
	tally->refs = 1;
	if (tally->interface)
		return tally;
	free(tally);
	return NULL;
}

struct tally *tallies_get(struct tallies *tallies, const struct pyr__interface *interface)
{
	struct tally *tally;

	if (!tallies)
		return NULL;
	pthread_mutex_lock(&tallies->lock);
	tally = find(tallies, interface);
	if (!tally && (tally = make(interface))) {
		tally->next = tallies->first;
		tallies->first = tally;
	}
	if (tally)
		atomic_fetch_add(&tally->refs, 1);
	pthread_mutex_unlock(&tallies->lock);
	return tally;
}

void tally_unref(struct tally *tally)
{
	if (!tally || atomic_fetch_sub(&tally->refs, 1) != 1)
		return;
	free((void *)(uintptr_t)tally->interface); /* the copy begins with it */
	free(tally);
}

void tallies_each(struct tallies *tallies, void (*fn)(void *data, const struct tally *tally),
		  void *data)
{
	struct tally *tally;

	pthread_mutex_lock(&tallies->lock);
	tally = tallies->first;
	pthread_mutex_unlock(&tallies->lock);
	for (; tally; tally = tally->next)
		fn(data, tally);
}

/* ---- counting ---- */

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * S + now.tv_nsec;
}

static void add(atomic_uint_fast64_t *count, uint64_t n)
{
	atomic_fetch_add_explicit(count, n, memory_order_relaxed);
}

int64_t tally_begin(struct tally *tally, unsigned operation)
{
	add(&tally->operations[operation].n_begun, 1);
	return now_ns();
}

void tally_end(struct tally *tally, unsigned operation, int64_t begun_ns, int code)
{
	struct tally_operation *op = &tally->operations[operation];
	int64_t ns = now_ns() - begun_ns;
	unsigned i = 0;

	while (i < TALLY_TIMES - 1 && ns > tally_bounds[i])
		i++;
	add(&op->n_in[i], 1);
	add(&op->ns, (uint64_t)ns);
	if (code > 0 && code < TALLY_CODES)
		add(&op->n_failed[code], 1);
}
