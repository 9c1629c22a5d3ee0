/* SPDX-License-Identifier: MIT */
#include "tally/tally.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

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

static struct tally *find(struct tallies *tallies, const struct pyr__interface *interface)
{
	struct tally *tally = tallies->first;

	while (tally && tally->interface != interface)
		tally = tally->next;
	return tally;
}

static struct tally *make(const struct pyr__interface *interface)
{
	struct tally *tally =
		calloc(1, sizeof(*tally) + interface->n_operations * sizeof(tally->operations[0]));

	if (tally) {
		tally->interface = interface;
		tally->refs = 1;
	}
	return tally;
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
	if (tally && atomic_fetch_sub(&tally->refs, 1) == 1)
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
