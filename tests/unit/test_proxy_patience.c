/* SPDX-License-Identifier: MIT */
/* Deadlines, calls made again, and waiting for what is not there yet. */
#define _GNU_SOURCE /* pipe2() */
#include "naming_server.h"
#include "patient.h"
#include "port.h"
#include "proxy/patience.h"

#include <sched.h>

static struct px_Counter *shared;

static const char *uri_at(uint16_t port)
{
	static char uri[64];

	snprintf(uri, sizeof(uri), "PYRO:counter@127.0.0.1:%u", port);
	return uri;
}

struct outcome {
	pthread_t thread;
	int (*call)(struct px_Counter *proxy, int32_t *ret);
	int err;
	bool may_have_run;
	int32_t value;
};

static void *call_shared(void *data)
{
	struct outcome *outcome = data;

	outcome->err = outcome->call(shared, &outcome->value);
	outcome->may_have_run = pyr_last_error()->may_have_run;
	return NULL;
}

static void begin(struct outcome *outcome, int (*call)(struct px_Counter *, int32_t *))
{
	*outcome = (struct outcome){ .call = call };
	REQUIRE(pthread_create(&outcome->thread, NULL, call_shared, outcome) == 0);
}

static int bind_shared(struct px_Counter *proxy, int32_t *ret)
{
	*ret = 0;
	return pyr_proxy_bind(px_Counter_as_proxy(proxy));
}

static int reconnect_shared(struct px_Counter *proxy, int32_t *ret)
{
	*ret = 0;
	return pyr_proxy_reconnect(px_Counter_as_proxy(proxy), 0, 5);
}

/* ---- B8 ---- */

TEST(b8_a_call_s_deadline_goes_before_the_proxy_s_and_that_before_the_operation_s)
{
	struct pyr_call_options soon = { .timeout_ms = 20000 };
	struct px_Counter *proxy;
	int64_t left = 0;

	REQUIRE(counter_open(&counter, NULL));
	proxy = px_Counter_proxy(counter.uri);
	CHECK_INT(px_Counter_time_left(proxy, &left), 0);
	CHECK(left == INT64_MAX);
	CHECK_INT(px_Counter_time_left_of_a_minute(proxy, &left), 0);
	CHECK(left > 50000 && left <= 60000);
	pyr_proxy_set_timeout(px_Counter_as_proxy(proxy), 40000); /* while it is connected */
	CHECK_INT(px_Counter_time_left_of_a_minute(proxy, &left), 0);
	CHECK(left > 30000 && left <= 40000);
	CHECK_INT(px_Counter_time_left_of_a_minute(px_Counter_with(proxy, &soon), &left), 0);
	CHECK(left > 10000 && left <= 20000);
	CHECK_INT(px_Counter_time_left_of_a_minute(proxy, &left), 0); /* of the next call alone */
	CHECK(left > 30000);
	pyr_proxy_set_timeout(px_Counter_as_proxy(proxy), 0);
	CHECK_INT(px_Counter_time_left(proxy, &left), 0);
	CHECK(left == INT64_MAX);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
}

/* Returns how often the method ran: not at all where its time was over before that. */
static int32_t run_out_of_time(void)
{
	struct px_Counter *proxy;
	struct session *before;
	int32_t n;

	REQUIRE(counter_open(&counter, NULL));
	proxy = px_Counter_proxy(counter.uri);
	CHECK_INT(px_Counter_runs(proxy, &n), 0); /* the link stands: what follows leaves at once */
	before = px_Counter_as_proxy(proxy)->session;
	counter_shut(&counter, true);
	check_fails(px_Counter_slow(proxy, &n), PYR_DEADLINE_EXCEEDED, "TimeoutError: no answer");
	CHECK(pyr_last_error()->may_have_run);
	CHECK_INT(px_Counter_runs(proxy, &n), 0);
	counter_shut(&counter, false);
	CHECK(px_Counter_as_proxy(proxy)->session == before);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
	return n;
}

TEST(b8_a_call_that_takes_too_long_ends_and_the_connection_stays)
{
	int32_t n;

	while ((n = run_out_of_time()) == 0)
		;
	CHECK_INT(n, 1);
}

/* A name server that takes the connection and says nothing. */
TEST(b8_a_deadline_holds_while_a_name_is_looked_up)
{
	struct pyr_proxy_options options = { .timeout_ms = 50 };
	int64_t begun = engine_now();
	struct px_Counter *proxy;
	uint16_t port;
	int fd = bound_socket(&port);
	char uri[64];

	REQUIRE(listen(fd, 8) == 0);
	snprintf(uri, sizeof(uri), "PYRONAME:x@127.0.0.1:%u", port);
	proxy = px_Counter_proxy_with(uri, &options);
	CHECK_INT(px_Counter_runs(proxy, NULL), -PYR_DEADLINE_EXCEEDED);
	CHECK(engine_now() - begun < 3000 * (int64_t)ENGINE_MS); /* a look-up has 5 s */
	px_Counter_free(proxy);
	close(fd);
}

