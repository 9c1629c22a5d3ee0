/* SPDX-License-Identifier: MIT */
/* Calls that their caller's thread runs itself, because the daemon is in its process. */
#include "direct.h"

/* ---- where ---- */

TEST(a_pools_method_runs_in_its_callers_thread)
{
	int32_t sum = 0;

	begin(2);
	CHECK(is_settled(near));
	CHECK_INT(e2e_Work_add(near, 2, -5, &sum), 0);
	CHECK_INT(sum, -3);
	CHECK(!pyr_call_current());
	finish();
}

TEST(a_serial_daemons_runs_in_its_own)
{
	int i;

	begin(1);
	for (i = 0; i < 100; i++) {
		CHECK_INT(e2e_Work_pass(near, OPEN), 0);
		CHECK(pthread_equal(place.work.last_thread, place.thread));
	}
	finish();
}

static void *pass_on_little_stack(void *data)
{
	int i;

	(void)data;
	for (i = 0; i < 100; i++) {
		CHECK_INT(e2e_Work_pass(near, OPEN), 0);
		CHECK(!ran_here());
	}
	return NULL;
}

TEST(a_thread_with_little_stack_runs_none)
{
	pthread_attr_t attr;
	pthread_t thread;

	begin(2);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	REQUIRE(pthread_create(&thread, &attr, pass_on_little_stack, NULL) == 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
	finish();
}

TEST(a_pool_runs_no_more_methods_at_a_time_than_its_threads)
{
	struct caller callers[2];
	struct e2e_Work *other;
	pyr_future *third;

	begin(2);
	other = near_proxy(place.uri);
	begin_pass(&callers[0], 1);
	begin_pass(&callers[1], 2);
	third = e2e_Work_pass_start(near, 3);
	CHECK_INT(pyr_proxy_bind(e2e_Work_as_proxy(other)), 0); /* what is before it has come */
	CHECK(work_has_inside(&place.work, 2));
	work_open(&place.work, 1);
	CHECK(work_logged(&place.work, "<3 ")); /* who is through makes room */
	CHECK_INT(place.work.n_most, 2);
	work_open(&place.work, 2);
	work_open(&place.work, 3);
	CHECK_INT(e2e_Work_pass_get(third), 0);
	pthread_join(callers[0].thread, NULL);
	pthread_join(callers[1].thread, NULL);
	CHECK_INT(callers[0].err, 0);
	CHECK_INT(callers[1].err, 0);
	e2e_Work_free(other);
	finish();
}

/* ---- order ---- */

static void *open_when_begun(void *data)
{
	(void)data;
	CHECK(work_logged(&place.work, "<1 "));
	work_open(&place.work, 1);
	return NULL;
}

TEST(a_call_waits_for_the_oneway_before_it)
{
	pthread_t thread;

	begin(4);
	CHECK(is_settled(near));
	(void)logged();
	REQUIRE(pthread_create(&thread, NULL, open_when_begun, NULL) == 0);
	CHECK_INT(e2e_Work_post(near, 1), 0);
	CHECK_INT(e2e_Work_pass(near, OPEN), 0);
	pthread_join(thread, NULL);
	CHECK_STR(logged(), "<1 1> <15 15> ");
	finish();
}

/* By frames it may go sooner, in the lane behind them. */
TEST(a_call_runs_here_only_after_those_that_were_started_before_it)
{
	pyr_future *future;
	bool was_here;
	int i;

	begin(4);
	work_open(&place.work, 1);
	for (i = 0; i < 300; i++) {
		CHECK(is_settled(near));
		(void)logged();
		future = e2e_Work_pass_start(near, 1);
		CHECK_INT(e2e_Work_pass(near, OPEN), 0);
		was_here = ran_here();
		CHECK_INT(e2e_Work_pass_get(future), 0);
		CHECK(!was_here || strcmp(logged(), "<1 1> <15 15> ") == 0);
	}
	finish();
}

TEST(a_call_that_was_given_up_before_it_left_holds_up_nobody)
{
	pyr_future *future;

	begin(4);
	CHECK(is_settled(near));
	future = e2e_Work_pass_start(near, 1);
	pyr_future_free(future);
	CHECK(is_settled(near));
	finish();
}

/* ---- what a method may ask ---- */

static int (*probe)(pyr_call *call, int32_t x, int32_t *ret);

static int add(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	(void)y;
	return probe(call, x, ret);
}

static const struct e2e_Work_methods probe_methods = { .add = add };
static atomic_ulong prober; /* the last thread that ran it */
static char session[64], peer[64], chain[64];
static bool has_credentials;

static int ask(pyr_call *call, int32_t x, int32_t *ret)
{
	struct pyr_credentials credentials;

	atomic_store(&prober, (unsigned long)pthread_self());
	CHECK(pyr_call_current() == call);
	CHECK_STR(pyr_call_object(call), "probe");
	CHECK_STR(pyr_call_operation(call), "e2e.Work.add");
	CHECK(pyr_call_time_left(call) == INT64_MAX);
	CHECK(!pyr_call_is_cancelled(call));
	snprintf(session, sizeof(session), "%s", pyr_call_session(call));
	snprintf(peer, sizeof(peer), "%s", pyr_call_peer(call));
	snprintf(chain, sizeof(chain), "%s", pyr_call_correlation_id(call));
	has_credentials = pyr_call_credentials(call, &credentials);
	if (has_credentials)
		CHECK_INT(credentials.pid, getpid());
	*ret = x;
	return 0;
}

static struct e2e_Work *register_probe(int (*fn)(pyr_call *, int32_t, int32_t *))
{
	probe = fn;
	return near_proxy(e2e_Work_register(place.daemon, "probe", &probe_methods, NULL));
}

/* Calls it until this thread runs it. */
static int probe_here(struct e2e_Work *proxy, int32_t x, int32_t *ret)
{
	int err, i = 0;

	do {
		atomic_store(&prober, 0);
		err = e2e_Work_add(proxy, x, 0, ret);
		sched_yield();
	} while (atomic_load(&prober) != (unsigned long)pthread_self() && ++i < 100000);
	CHECK(i < 100000);
	return err;
}

static void ask_both_ways(const struct pyr_daemon_options *options, bool expects_credentials)
{
	char first[64], last[64];
	struct e2e_Work *proxy;
	pyr_future *future;
	int32_t n = 0;

	begin_with(options);
	proxy = register_probe(ask);
	CHECK_INT(probe_here(proxy, 7, &n), 0);
	CHECK_INT(n, 7);
	memcpy(first, session, sizeof(first));
	memcpy(last, chain, sizeof(last));
	CHECK(strlen(first) > 0 && strlen(last) == 32);
	CHECK_HAS(place.uri, peer);
	CHECK_INT(has_credentials, expects_credentials);
	CHECK_INT(probe_here(proxy, 8, &n), 0);
	CHECK(strcmp(chain, last) != 0); /* each call that is part of none has its own */
	CHECK_STR(session, first);

	future = e2e_Work_add_start(proxy, 9, 0);
	CHECK_INT(e2e_Work_add_get(future, &n), 0);
	CHECK(atomic_load(&prober) != (unsigned long)pthread_self());
	CHECK_STR(session, first);
	CHECK_HAS(place.uri, peer);
	CHECK_INT(has_credentials, expects_credentials);
	e2e_Work_free(proxy);
	finish();
}

TEST(a_session_is_one_whichever_way_its_calls_go)
{
	char path[64];
	struct pyr_daemon_options tcp = { .threads = 2 }, local = { .threads = 2, .socket = path };

	snprintf(path, sizeof(path), "/tmp/pyrite-direct-%d", (int)getpid());
	ask_both_ways(&tcp, false);
	ask_both_ways(&local, true);
}

static int annotate(pyr_call *call, int32_t x, int32_t *ret)
{
	atomic_store(&prober, (unsigned long)pthread_self());
	*ret = x;
	return x ? pyr_call_set_annotation(call, "colour", "red", 4) : 0;
}

TEST(annotations_of_the_answer_come_along)
{
	struct e2e_Work *proxy;
	size_t n = 0;
	int32_t x;

	begin(2);
	proxy = register_probe(annotate);
	CHECK_INT(probe_here(proxy, 1, &x), 0);
	CHECK_STR((const char *)pyr_reply_annotation("colour", &n), "red");
	CHECK_INT(probe_here(proxy, 0, &x), 0);
	CHECK(!pyr_reply_annotation("colour", &n));
	e2e_Work_free(proxy);
	finish();
}

/* ---- calls inside calls ---- */

static struct e2e_Work *inner;

static int descend(pyr_call *call, int32_t x, int32_t *ret)
{
	int32_t below = 0;
	int err = 0;

	if (x > 0)
		err = e2e_Work_add(inner, x - 1, 0, &below);
	CHECK(pyr_call_current() == call);
	atomic_store(&prober, (unsigned long)pthread_self());
	*ret = below + 1;
	return err;
}

static void *descend_deep(void *data)
{
	int32_t n = 0;

	CHECK_INT(e2e_Work_add(data, 10, 0, &n), 0);
	CHECK_INT(n, 11);
	return NULL;
}

/* More at a time than the pool has threads, each of which comes back. */
TEST(methods_that_come_back_find_a_thread)
{
	pthread_t threads[4];
	int32_t n;
	int i;

	begin(2);
	inner = register_probe(descend);
	CHECK_INT(probe_here(inner, 0, &n), 0);
	for (i = 0; i < 4; i++)
		REQUIRE(pthread_create(&threads[i], NULL, descend_deep, inner) == 0);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	e2e_Work_free(inner);
	finish();
}

TEST(calls_are_as_deep_as_on_any_lane)
{
	int32_t n;

	begin(2);
	inner = register_probe(descend);
	CHECK_INT(probe_here(inner, 0, &n), 0);
	CHECK_INT(e2e_Work_add(inner, 200, 0, &n), 0);
	CHECK_INT(n, 201);
	CHECK_INT(e2e_Work_add(inner, 300, 0, &n), -PYR_FAILED_PRECONDITION);
	e2e_Work_free(inner);
	finish();
}

TESTS(direct, T(a_pools_method_runs_in_its_callers_thread), T(a_serial_daemons_runs_in_its_own),
      T(a_thread_with_little_stack_runs_none),
      T(a_pool_runs_no_more_methods_at_a_time_than_its_threads),
      T(a_call_waits_for_the_oneway_before_it),
      T(a_call_runs_here_only_after_those_that_were_started_before_it),
      T(a_call_that_was_given_up_before_it_left_holds_up_nobody),
      T(a_session_is_one_whichever_way_its_calls_go), T(annotations_of_the_answer_come_along),
      T(methods_that_come_back_find_a_thread), T(calls_are_as_deep_as_on_any_lane))
