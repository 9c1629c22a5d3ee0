/* SPDX-License-Identifier: MIT */
/* How such calls fail, and what ends while they run: the wait, the link, the object, the daemon. */
#include "direct.h"

#include <sched.h>
#include <sys/wait.h>

#include "proxy/proxy_session.h"

/* ---- errors ---- */

static void check_same_error(int (*call)(struct e2e_Work *), struct e2e_Work *wire)
{
	char message[200], trace[400], operation[100];
	bool remote, raised;
	int code;

	code = call(wire);
	snprintf(message, sizeof(message), "%s", pyr_last_error()->message);
	snprintf(trace, sizeof(trace), "%s", pyr_last_error()->trace);
	snprintf(operation, sizeof(operation), "%s", pyr_last_error()->operation);
	remote = pyr_last_error()->remote;
	raised = pyr_last_error()->raised;
	CHECK(is_settled(near));
	CHECK_INT(call(near), code);
	CHECK_STR(pyr_last_error()->message, message);
	CHECK_STR(pyr_last_error()->trace, trace);
	CHECK_STR(pyr_last_error()->operation, operation);
	CHECK_STR(pyr_last_error()->object, "work");
	CHECK_HAS(place.uri, pyr_last_error()->address);
	CHECK_INT(pyr_last_error()->remote, remote);
	CHECK_INT(pyr_last_error()->raised, raised);
}

static int call_pass(struct e2e_Work *proxy)
{
	return e2e_Work_pass(proxy, 99);
}

static int call_returns(struct e2e_Work *proxy)
{
	int32_t n;

	return e2e_Work_returns(proxy, -PYR_ABORTED, &n);
}

static int call_nonsense(struct e2e_Work *proxy)
{
	int32_t n;

	return e2e_Work_returns(proxy, 77, &n);
}

static int call_nobody(struct e2e_Work *proxy)
{
	return e2e_Work_nobody(proxy);
}

TEST(an_error_says_what_it_does_on_the_wire)
{
	struct pyr_proxy_options options = { .lane = PYR_LANE_SOCKET };
	struct e2e_Work *wire;
	int32_t n = 5;

	begin(2);
	wire = e2e_Work_proxy_with(place.uri, &options);
	check_same_error(call_pass, wire);
	check_same_error(call_returns, wire);
	check_same_error(call_nonsense, wire);
	check_same_error(call_nobody, wire);
	CHECK_INT(e2e_Work_returns(near, -PYR_ABORTED, &n), -PYR_ABORTED);
	CHECK_INT(n, 5); /* untouched */
	CHECK_INT(e2e_Work_add(near, 1, 2, &n), 0);
	CHECK_INT(pyr_last_error()->code, PYR_ABORTED); /* success leaves it alone */
	e2e_Work_free(wire);
	finish();
}

/* ---- the end of waiting ---- */

TEST(a_call_with_a_deadline_is_answered_in_time)
{
	struct pyr_proxy_options options = { .lane = PYR_LANE_PROCESS, .timeout_ms = 50 };
	struct e2e_Work *hasty;

	begin(2);
	CHECK(is_settled(near));
	hasty = e2e_Work_proxy_with(place.uri, &options);
	CHECK_INT(pyr_proxy_bind(e2e_Work_as_proxy(hasty)), 0);
	CHECK_INT(e2e_Work_pass(hasty, 1), -PYR_DEADLINE_EXCEEDED);
	e2e_Work_free(hasty);
	CHECK_INT(e2e_Work_pass(e2e_Work_with(near, &(struct pyr_call_options){ .timeout_ms = 50 }),
				1),
		  -PYR_DEADLINE_EXCEEDED);
	finish();
}

TEST(a_release_is_told_to_the_method_and_to_its_caller)
{
	struct caller caller;

	begin(2);
	begin_pass(&caller, 1);
	pyr_proxy_release(e2e_Work_as_proxy(near));
	pthread_join(caller.thread, NULL);
	CHECK_INT(caller.err, -PYR_CANCELLED);
	CHECK_HAS(caller.text, "the proxy was released");
	CHECK(caller.was_here && caller.may_have_run);
	CHECK_HAS(logged(), "x1 1> ");
	CHECK(is_settled(near)); /* and is used again */
	finish();
}