/* ---- B9, T15 ---- */

static void lose_once(int (*call)(struct px_Counter *, int32_t *), uint32_t max_retries,
		      struct outcome *ret)
{
	REQUIRE(counter_open(&counter, NULL));
	shared = patient(counter.uri, 0, max_retries);
	CHECK_INT(pyr_proxy_bind(px_Counter_as_proxy(shared)), 0);
	counter_shut(&counter, true);
	begin(ret, call);
	CHECK(counter_has_begun(&counter, 1));
	cut(shared);
	if (ret->call != px_Counter_bump && max_retries > 0)
		CHECK(counter_has_begun(&counter, 2));
	counter_shut(&counter, false);
	pthread_join(ret->thread, NULL);
	px_Counter_free(shared);
	CHECK_INT(counter_close(&counter), 0);
}

TEST(b9_a_lost_call_is_made_again_if_its_operation_is_idempotent)
{
	struct outcome outcome;

	lose_once(px_Counter_peek, 1, &outcome);
	CHECK_INT(outcome.err, 0);
	CHECK_INT(outcome.value, 2);
	CHECK_INT(counter.n_runs, 2);
}

TEST(b9_a_lost_call_is_an_error_that_may_have_run_otherwise)
{
	struct outcome outcome;

	lose_once(px_Counter_bump, 5, &outcome);
	CHECK_INT(outcome.err, -PYR_UNAVAILABLE);
	CHECK(outcome.may_have_run);
	CHECK_INT(counter.n_runs, 1);
	lose_once(px_Counter_peek, 0, &outcome); /* and if nobody asked for it */
	CHECK_INT(outcome.err, -PYR_UNAVAILABLE);
	CHECK(outcome.may_have_run);
	CHECK_INT(counter.n_runs, 1);
}

TEST(t15_the_getter_of_an_idempotent_attribute_is_made_again)
{
	struct outcome outcome;

	lose_once(px_Counter_get_level, 1, &outcome);
	CHECK_INT(outcome.err, 0);
	CHECK_INT(counter.n_runs, 2);
}

TEST(b9_retries_are_counted_and_leave_the_last_error)
{
	struct px_Counter *proxy = patient(uri_at(port_of_ours()), 0, 2);
	int64_t begun = engine_now();

	REQUIRE(proxy != NULL);
	check_fails(px_Counter_peek(proxy, NULL), PYR_UNAVAILABLE, "cannot connect");
	CHECK(engine_now() - begun >= 15 * (int64_t)ENGINE_MS); /* half of 10 and 20 ms at least */
	pyr_proxy_set_max_retries(px_Counter_as_proxy(proxy), 0);
	check_fails(px_Counter_peek(proxy, NULL), PYR_UNAVAILABLE, "cannot connect");
	pyr_proxy_set_max_retries(NULL, 1);
	px_Counter_free(proxy);
}

TEST(b9_retries_end_with_the_deadline)
{
	struct px_Counter *proxy = patient(uri_at(port_of_ours()), 0, 1000);
	int64_t begun = engine_now();

	pyr_proxy_set_timeout(px_Counter_as_proxy(proxy), 120);
	CHECK(px_Counter_peek(proxy, NULL) < 0);
	CHECK(engine_now() - begun < 10000 * (int64_t)ENGINE_MS);
	px_Counter_free(proxy);
}

/* ---- waiting for what is not there ---- */

static void open_later(struct outcome *outcome, uint16_t port, bool with_object)
{
	struct pyr_daemon_options options = { .port = port };

	see_it_pause(shared);
	if (with_object)
		REQUIRE(counter_open(&counter, &options));
	pthread_join(outcome->thread, NULL);
}

TEST(b6_a_proxy_with_wait_ms_waits_for_its_server)
{
	uint16_t port = port_of_ours();
	struct outcome outcome;

	shared = patient(uri_at(port), 30000, 0);
	pyr_error_free(pyr_error_take());
	begin(&outcome, px_Counter_bump); /* not idempotent: it has not run */
	open_later(&outcome, port, true);
	CHECK_INT(outcome.err, 0);
	CHECK_INT(outcome.value, 1);
	px_Counter_free(shared);
	CHECK_INT(counter_close(&counter), 0);
	port = port_of_ours();
	shared = patient(uri_at(port), 30000, 0);
	begin(&outcome, bind_shared);
	open_later(&outcome, port, true);
	CHECK_INT(outcome.err, 0);
	px_Counter_free(shared);
	CHECK_INT(counter_close(&counter), 0);
}

