/* SPDX-License-Identifier: MIT */
/* The name server's client of etcd, whose endpoint is somebody else's: it answers what it likes. */
#include "etcd_seen.h"

#include <stdatomic.h>

#include "rpc.h"

enum { CLUSTER = 7 };

static pyr_daemon *daemon_;
static pthread_t thread;
static struct etcd *etcd;
static atomic_llong revision = 100;
static atomic_ullong cluster = CLUSTER;
static atomic_int n_pages, n_watches, n_grants;

/* What it does wrong. */
static _Atomic enum wrong {
	NOTHING,
	NO_HEADER,
	OTHER_KEYS,
	ENDLESS_PAGES,
	SAME_PAGE,
	OTHER_LEASE,
	BACK_IN_TIME,
	OLD_EVENTS,
	FOREIGN_EVENTS,
	UNORDERED_EVENTS,
	NO_EVENTS,
	CUT_IN_TWO,
	SILENCE,
	TOO_NEW
} wrong;

static struct etcdserverpb_ResponseHeader header(void)
{
	return (struct etcdserverpb_ResponseHeader){ .cluster_id = atomic_load(&cluster),
						     .revision = atomic_load(&revision) };
}

static struct pyr_bytes bytes_of(char *text)
{
	return (struct pyr_bytes){ strlen(text), (uint8_t *)text };
}

/* ---- keys ---- */

static char key_a[] = "t/a", key_b[] = "t/b", key_other[] = "u/x";

static int serve_range(pyr_call *call, const struct etcdserverpb_RangeRequest *request,
		       const struct etcdserverpb_RangeResponse **ret)
{
	static struct etcdserverpb_KeyValue kvs[2];
	static struct etcdserverpb_RangeResponse page;

	(void)call;
	(void)request;
	page = (struct etcdserverpb_RangeResponse){ true, header(), { 0, kvs }, false };
	kvs[0] = kvs[1] = (struct etcdserverpb_KeyValue){ bytes_of(key_b), 5, { 0, NULL }, 0 };
	atomic_fetch_add(&n_pages, 1);
	page.kvs.n = wrong == SAME_PAGE ? 2 : wrong == OTHER_KEYS ? 1 : 0;
	page.more = wrong == ENDLESS_PAGES;
	if (wrong == OTHER_KEYS)
		kvs[0].key = bytes_of(key_other);
	*ret = &page;
	return 0;
}

static int serve_delete(pyr_call *call, const struct etcdserverpb_DeleteRangeRequest *request,
			const struct etcdserverpb_DeleteRangeResponse **ret)
{
	static struct etcdserverpb_DeleteRangeResponse done;

	(void)call;
	(void)request;
	done = (struct etcdserverpb_DeleteRangeResponse){ true, header() };
	if (wrong == BACK_IN_TIME)
		done.header.revision = 3;
	*ret = &done;
	return 0;
}

static int serve_txn(pyr_call *call, const struct etcdserverpb_TxnRequest *request,
		     const struct etcdserverpb_TxnResponse **ret)
{
	static struct etcdserverpb_TxnResponse done;

	(void)call;
	(void)request;
	atomic_fetch_add(&revision, 1);
	done = (struct etcdserverpb_TxnResponse){ wrong != NO_HEADER, header(), true };
	*ret = &done;
	return 0;
}

static const struct etcdserverpb_KV_methods kv_methods = { .Range = serve_range,
							   .DeleteRange = serve_delete,
							   .Txn = serve_txn };

/* ---- watches ---- */

static struct etcdserverpb_Event event_of(char *key, int64_t at)
{
	struct etcdserverpb_Event event = { .has_kv = true };

	event.kv.key = bytes_of(key);
	event.kv.mod_revision = at;
	return event;
}

