/* SPDX-License-Identifier: MIT */
/* The name server's client of etcd, with one member: what its calls do, and how they end. */
#include "etcd_seen.h"

static struct place place;
static struct etcd *etcd;

/* ---- transactions ---- */

TEST(a_transaction_puts_keys_at_one_revision)
{
	struct etcd_op ops[] = { { ETCD_PUT, b("t/a"), b("1"), 0 },
				 { ETCD_PUT, b("t/b"), b(""), 0 } };
	struct etcd_outcome first = txn(etcd, NULL, 0, ops, 2), second;

	CHECK_INT(first.result, ETCD_DONE);
	CHECK_STR(first.text, "");
	second = put_key(etcd, "t/a", "2", 0);
	CHECK_INT(second.revision, first.revision + 1);
}

TEST(a_compare_that_fails_is_a_conflict_and_changes_nothing)
{
	struct etcd_outcome made = put_key(etcd, "t/c", "1", 0);
	struct etcd_compare same = { ETCD_MOD_IS, b("t/c"), { 0 }, made.revision };
	struct etcd_compare other = { ETCD_MOD_IS, b("t/c"), { 0 }, made.revision - 1 };
	struct etcd_compare none = { ETCD_MOD_IS, b("t/c"), { 0 }, 0 };
	struct etcd_op op = { ETCD_PUT, b("t/c"), b("2"), 0 };

	CHECK_INT(txn(etcd, &other, 1, &op, 1).result, ETCD_CONFLICT);
	CHECK_INT(txn(etcd, &none, 1, &op, 1).result, ETCD_CONFLICT);
	CHECK_INT(barrier(etcd).revision, made.revision);
	CHECK_INT(txn(etcd, &same, 1, &op, 1).result, ETCD_DONE);
	op.kind = ETCD_DELETE;
	CHECK_INT(txn(etcd, NULL, 0, &op, 1).result, ETCD_DONE);
	op.kind = ETCD_PUT;
	CHECK_INT(txn(etcd, &none, 1, &op, 1).result, ETCD_DONE);
}

TEST(a_compare_of_a_range_is_of_all_its_keys)
{
	struct etcd_outcome made = put_key(etcd, "t/r/1", "1", 0);
	struct etcd_compare below = { ETCD_MOD_BELOW, b("t/r/"), b("t/r0"), made.revision + 1 };
	struct etcd_op op = { ETCD_PUT, b("t/r/2"), b("2"), 0 };

	CHECK_INT(txn(etcd, &below, 1, &op, 1).result, ETCD_DONE);
	CHECK_INT(txn(etcd, &below, 1, &op, 1).result, ETCD_CONFLICT);
	below.key = b("t/none/");
	below.end = b("t/none0");
	CHECK_INT(txn(etcd, &below, 1, &op, 1).result, ETCD_DONE);
}

TEST(what_etcd_refuses_is_told_with_its_words)
{
	struct etcd_op twice[] = { { ETCD_PUT, b("t/x"), b("1"), 0 },
				   { ETCD_PUT, b("t/x"), b("2"), 0 } };
	struct etcd_outcome outcome = txn(etcd, NULL, 0, twice, 2);

	CHECK_INT(outcome.result, ETCD_REFUSED);
	CHECK_HAS(outcome.text, "duplicate key given in txn request");
	CHECK_HAS(outcome.text, "127.0.0.1:");
	outcome = put_key(etcd, "t/x", "1", 4711);
	CHECK_INT(outcome.result, ETCD_NO_LEASE);
	CHECK_HAS(outcome.text, "lease not found");
}

/* ---- leases ---- */

TEST(a_lease_that_is_there_is_granted_again)
{
	CHECK_INT(grant(etcd, 77, 100).result, ETCD_DONE);
	CHECK_INT(grant(etcd, 77, 100).result, ETCD_DONE);
	CHECK_INT(put_key(etcd, "t/leased", "1", 77).result, ETCD_DONE);
	CHECK_INT(renew(etcd, 77).result, ETCD_DONE);
	CHECK_INT(renew(etcd, 78).result, ETCD_NO_LEASE);
	CHECK_INT(renew(etcd, 77).result, ETCD_DONE);
}