TEST(a_call_that_runs_goes_on_when_its_session_is_left)
{
	struct caller caller;
	pyr_proxy *proxy;

	begin(2);
	begin_pass(&caller, 1);
	proxy = e2e_Work_as_proxy(near);
	proxy_forget(proxy, proxy->session); /* as when it is of no more use to others */
	CHECK(is_settled(near));             /* in another */
	work_open(&place.work, 1);
	pthread_join(caller.thread, NULL);
	CHECK_INT(caller.err, 0);
	finish();
}

TEST(a_lost_link_is_told_to_the_method_and_to_its_caller)
{
	pyr_proxy *proxy;
	struct caller caller;

	begin(2);
	begin_pass(&caller, 1);
	proxy = e2e_Work_as_proxy(near);
	peer_close(proxy->session->peer, PYR_UNAVAILABLE, "cut by the test");
	pthread_join(caller.thread, NULL);
	CHECK_INT(caller.err, -PYR_UNAVAILABLE);
	CHECK_HAS(caller.text, "ConnectionClosed");
	CHECK(caller.was_here && caller.may_have_run);
	CHECK_HAS(logged(), "x1 1> ");
	CHECK(is_settled(near)); /* over another */
	finish();
}

static int32_t held_value;
static int held_err;

static void *hold(void *data)
{
	(void)data;
	CHECK(is_settled(near));
	held_err = e2e_Work_hold(near, 3, &held_value);
	return NULL;
}

static pthread_t begin_hold(void)
{
	pthread_t thread;

	REQUIRE(pthread_create(&thread, NULL, hold, NULL) == 0);
	CHECK(work_holds(&place.work, 1));
	return thread;
}

TEST(an_answer_that_comes_later_finds_its_caller)
{
	struct e2e_Work *other;
	pthread_t thread;
	int32_t n = 0;

	begin(2);
	other = near_proxy(place.uri);
	thread = begin_hold();
	CHECK_INT(e2e_Work_answer(other, 3, 42), 0);
	pthread_join(thread, NULL);
	CHECK_INT(held_err, 0);
	CHECK_INT(held_value, 42);
	thread = begin_hold();
	CHECK_INT(e2e_Work_refuse(other, 3, "no"), 0);
	pthread_join(thread, NULL);
	CHECK_INT(held_err, -PYR_OUT_OF_RANGE);
	thread = begin_hold();
	CHECK_INT(e2e_Work_drop(other, 3), 0);
	pthread_join(thread, NULL);
	CHECK_INT(held_err, -PYR_INTERNAL);
	CHECK(is_settled(near));
	CHECK_INT(e2e_Work_at_once(near, 6, &n), 0);
	CHECK_INT(n, 6);
	e2e_Work_free(other);
	finish();
}

TEST(who_waits_for_a_later_answer_leaves_with_a_release)
{
	pthread_t thread;

	begin(2);
	thread = begin_hold();
	pyr_proxy_release(e2e_Work_as_proxy(near));
	pthread_join(thread, NULL);
	CHECK_INT(held_err, -PYR_CANCELLED);
	CHECK(work_told(&place.work, 1));
	finish();
}

/* ---- the end of an object, of a daemon ---- */

static atomic_int n_destroyed;

static void destroy(void *data)
{
	(void)data;
	atomic_fetch_add(&n_destroyed, 1);
}

TEST(an_objects_data_end_after_the_last_call_that_runs)
{
	struct caller caller;

	begin(2);
	CHECK_INT(pyr_daemon_set_destroy(place.daemon, "work", destroy), 0);
	begin_pass(&caller, 1);
	CHECK_INT(pyr_daemon_unregister(place.daemon, "work"), 0);
	CHECK_INT(e2e_Work_pass(near, OPEN), -PYR_NOT_FOUND);
	CHECK_INT(atomic_load(&n_destroyed), 0);
	work_open(&place.work, 1);
	pthread_join(caller.thread, NULL);
	CHECK_INT(caller.err, 0);
	finish();
	CHECK_INT(atomic_load(&n_destroyed), 1);
}

