/* SPDX-License-Identifier: MIT */
/* The name server's client of etcd, with three members of which some are killed or stopped. */
#include "etcd_seen.h"

#include <sched.h>
#include <stdatomic.h>

static struct place place;
static struct etcd *etcd;

/* Something is put every few milliseconds, and a lease renewed, while members come and go. */
struct load {
	pthread_t thread;
	atomic_bool ends;
	struct told puts, renewals;
	size_t n_put, n_renewed;
	int64_t gap; /* the longest time between two puts that were done; ms */
	int64_t done_at;
};

static void on_put(const struct etcd_outcome *outcome, void *data)
{
	struct load *load = data;
	int64_t now = place_now();

	if (outcome->result == ETCD_DONE) {
		if (load->done_at && now - load->done_at > load->gap)
			load->gap = now - load->done_at;
		load->done_at = now;
	}
	told_done(outcome, &load->puts);
}

static void *run_load(void *data)
{
	struct timespec pause = { 0, 5000000 };
	struct load *load = data;
	char key[32], value[32];

	while (!atomic_load(&load->ends)) {
		struct etcd_op op = { ETCD_PUT, { key, 0 }, { value, 0 }, 0 };

		op.key.n = (size_t)snprintf(key, sizeof(key), "t/load/%zu", load->n_put % 50);
		op.value.n = (size_t)snprintf(value, sizeof(value), "%zu", load->n_put);
		etcd_txn(etcd, NULL, 0, &op, 1, on_put, load);
		load->n_put++;
		if (load->n_put % 20 == 0) {
			etcd_renew(etcd, 99, told_done, &load->renewals);
			load->n_renewed++;
		}
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static void load_begin(struct load *load)
{
	*load = (struct load){ .puts = TOLD_NEW, .renewals = TOLD_NEW };
	CHECK_INT(grant(etcd, 99, 30).result, ETCD_DONE);
	pthread_create(&load->thread, NULL, run_load, load);
	CHECK(TOLD_WAIT(&load->puts, load->puts.n_of[ETCD_DONE] >= 10));
}

/* All has been answered. */
static void load_end(struct load *load)
{
	atomic_store(&load->ends, true);
	pthread_join(load->thread, NULL);
	told_wait(&load->puts, load->n_put);
	told_wait(&load->renewals, load->n_renewed);
}

/* Puts are done again. */
static void goes_on(struct load *load)
{
	size_t done;

	pthread_mutex_lock(&load->puts.lock);
	done = load->puts.n_of[ETCD_DONE];
	pthread_mutex_unlock(&load->puts.lock);
	CHECK(TOLD_WAIT(&load->puts, load->puts.n_of[ETCD_DONE] >= done + 20));
}

static size_t used(void)
{
	struct etcd_seen seen;
	size_t i;

	etcd_last_seen(etcd, &seen);
	for (i = 0; i < place.n; i++) {
		char port[16];

		snprintf(port, sizeof(port), ":%u", place.ports[i]);
		if (strstr(seen.endpoint, port))
			return i;
	}
	return place.n;
}

/* Each event of the puts that were done is there, in order, once. */
static void watch_is_whole(struct seen *seen, const struct load *load, uint64_t revision)
{
	CHECK(TOLD_WAIT(&seen->told, seen->revision >= revision));
	CHECK(!seen->is_wrong);
	CHECK(!seen->is_lost);
	/* Those of which it is not known may have been done as well. */
	CHECK(seen->n >= load->puts.n_of[ETCD_DONE]);
	CHECK(seen->n <= load->puts.n_of[ETCD_DONE] + load->puts.n_of[ETCD_UNKNOWN]);
}

static void while_under_load(void (*fault)(size_t i), int64_t most_ms)
{
	struct load load;
	struct seen seen = SEEN_NEW;
	uint64_t from = barrier(etcd).revision + 1;
	struct etcd_watch *watch = etcd_watch(etcd, b("t/"), b("t0"), from, seen_news, &seen);

	load_begin(&load);
	fault(used());
	goes_on(&load);
	load_end(&load);
	watch_is_whole(&seen, &load, barrier(etcd).revision);
	CHECK(load.gap <= most_ms);
	printf("(gap %lld ms, %zu done, %zu unknown, %zu not run) ", (long long)load.gap,
	       load.puts.n_of[ETCD_DONE], load.puts.n_of[ETCD_UNKNOWN],
	       load.puts.n_of[ETCD_NOT_RUN]);
	CHECK_INT(load.renewals.n_of[ETCD_NO_LEASE], 0);
	etcd_watch_stop(watch);
}

static size_t hit; /* the member that was killed or stopped */

static void kill_member(size_t i)
{
	REQUIRE(i < place.n);
	hit = i;
	place_end(&place, i);
}

TEST(a_member_that_is_killed_is_left_at_once)
{
	while_under_load(kill_member, 3000);
	CHECK(used() != hit);
	place_start(&place, hit);
}

static void stop_member(size_t i)
{
	REQUIRE(i < place.n);
	hit = i;
	kill(place.members[i], SIGSTOP);
}

TEST(a_member_that_hangs_is_left)
{
	while_under_load(stop_member, 4000);
	CHECK(used() != hit);
	kill(place.members[hit], SIGCONT);
}

/* Until the client says so. */
static void is_up(bool is_up)
{
	int64_t until = place_now() + 20000;
	struct etcd_seen seen;

	do {
		etcd_last_seen(etcd, &seen);
		sched_yield();
	} while (seen.is_up != is_up && place_now() < until);
	CHECK(seen.is_up == is_up);
}

TEST(without_a_quorum_nothing_is_done_and_then_all_goes_on)
{
	struct etcd_outcome outcome;
	struct etcd_seen before, after;
	size_t i;

	is_there(etcd);
	for (i = 0; i < 2; i++)
		place_end(&place, i);
	is_up(false);
	etcd_last_seen(etcd, &before);
	outcome = put_key(etcd, "t/no_quorum", "1", 0);
	CHECK_INT(outcome.result, ETCD_NOT_RUN);
	CHECK(outcome.text[0] != '\0');
	CHECK_INT(barrier(etcd).result, ETCD_NOT_RUN);
	etcd_last_seen(etcd, &after);
	CHECK_INT(before.at_ms, after.at_ms);
	for (i = 0; i < 2; i++)
		place_start(&place, i);
	is_up(true);
	CHECK_INT(put_key(etcd, "t/no_quorum", "2", 0).result, ETCD_DONE);
	etcd_last_seen(etcd, &after);
	CHECK(after.at_ms > before.at_ms);
	CHECK(after.cluster_id == before.cluster_id);
}

TEST(the_cluster_begins)
{
	place_open(&place, 3);
	etcd = client_of(place.endpoints);
	is_there(etcd);
}

TEST(the_cluster_ends)
{
	etcd_close(etcd);
	place_close(&place);
}

TESTS(etcd_cluster, T(the_cluster_begins), T(a_member_that_is_killed_is_left_at_once),
      T(a_member_that_hangs_is_left), T(without_a_quorum_nothing_is_done_and_then_all_goes_on),
      T(the_cluster_ends))