TEST(b6_a_proxy_with_wait_ms_waits_for_its_object)
{
	struct outcome outcome;
	struct counter other;
	char uri[128];

	REQUIRE(counter_open(&counter, NULL));
	REQUIRE(counter_open(&other, NULL));
	CHECK_INT(pyr_daemon_unregister(counter.daemon, "counter"), 0);
	snprintf(uri, sizeof(uri), "PYRO:counter@%s", pyr_daemon_address(counter.daemon));
	shared = patient(uri, 30000, 0);
	begin(&outcome, px_Counter_bump);
	see_it_pause(shared);
	REQUIRE(px_Counter_register(counter.daemon, "counter", counter_methods, &counter) != NULL);
	pthread_join(outcome.thread, NULL);
	CHECK_INT(outcome.err, 0);
	CHECK_INT(outcome.value, 1);
	px_Counter_free(shared);
	CHECK_INT(counter_close(&other), 0);
	CHECK_INT(counter_close(&counter), 0);
}

/* Two calls wait in one thread, while a third task brings what they wait for. */
static struct {
	uint16_t port;
	struct px_Counter *proxies[2];
	pyr_task *waiting[2];
	int results[2];
} tasks;

static int call_in_task(void *data)
{
	int i = *(int *)data;

	tasks.results[i] = px_Counter_bump(tasks.proxies[i], NULL);
	return tasks.results[i];
}

static int wait_in_tasks(void *data)
{
	struct pyr_daemon_options options = { .port = tasks.port };
	static int numbers[2] = { 0, 1 };
	int i;

	(void)data;
	for (i = 0; i < 2; i++)
		tasks.waiting[i] = pyr_task_start(call_in_task, &numbers[i]);
	while (!px_Counter_as_proxy(tasks.proxies[0])->pausing ||
	       !px_Counter_as_proxy(tasks.proxies[1])->pausing)
		if (pyr_sleep(1) < 0)
			return -1;
	pyr_task_cancel(tasks.waiting[1]);
	if (pyr_task_join(tasks.waiting[1]) != -PYR_CANCELLED)
		return -1;
	if (!counter_open(&counter, &options))
		return -1;
	return pyr_task_join(tasks.waiting[0]);
}

TEST(b6_tasks_wait_side_by_side_and_are_cancelled)
{
	tasks.port = port_of_ours();
	tasks.proxies[0] = patient(uri_at(tasks.port), 30000, 0);
	tasks.proxies[1] = patient(uri_at(tasks.port), 30000, 0);
	CHECK_INT(pyr_tasks_run(wait_in_tasks, NULL), 0);
	CHECK_INT(tasks.results[0], 0);
	CHECK_INT(tasks.results[1], -PYR_CANCELLED);
	px_Counter_free(tasks.proxies[0]);
	px_Counter_free(tasks.proxies[1]);
	CHECK_INT(counter_close(&counter), 0);
	CHECK_INT(counter.n_runs, 1);
}

TEST(b6_what_does_not_come_in_time_is_an_error)
{
	struct px_Counter *proxy = patient(uri_at(port_of_ours()), 40, 0);

	check_fails(px_Counter_bump(proxy, NULL), PYR_UNAVAILABLE, "cannot connect");
	CHECK(!pyr_last_error()->may_have_run);
	px_Counter_free(proxy);
}

TEST(b5_a_release_ends_the_wait)
{
	struct outcome outcome;

	shared = patient(uri_at(port_of_ours()), 30000, 0);
	begin(&outcome, px_Counter_bump);
	see_it_pause(shared);
	pyr_proxy_release(px_Counter_as_proxy(shared));
	pthread_join(outcome.thread, NULL);
	CHECK_INT(outcome.err, -PYR_CANCELLED);
	begin(&outcome, px_Counter_bump);
	see_it_pause(shared);
	px_Counter_free(shared);
	pthread_join(outcome.thread, NULL);
	CHECK_INT(outcome.err, -PYR_CANCELLED);
}

TEST(a8_a9_t3_t5_a_proxy_with_wait_ms_waits_for_its_name_and_knows_where_it_leads)
{
	pyr_ns *ns = locate();
	struct outcome outcome;
	char uri[128], *resolved = NULL;

	REQUIRE(counter_open(&counter, NULL));
	snprintf(uri, sizeof(uri), "PYRONAME:late.counter@%s", ns_address);
	shared = patient(uri, 30000, 0);
	begin(&outcome, px_Counter_bump);
	see_it_pause(shared);
	CHECK_INT(pyr_ns_register(ns, "late.counter", counter.uri), 0);
	pthread_join(outcome.thread, NULL);
	CHECK_INT(outcome.err, 0);
	CHECK_INT(outcome.value, 1);
	CHECK_INT(pyr_proxy_bind(px_Counter_as_proxy(shared)), 0); /* T5: also once connected */
	CHECK_INT(pyr_proxy_resolved_uri(px_Counter_as_proxy(shared), &resolved), 0);
	CHECK_STR(resolved, counter.uri);
	CHECK_STR(pyr_proxy_uri(px_Counter_as_proxy(shared)), uri);
	pyr_free(resolved);
	px_Counter_free(shared);
	pyr_ns_free(ns);
	CHECK_INT(counter_close(&counter), 0);
}