/* A large revision comes in two parts; the connection is lost between them, once. */
static int serve_in_two(pyr_stream *stream, struct etcdserverpb_WatchResponse *response,
			int64_t from)
{
	const struct etcdserverpb_WatchRequest *request;
	struct etcdserverpb_Event events[3] = { event_of(key_a, from), event_of(key_b, from),
						event_of(key_a, from + 1) };

	response->events = (struct etcdserverpb_Event_seq){ 1, events };
	response->fragment = true;
	if (etcdserverpb_Watch_Watch_yield(stream, response) < 0 || atomic_load(&n_watches) == 1)
		return 0;
	response->events = (struct etcdserverpb_Event_seq){ 2, events + 1 };
	response->fragment = false;
	if (etcdserverpb_Watch_Watch_yield(stream, response) < 0)
		return 0;
	while (etcdserverpb_Watch_Watch_read(stream, &request) > 0)
		;
	return 0;
}

static int serve_watch(pyr_call *call, pyr_stream *stream)
{
	const struct etcdserverpb_WatchRequest *request;
	struct etcdserverpb_WatchResponse response = { true, header(), .created = true };
	struct etcdserverpb_Event events[3];
	int64_t from, now = atomic_load(&revision);

	atomic_fetch_add(&n_watches, 1);
	response.cancel_reason = "";
	if (etcdserverpb_Watch_Watch_read(stream, &request) <= 0)
		return 0;
	from = request->create_request.start_revision;
	if (etcdserverpb_Watch_Watch_yield(stream, &response) < 0)
		return 0;
	response.created = false;
	if (wrong == CUT_IN_TWO)
		return serve_in_two(stream, &response, from);
	response.events = (struct etcdserverpb_Event_seq){ 3, events };
	events[0] = event_of(key_a, from);
	events[1] = event_of(key_b, wrong == UNORDERED_EVENTS ? from + 5 : from + 1);
	events[2] = event_of(key_a, wrong == UNORDERED_EVENTS ? from + 3 : from + 2);
	if (wrong == OLD_EVENTS)
		events[0].kv.mod_revision = events[1].kv.mod_revision = 1;
	if (wrong == FOREIGN_EVENTS)
		events[1] = event_of(key_other, from + 1);
	if (wrong == NO_EVENTS)
		events[1].has_kv = false;
	if (wrong == TOO_NEW)
		events[2].kv.mod_revision = INT64_MAX;
	if (wrong == SILENCE && atomic_load(&n_watches) == 1)
		from = now;
	if (from < now && etcdserverpb_Watch_Watch_yield(stream, &response) < 0)
		return 0;
	while (etcdserverpb_Watch_Watch_read(stream, &request) > 0)
		;
	(void)call;
	return 0;
}

static const struct etcdserverpb_Watch_methods watch_methods = { .Watch = serve_watch };

/* ---- leases ---- */

static int serve_grant(pyr_call *call, const struct etcdserverpb_LeaseGrantRequest *request,
		       const struct etcdserverpb_LeaseGrantResponse **ret)
{
	static struct etcdserverpb_LeaseGrantResponse done;

	(void)call;
	atomic_fetch_add(&n_grants, 1);
	done = (struct etcdserverpb_LeaseGrantResponse){ true, header(), request->ID, 10, "" };
	if (wrong == OTHER_LEASE)
		done.ID++;
	*ret = &done;
	return 0;
}

static int serve_renew(pyr_call *call, pyr_stream *stream)
{
	const struct etcdserverpb_LeaseKeepAliveRequest *request;
	struct etcdserverpb_LeaseKeepAliveResponse done = { true, header(), 0, 10 };

	(void)call;
	while (etcdserverpb_Lease_LeaseKeepAlive_read(stream, &request) > 0) {
		done.ID = wrong == OTHER_LEASE ? request->ID + 1 : request->ID;
		if (etcdserverpb_Lease_LeaseKeepAlive_yield(stream, &done) < 0)
			return 0;
	}
	return 0;
}

static const struct etcdserverpb_Lease_methods lease_methods = { .LeaseGrant = serve_grant,
								 .LeaseKeepAlive = serve_renew };

/* ---- tests ---- */

/* All is well again. */
static void mend(void)
{
	atomic_store(&wrong, NOTHING);
	is_there(etcd);
}