TEST(many_renewals_are_under_way_at_a_time)
{
	struct told told = TOLD_NEW;
	int64_t id;

	for (id = 1000; id < 1200; id++)
		etcd_grant(etcd, id, 100, told_done, &told);
	told_wait(&told, 200);
	for (id = 1000; id < 1400; id++)
		etcd_renew(etcd, id, told_done, &told);
	told_wait(&told, 600);
	CHECK_INT(told.n_of[ETCD_DONE], 400);
	CHECK_INT(told.n_of[ETCD_NO_LEASE], 200);
}

/* ---- pages ---- */

struct pages {
	struct told told;
	size_t n_keys, n_pages;
	char last[64];
	uint64_t revision;
	bool has_more;
};

static void on_page(const struct etcd_outcome *outcome, const struct etcd_kv *kvs, size_t n,
		    bool more, void *data)
{
	struct pages *pages = data;
	size_t i;

	for (i = 0; i < n; i++) {
		snprintf(pages->last, sizeof(pages->last), "%.*s", (int)kvs[i].key.n, kvs[i].key.p);
		CHECK(kvs[i].mod_revision > 0);
		CHECK_INT(kvs[i].value.n, 3000);
	}
	pages->n_keys += n;
	pages->n_pages++;
	pages->revision = outcome->revision;
	pages->has_more = more;
	told_done(outcome, &pages->told);
}

TEST(a_range_is_read_page_by_page_at_one_revision)
{
	struct pages pages = { .told = TOLD_NEW };
	struct etcd_range range = { b("t/p/"), b("t/p0"), 10, 0, false };
	static char value[3001];
	char key[2][64];
	struct told told = TOLD_NEW;
	size_t asked = 0;
	int i;

	memset(value, 'v', 3000);
	for (i = 0; i < 25; i++) {
		struct etcd_op op = { ETCD_PUT, { key[0], 0 }, b(value), 0 };

		op.key.n = (size_t)snprintf(key[0], 64, "t/p/%03d", i);
		etcd_txn(etcd, NULL, 0, &op, 1, told_done, &told);
	}
	told_wait(&told, 25);
	do {
		etcd_read(etcd, &range, on_page, &pages);
		told_wait(&pages.told, ++asked);
		if (range.revision == 0)
			put_key(etcd, "t/p/999", "later", 0);
		range.revision = pages.revision;
		range.key.n = (size_t)snprintf(key[1], 64, "%s", pages.last) + 1;
		range.key.p = key[1];
	} while (pages.has_more && pages.n_pages < 10);
	CHECK_INT(pages.n_pages, 3);
	CHECK_INT(pages.n_keys, 25);
}

/* ---- watches ---- */

TEST(a_watch_tells_all_changes_from_its_revision_on)
{
	struct seen seen = SEEN_NEW;
	uint64_t from = put_key(etcd, "t/w/1", "1", 0).revision;
	struct etcd_op op = { ETCD_DELETE, b("t/w/1"), { 0 }, 0 };
	struct etcd_watch *watch;

	put_key(etcd, "u/other", "1", 0);
	watch = etcd_watch(etcd, b("t/"), b("t0"), from, seen_news, &seen);
	CHECK(TOLD_WAIT(&seen.told, seen.n == 1));
	CHECK_STR(seen.key, "t/w/1");
	CHECK_INT(txn(etcd, NULL, 0, &op, 1).result, ETCD_DONE);
	CHECK(TOLD_WAIT(&seen.told, seen.n == 2));
	CHECK_INT(seen.n_deletes, 1);
	CHECK(!seen.is_wrong);
	etcd_watch_stop(watch);
}