TEST(a9_success_after_a_wait_leaves_the_last_error_alone)
{
	uint16_t port = port_of_ours();
	struct px_Counter *proxy = patient(uri_at(port), 40, 0);
	struct pyr_daemon_options options = { .port = port };
	const pyr_error *last;

	CHECK_INT(px_Counter_bump(proxy, NULL), -PYR_UNAVAILABLE);
	last = pyr_last_error();
	REQUIRE(counter_open(&counter, &options));
	CHECK_INT(px_Counter_bump(proxy, NULL), 0);
	CHECK(pyr_last_error() == last && last->code == PYR_UNAVAILABLE);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
}

TEST(a9_locate_waits_for_a_name_server)
{
	struct pyr_ns_locate_options options = { .wait_ms = 60 };
	int64_t begun = engine_now();

	CHECK(pyr_ns_locate_with("127.0.0.1:1", &options) == NULL);
	CHECK_HAS(pyr_errmsg(), "NamingError: failed to locate the name server at 127.0.0.1:1");
	CHECK(engine_now() - begun >= 60 * (int64_t)ENGINE_MS);
	CHECK(engine_now() - begun < 20000 * (int64_t)ENGINE_MS);
}

/* ---- B7 ---- */

TEST(b7_reconnect_waits_for_a_server_that_comes_back)
{
	struct pyr_daemon_options options = { .port = port_of_ours() };
	struct outcome outcome;
	int32_t n = 0;

	REQUIRE(counter_open(&counter, &options));
	shared = px_Counter_proxy(counter.uri);
	CHECK_INT(px_Counter_bump(shared, &n), 0);
	CHECK_INT(counter_close(&counter), 0);
	check_fails(pyr_proxy_reconnect(px_Counter_as_proxy(shared), 2, 1), PYR_UNAVAILABLE,
		    "ConnectionClosed: failed to reconnect to PYRO:counter@127.0.0.1:");
	begin(&outcome, reconnect_shared);
	see_it_pause(shared);
	REQUIRE(counter_open(&counter, &options));
	pthread_join(outcome.thread, NULL);
	CHECK_INT(outcome.err, 0);
	CHECK_INT(px_Counter_bump(shared, &n), 0);
	CHECK_INT(n, 1);
	CHECK_INT(pyr_proxy_reconnect(NULL, 1, 1), -PYR_INVALID_ARGUMENT);
	px_Counter_free(shared);
	CHECK_INT(counter_close(&counter), 0);
}

TEST(b7_reconnect_ends_with_a_release)
{
	struct outcome outcome;

	shared = px_Counter_proxy(uri_at(port_of_ours()));
	begin(&outcome, reconnect_shared);
	see_it_pause(shared);
	pyr_proxy_release(px_Counter_as_proxy(shared));
	pthread_join(outcome.thread, NULL);
	CHECK_INT(outcome.err, -PYR_CANCELLED);
	px_Counter_free(shared);
}

TESTS(proxy_patience,
      T(b8_a_call_s_deadline_goes_before_the_proxy_s_and_that_before_the_operation_s),
      T(b8_a_call_that_takes_too_long_ends_and_the_connection_stays),
      T(b8_a_deadline_holds_while_a_name_is_looked_up),
      T(b9_a_lost_call_is_made_again_if_its_operation_is_idempotent),
      T(b9_a_lost_call_is_an_error_that_may_have_run_otherwise),
      T(t15_the_getter_of_an_idempotent_attribute_is_made_again),
      T(b9_retries_are_counted_and_leave_the_last_error), T(b9_retries_end_with_the_deadline),
      T(b6_a_proxy_with_wait_ms_waits_for_its_server),
      T(b6_a_proxy_with_wait_ms_waits_for_its_object),
      T(b6_tasks_wait_side_by_side_and_are_cancelled), T(b6_what_does_not_come_in_time_is_an_error),
      T(b5_a_release_ends_the_wait),
      T(a8_a9_t3_t5_a_proxy_with_wait_ms_waits_for_its_name_and_knows_where_it_leads),
      T(a9_success_after_a_wait_leaves_the_last_error_alone), T(a9_locate_waits_for_a_name_server),
      T(b7_reconnect_waits_for_a_server_that_comes_back), T(b7_reconnect_ends_with_a_release),
      T(the_name_server_ends_well))