TEST(a_transaction_is_in_doubt_if_its_answer_is_none)
{
	struct etcd_outcome outcome;

	atomic_store(&wrong, NO_HEADER);
	outcome = put_key(etcd, "t/a", "1", 0);
	CHECK_INT(outcome.result, ETCD_UNKNOWN);
	CHECK_HAS(outcome.text, "does not answer as etcd does");
	mend();
	CHECK_INT(put_key(etcd, "t/a", "1", 0).result, ETCD_DONE);
}

TEST(a_transaction_that_another_cluster_took_is_in_doubt)
{
	struct etcd_outcome outcome;

	atomic_store(&cluster, CLUSTER + 1);
	outcome = put_key(etcd, "t/a", "1", 0);
	CHECK(outcome.result == ETCD_UNKNOWN || outcome.result == ETCD_NOT_RUN);
	CHECK_HAS(outcome.text, "another cluster");
	CHECK_INT(barrier(etcd).result, ETCD_NOT_RUN);
	atomic_store(&cluster, CLUSTER);
	mend();
}

TEST(pages_that_lead_nowhere_are_not_told)
{
	static const enum wrong kinds[] = { ENDLESS_PAGES, SAME_PAGE, OTHER_KEYS };
	size_t i;

	for (i = 0; i < 3; i++) {
		atomic_store(&n_pages, 0);
		atomic_store(&wrong, kinds[i]);
		CHECK(read_at(etcd, 0).result != ETCD_DONE);
		CHECK(atomic_load(&n_pages) < 100);
		mend();
	}
	CHECK_INT(read_at(etcd, 0).result, ETCD_DONE);
}

TEST(leases_that_were_not_asked_about_are_no_answers)
{
	atomic_store(&wrong, OTHER_LEASE);
	CHECK(grant(etcd, 5, 10).result != ETCD_DONE);
	CHECK(renew(etcd, 5).result != ETCD_DONE);
	mend();
	CHECK_INT(grant(etcd, 5, 10).result, ETCD_DONE);
	CHECK_INT(renew(etcd, 5).result, ETCD_DONE);
}

/* It is made again and again, and mostly waits for that. */
TEST(what_was_sent_is_in_doubt_when_the_client_is_closed)
{
	struct etcd_options options = { .endpoints = pyr_daemon_address(daemon_),
					.timeout_ms = 60000,
					.own_prefix = "t/own/" };
	int64_t until = place_now() + 20000;
	struct store_problem problem;
	struct etcd *other = etcd_open(&options, &problem);
	struct told told = TOLD_NEW;

	REQUIRE(other != NULL);
	atomic_store(&n_grants, 0);
	atomic_store(&wrong, OTHER_LEASE);
	etcd_grant(other, 5, 10, told_done, &told);
	while (atomic_load(&n_grants) < 2 && place_now() < until)
		CHECK_INT(barrier(other).result, ETCD_DONE);
	CHECK(atomic_load(&n_grants) >= 2);
	etcd_close(other);
	CHECK_INT(told.n_of[ETCD_UNKNOWN], 1);
	CHECK_INT(told.n, 1);
	atomic_store(&wrong, NOTHING);
}

TEST(revisions_never_go_back)
{
	uint64_t before = barrier(etcd).revision;
	struct etcd_outcome outcome;

	atomic_store(&wrong, BACK_IN_TIME);
	outcome = barrier(etcd);
	CHECK_INT(outcome.result, ETCD_NOT_RUN);
	CHECK_HAS(outcome.text, "not used");
	mend();
	CHECK(barrier(etcd).revision >= before);
}