TEST(a_watch_reaches_a_barrier_though_others_change_other_keys)
{
	struct seen seen = SEEN_NEW;
	uint64_t from = barrier(etcd).revision + 1, wanted;
	struct etcd_watch *watch = etcd_watch(etcd, b("t/"), b("t0"), from, seen_news, &seen);

	put_key(etcd, "u/other", "1", 0);
	wanted = barrier(etcd).revision;
	CHECK_INT(wanted, from);
	CHECK(TOLD_WAIT(&seen.told, seen.revision >= wanted));
	CHECK_INT(seen.n, 0);
	etcd_watch_stop(watch);
}

TEST(large_changes_come_in_parts)
{
	enum { N = 200 };
	struct seen seen = SEEN_NEW;
	struct told told = TOLD_NEW;
	uint64_t from = barrier(etcd).revision + 1;
	struct etcd_watch *watch;
	static char value[16385];
	char key[32];
	int i;

	memset(value, 'x', 16384);
	for (i = 0; i < N; i++) {
		struct etcd_op op = { ETCD_PUT, { key, 0 }, b(value), 0 };

		op.key.n = (size_t)snprintf(key, sizeof(key), "t/large/%d", i % 10);
		etcd_txn(etcd, NULL, 0, &op, 1, told_done, &told);
	}
	told_wait(&told, N);
	CHECK_INT(told.n_of[ETCD_DONE], N);
	watch = etcd_watch(etcd, b("t/"), b("t0"), from, seen_news, &seen);
	CHECK(TOLD_WAIT(&seen.told, seen.n == N));
	CHECK_INT(seen.revision, from + N - 1);
	CHECK(!seen.is_wrong);
	etcd_watch_stop(watch);
}

struct stopping {
	struct seen seen;
	struct etcd_watch *watch;
};

static void stop_it(const struct etcd_news *news, void *data)
{
	struct stopping *stopping = data;

	etcd_watch_stop(stopping->watch);
	seen_news(news, &stopping->seen);
}

TEST(a_watch_may_be_stopped_anywhere)
{
	struct stopping stopping = { .seen = SEEN_NEW };
	struct seen seen = SEEN_NEW, later = SEEN_NEW;
	uint64_t from = put_key(etcd, "t/w/2", "1", 0).revision;
	struct etcd_watch *watch;

	etcd_watch_stop(NULL);
	etcd_watch_stop(etcd_watch(etcd, b("t/"), b("t0"), from, seen_news, &seen));
	stopping.watch = etcd_watch(etcd, b("t/"), b("t0"), from + 1, stop_it, &stopping);
	put_key(etcd, "t/w/2", "2", 0);
	CHECK(TOLD_WAIT(&stopping.seen.told, stopping.seen.n == 1));
	watch = etcd_watch(etcd, b("t/"), b("t0"), from + 2, seen_news, &later);
	put_key(etcd, "t/w/2", "3", 0);
	CHECK(TOLD_WAIT(&later.told, later.n == 1));
	CHECK_INT(stopping.seen.n, 1);
	etcd_watch_stop(watch);
}

/* ---- many ---- */

TEST(more_calls_than_there_may_be_are_not_run)
{
	enum { N = ETCD_MAX_CALLS + 4000 };
	struct told told = TOLD_NEW;
	struct etcd_op op = { ETCD_PUT, b("t/many"), b("1"), 0 };
	int i;

	kill(place.members[0], SIGSTOP);
	for (i = 0; i < N; i++)
		etcd_txn(etcd, NULL, 0, &op, 1, told_done, &told);
	CHECK(TOLD_WAIT(&told, told.n >= N - ETCD_MAX_CALLS));
	kill(place.members[0], SIGCONT);
	told_wait(&told, N);
	CHECK(told.n_of[ETCD_NOT_RUN] >= N - ETCD_MAX_CALLS);
	CHECK_INT(told.n_of[ETCD_NOT_RUN] + told.n_of[ETCD_UNKNOWN] + told.n_of[ETCD_DONE], N);
	is_there(etcd);
}

