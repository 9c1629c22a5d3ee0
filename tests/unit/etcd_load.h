/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_ETCD_LOAD_H
#define PYRITE_TEST_ETCD_LOAD_H
/*
 * Keys are put every few milliseconds, each once, a lease is renewed, and all is watched, while
 * members of etcd come and go. Then each outcome must be true: what was done was told once, at the
 * revision of the outcome; what was not run was not told.
 */
#include <stdatomic.h>

#include "etcd_place.h"

enum { LOAD_MAX = 50000 };

struct load;

struct load_put {
	struct load *load;
	bool has_ended;
	enum etcd_result result;
	uint64_t revision;
	size_t n_told;
	uint64_t told_revision;
};

struct load {
	struct etcd *etcd;
	struct etcd_watch *watch;
	pthread_t thread;
	atomic_bool ends;
	struct told puts, renewals; /* the lock of puts protects the rest, but for n_renewed */
	struct load_put *each;
	size_t n_put, n_renewed, n_twice;
	uint64_t told_revision;
	bool is_wrong; /* the watch told what cannot be */
	int64_t gap;   /* the longest time between two puts that were done; ms */
	int64_t done_at;
};

static inline void load_on_put(const struct etcd_outcome *outcome, void *data)
{
	struct load_put *put = data;
	struct load *load = put->load;
	int64_t now = place_now();

	pthread_mutex_lock(&load->puts.lock);
	load->n_twice += put->has_ended;
	put->has_ended = true;
	put->result = outcome->result;
	put->revision = outcome->revision;
	if (outcome->result == ETCD_DONE) {
		if (load->done_at && now - load->done_at > load->gap)
			load->gap = now - load->done_at;
		load->done_at = now;
	}
	pthread_mutex_unlock(&load->puts.lock);
	told_done(outcome, &load->puts);
}

static inline void load_on_event(struct load *load, const struct etcd_event *event)
{
	size_t i = event->kv.key.n == 10 ? strtoul(event->kv.key.p + 2, NULL, 10) : LOAD_MAX;

	if (i >= load->n_put || event->is_delete) {
		load->is_wrong = true;
		return;
	}
	load->each[i].n_told++;
	load->each[i].told_revision = event->kv.mod_revision;
}

static inline void load_on_news(const struct etcd_news *news, void *data)
{
	struct load *load = data;
	size_t i;

	pthread_mutex_lock(&load->puts.lock);
	load->is_wrong |= news->is_lost || news->revision < load->told_revision;
	load->told_revision = news->revision;
	for (i = 0; i < news->n_events; i++)
		load_on_event(load, &news->events[i]);
	pthread_cond_broadcast(&load->puts.more);
	pthread_mutex_unlock(&load->puts.lock);
}

static inline void load_put_next(struct load *load)
{
	char key[16];
	struct etcd_op op = { ETCD_PUT, { key, 10 }, { "value", 5 }, 0 };
	size_t i;

	pthread_mutex_lock(&load->puts.lock);
	i = load->n_put++;
	pthread_mutex_unlock(&load->puts.lock);
	load->each[i].load = load;
	snprintf(key, sizeof(key), "t/%07zuk", i);
	etcd_txn(load->etcd, NULL, 0, &op, 1, load_on_put, &load->each[i]);
}

static inline void *load_run(void *data)
{
	struct timespec pause = { 0, 5000000 };
	struct load *load = data;

	while (!atomic_load(&load->ends) && load->n_put < LOAD_MAX) {
		load_put_next(load);
		if (load->n_put % 20 == 0) {
			etcd_renew(load->etcd, 99, told_done, &load->renewals);
			load->n_renewed++;
		}
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static inline void load_begin(struct load *load, struct etcd *etcd)
{
	struct etcd_op all = { ETCD_DELETE, b("t/none"), { 0 }, 0 };

	*load = (struct load){ .puts = TOLD_NEW, .renewals = TOLD_NEW, .etcd = etcd };
	load->each = calloc(LOAD_MAX, sizeof(*load->each));
	REQUIRE(load->each != NULL);
	txn(etcd, NULL, 0, &all, 1);
	CHECK_INT(grant(etcd, 99, 60).result, ETCD_DONE);
	load->watch =
		etcd_watch(etcd, b("t/"), b("t0"), barrier(etcd).revision + 1, load_on_news, load);
	pthread_create(&load->thread, NULL, load_run, load);
	CHECK(TOLD_WAIT(&load->puts, load->puts.n_of[ETCD_DONE] >= 10));
}

/* Puts are done again. */
static inline void load_goes_on(struct load *load)
{
	size_t done;

	pthread_mutex_lock(&load->puts.lock);
	done = load->puts.n_of[ETCD_DONE];
	pthread_mutex_unlock(&load->puts.lock);
	CHECK(TOLD_WAIT(&load->puts, load->puts.n_of[ETCD_DONE] >= done + 20));
}

static inline bool load_is_true(const struct load_put *put)
{
	switch (put->result) {
	case ETCD_DONE:
		return put->n_told == 1 && put->revision == put->told_revision;
	case ETCD_UNKNOWN:
		return put->n_told <= 1;
	default:
		return put->n_told == 0;
	}
}

/* Waits until all is answered and told, and looks at each. Returns the gap. */
static inline int64_t load_end(struct load *load)
{
	uint64_t revision;
	size_t i, n_false = 0;

	atomic_store(&load->ends, true);
	pthread_join(load->thread, NULL);
	told_wait(&load->puts, load->n_put);
	told_wait(&load->renewals, load->n_renewed);
	is_there(load->etcd);
	revision = barrier(load->etcd).revision;
	CHECK(TOLD_WAIT(&load->puts, load->told_revision >= revision));
	etcd_watch_stop(load->watch);
	for (i = 0; i < load->n_put; i++)
		n_false += !load_is_true(&load->each[i]);
	CHECK_INT(n_false, 0);
	CHECK_INT(load->n_twice, 0);
	CHECK(!load->is_wrong);
	CHECK_INT(load->renewals.n_of[ETCD_NO_LEASE], 0);
	printf("(gap %lld ms, %zu done, %zu unknown, %zu not run) ", (long long)load->gap,
	       load->puts.n_of[ETCD_DONE], load->puts.n_of[ETCD_UNKNOWN],
	       load->puts.n_of[ETCD_NOT_RUN]);
	free(load->each);
	return load->gap;
}

/* The member that is used. */
static inline size_t load_used(struct etcd *etcd, const struct place *place)
{
	struct etcd_seen seen;
	char port[16];
	size_t i;

	etcd_last_seen(etcd, &seen);
	for (i = 0; i < place->n; i++) {
		snprintf(port, sizeof(port), ":%u", place->ports[i]);
		if (strstr(seen.endpoint, port))
			break;
	}
	REQUIRE(i < place->n);
	return i;
}
#endif