static void watch_while(enum wrong kind, size_t n_told)
{
	struct seen seen = SEEN_NEW;
	struct etcd_watch *watch;
	uint64_t from = (uint64_t)atomic_fetch_add(&revision, 10);
	int64_t until = place_now() + 20000;

	mend();
	atomic_store(&n_watches, 0);
	atomic_store(&wrong, kind);
	watch = etcd_watch(etcd, b("t/"), b("t0"), from, seen_news, &seen);
	if (n_told > 0) {
		CHECK(TOLD_WAIT(&seen.told, seen.n == n_told));
	} else { /* until it has been left, and tried again */
		while (atomic_load(&n_watches) < 2 && place_now() < until)
			barrier(etcd);
		CHECK(atomic_load(&n_watches) >= 2);
		CHECK(TOLD_WAIT(&seen.told, seen.n == 0));
		mend();
		CHECK(TOLD_WAIT(&seen.told, seen.n == 3));
	}
	CHECK(!seen.is_wrong);
	CHECK(!seen.is_lost);
	CHECK(seen.last >= from);
	etcd_watch_stop(watch);
	mend();
}

TEST(events_of_before_are_left_out)
{
	watch_while(OLD_EVENTS, 1);
}

TEST(events_of_other_keys_end_the_stream)
{
	watch_while(FOREIGN_EVENTS, 0);
}

TEST(events_out_of_order_end_the_stream)
{
	watch_while(UNORDERED_EVENTS, 0);
}

TEST(events_of_no_key_end_the_stream)
{
	watch_while(NO_EVENTS, 0);
}

TEST(events_from_the_future_end_the_stream)
{
	watch_while(TOO_NEW, 0);
}

TEST(a_revision_that_comes_in_parts_is_told_once)
{
	watch_while(CUT_IN_TWO, 3);
	CHECK(atomic_load(&n_watches) >= 2);
}

/* It is alive, and behind what a barrier tells. */
TEST(a_watch_that_etcd_forgot_is_made_again)
{
	struct seen seen = SEEN_NEW;
	struct etcd_watch *watch;

	atomic_store(&n_watches, 0);
	atomic_store(&wrong, SILENCE);
	watch = etcd_watch(etcd, b("t/"), b("t0"), (uint64_t)atomic_fetch_add(&revision, 10),
			   seen_news, &seen);
	CHECK(TOLD_WAIT(&seen.told, seen.n == 3));
	CHECK_INT(atomic_load(&n_watches), 2);
	etcd_watch_stop(watch);
	mend();
}

/* ---- their beginning and end ---- */

static void *run_daemon(void *data)
{
	return (void *)(intptr_t)pyr_daemon_run(data);
}

TEST(the_endpoint_begins)
{
	struct etcd_options options = { .timeout_ms = 250, .own_prefix = "t/own/" };
	struct store_problem problem;

	daemon_ = pyr_daemon_new(NULL);
	REQUIRE(daemon_ != NULL);
	CHECK(etcdserverpb_KV_register(daemon_, "KV", &kv_methods, NULL) != NULL);
	CHECK(etcdserverpb_Watch_register(daemon_, "Watch", &watch_methods, NULL) != NULL);
	CHECK(etcdserverpb_Lease_register(daemon_, "Lease", &lease_methods, NULL) != NULL);
	pthread_create(&thread, NULL, run_daemon, daemon_);
	options.endpoints = pyr_daemon_address(daemon_);
	etcd = etcd_open(&options, &problem);
	REQUIRE(etcd != NULL);
	is_there(etcd);
}

TEST(the_endpoint_ends)
{
	etcd_close(etcd);
	pyr_daemon_stop(daemon_);
	pthread_join(thread, NULL);
	pyr_daemon_free(daemon_);
}

TESTS(etcd_bad, T(the_endpoint_begins), T(a_transaction_is_in_doubt_if_its_answer_is_none),
      T(a_transaction_that_another_cluster_took_is_in_doubt),
      T(pages_that_lead_nowhere_are_not_told), T(leases_that_were_not_asked_about_are_no_answers),
      T(what_was_sent_is_in_doubt_when_the_client_is_closed), T(revisions_never_go_back),
      T(events_of_before_are_left_out), T(events_of_other_keys_end_the_stream),
      T(events_out_of_order_end_the_stream), T(events_of_no_key_end_the_stream),
      T(events_from_the_future_end_the_stream), T(a_revision_that_comes_in_parts_is_told_once),
      T(a_watch_that_etcd_forgot_is_made_again), T(the_endpoint_ends))