TEST(a_daemon_that_stops_waits_for_calls_that_run)
{
	struct caller caller;

	begin(2);
	begin_pass(&caller, 1);
	pyr_daemon_stop(place.daemon);
	while (e2e_Work_pass(near, OPEN) == 0) /* it takes no more before long */
		sched_yield();
	CHECK_INT(pyr_last_error()->code, PYR_UNAVAILABLE);
	work_open(&place.work, 1);
	pthread_join(caller.thread, NULL);
	CHECK_INT(caller.err, 0);
	finish();
}

TEST(a_daemon_that_does_not_wait_tells_calls_that_run)
{
	struct pyr_daemon_options options = { .threads = 2, .drain_ms = 30 };
	struct caller caller;
	pthread_t thread;

	begin_with(&options);
	thread = begin_hold();
	begin_pass(&caller, 1);
	pyr_daemon_stop(place.daemon);
	pthread_join(caller.thread, NULL);
	pthread_join(thread, NULL);
	CHECK_INT(caller.err, -PYR_UNAVAILABLE);
	CHECK(caller.may_have_run);
	CHECK_INT(held_err, -PYR_UNAVAILABLE);
	CHECK_HAS(logged(), "x1 1> ");
	finish();
}

TEST(a_daemon_is_freed_before_its_proxies)
{
	struct e2e_Work *proxy;
	int32_t n;

	begin(2);
	CHECK(is_settled(near));
	proxy = near;
	near = NULL;
	finish();
	CHECK_INT(e2e_Work_add(proxy, 1, 2, &n), -PYR_UNAVAILABLE);
	e2e_Work_free(proxy);
}

/* ---- many ---- */

static atomic_bool is_over;
static atomic_uint n_used;

static void *use(void *data)
{
	struct e2e_Work *proxy = data;
	pyr_future *future;
	int32_t n;
	int i, err;

	for (i = 0; !atomic_load(&is_over); i++) {
		n = 0;
		err = e2e_Work_add(proxy, i, 1, &n);
		CHECK(err == 0 ? n == i + 1 : err == -PYR_CANCELLED);
		atomic_fetch_add(&n_used, 1);
		if (i % 16)
			continue;
		future = e2e_Work_add_start(proxy, i, 2);
		err = future ? e2e_Work_add_get(future, &n) : -pyr_last_error()->code;
		CHECK(err == 0 ? n == i + 2 : err == -PYR_CANCELLED);
	}
	return NULL;
}

TEST(threads_share_a_proxy_that_is_released_now_and_then)
{
	pthread_t threads[4];
	unsigned used;
	int i;

	begin(3);
	atomic_store(&is_over, false);
	for (i = 0; i < 4; i++)
		REQUIRE(pthread_create(&threads[i], NULL, use, near) == 0);
	for (i = 0; i < 200; i++) {
		used = atomic_load(&n_used); /* again when they have made calls meanwhile */
		while (atomic_load(&n_used) - used < 64)
			sched_yield();
		pyr_proxy_release(e2e_Work_as_proxy(near));
	}
	atomic_store(&is_over, true);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	finish();
}

TEST(a_forked_child_calls_nobody)
{
	int status = -1;
	int32_t n;
	pid_t pid;

	begin(2);
	CHECK(is_settled(near));
	pid = fork();
	if (pid == 0)
		_exit(e2e_Work_add(near, 1, 2, &n) == -PYR_FAILED_PRECONDITION ? 0 : 1);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK_INT(status, 0);
	finish();
}

TESTS(direct_ends, T(an_error_says_what_it_does_on_the_wire),
      T(a_call_with_a_deadline_is_answered_in_time),
      T(a_release_is_told_to_the_method_and_to_its_caller),
      T(a_call_that_runs_goes_on_when_its_session_is_left),
      T(a_lost_link_is_told_to_the_method_and_to_its_caller),
      T(an_answer_that_comes_later_finds_its_caller),
      T(who_waits_for_a_later_answer_leaves_with_a_release),
      T(an_objects_data_end_after_the_last_call_that_runs),
      T(a_daemon_that_stops_waits_for_calls_that_run),
      T(a_daemon_that_does_not_wait_tells_calls_that_run), T(a_daemon_is_freed_before_its_proxies),
      T(threads_share_a_proxy_that_is_released_now_and_then), T(a_forked_child_calls_nobody))