TEST(ten_thousand_transactions_at_once_are_all_done)
{
	enum { N = 10000 };
	struct etcd_options options = { .endpoints = place.endpoints,
					.timeout_ms = 60000,
					.own_prefix = "t/own/" };
	struct store_problem problem;
	struct etcd *patient = etcd_open(&options, &problem);
	struct told told = TOLD_NEW;
	struct etcd_op op = { ETCD_PUT, b("t/many"), b("1"), 0 };
	int i;

	REQUIRE(patient != NULL);
	for (i = 0; i < OFTEN(N); i++)
		etcd_txn(patient, NULL, 0, &op, 1, told_done, &told);
	told_wait(&told, OFTEN(N));
	CHECK_INT(told.n_of[ETCD_DONE], OFTEN(N));
	etcd_close(patient);
}

/* ---- beginnings and ends ---- */

TEST(all_calls_end_when_the_client_is_closed)
{
	struct etcd *other = client_of(place.endpoints);
	struct told told = TOLD_NEW;
	struct etcd_op op = { ETCD_PUT, b("t/closed"), b("1"), 0 };
	struct etcd_range range = { b("t/"), b("t0"), 1, 0, true };
	struct pages pages = { .told = TOLD_NEW };
	int i;

	for (i = 0; i < 100; i++) {
		etcd_txn(other, NULL, 0, &op, 1, told_done, &told);
		etcd_barrier(other, told_done, &told);
		etcd_renew(other, 77, told_done, &told);
	}
	etcd_read(other, &range, on_page, &pages);
	etcd_close(other);
	CHECK_INT(told.n, 300);
	CHECK_INT(pages.n_pages, 1);
	etcd_close(NULL);
}

TEST(nothing_is_run_where_nobody_is)
{
	char nobody[32];
	struct etcd_options options = { .endpoints = nobody,
					.timeout_ms = 300,
					.own_prefix = "t/own/" };
	struct store_problem problem;
	struct etcd *none;
	struct etcd_outcome outcome;
	struct etcd_seen seen;

	snprintf(nobody, sizeof(nobody), "127.0.0.1:%u", port_of_ours());
	none = etcd_open(&options, &problem);
	REQUIRE(none != NULL);
	outcome = put_key(none, "t/a", "1", 0);
	CHECK_INT(outcome.result, ETCD_NOT_RUN);
	CHECK_HAS(outcome.text, nobody);
	CHECK_INT(renew(none, 77).result, ETCD_NOT_RUN);
	CHECK_INT(barrier(none).result, ETCD_NOT_RUN);
	etcd_last_seen(none, &seen);
	CHECK_INT(seen.at_ms, 0);
	CHECK(!seen.is_up);
	etcd_close(none);
}

TEST(it_is_known_when_etcd_was_seen)
{
	int64_t before = place_now();
	uint64_t revision = barrier(etcd).revision;
	struct etcd_seen seen;

	etcd_last_seen(etcd, &seen);
	CHECK(seen.at_ms >= before && seen.at_ms <= place_now());
	CHECK(seen.revision >= revision);
	CHECK(seen.cluster_id != 0);
	CHECK(seen.is_up);
}

TEST(etcd_ends)
{
	etcd_close(etcd);
	place_close(&place);
}

TEST(etcd_begins)
{
	place_open(&place, 1);
	etcd = client_of(place.endpoints);
	is_there(etcd);
}

TESTS(etcd_client, T(etcd_begins), T(a_transaction_puts_keys_at_one_revision),
      T(a_compare_that_fails_is_a_conflict_and_changes_nothing),
      T(a_compare_of_a_range_is_of_all_its_keys), T(what_etcd_refuses_is_told_with_its_words),
      T(a_lease_that_is_there_is_granted_again), T(many_renewals_are_under_way_at_a_time),
      T(a_range_is_read_page_by_page_at_one_revision),
      T(a_watch_tells_all_changes_from_its_revision_on),
      T(a_watch_reaches_a_barrier_though_others_change_other_keys), T(large_changes_come_in_parts),
      T(a_watch_may_be_stopped_anywhere), T(it_is_known_when_etcd_was_seen),
      T(more_calls_than_there_may_be_are_not_run),
      T(ten_thousand_transactions_at_once_are_all_done), T(all_calls_end_when_the_client_is_closed),
      T(nothing_is_run_where_nobody_is), T(etcd_ends))
