/* SPDX-License-Identifier: MIT */
/* The life of daemons: objects, running, stopping, draining, forking. */
#include "servant.h"

#include "test.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

static struct place place;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void check_error(int code, const char *part)
{
	CHECK_INT(pyr_last_error()->code, code);
	CHECK_HAS(pyr_errmsg(), part);
}

/* ---- objects ---- */

TEST(c12_an_object_gets_a_uri)
{
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	const char *uri, *made;
	char expected[128];

	REQUIRE(daemon != NULL);
	uri = e2e_Work_register(daemon, "bank", &work_methods, NULL);
	snprintf(expected, sizeof(expected), "PYRO:bank@%s", pyr_daemon_address(daemon));
	CHECK_STR(uri, expected);
	CHECK(pyr_daemon_uri(daemon, "bank") == uri);
	made = e2e_Work_register(daemon, NULL, &work_methods, NULL);
	CHECK_INT(strncmp(made, "PYRO:obj_", 9), 0);
	pyr_daemon_free(daemon);
}

TEST(what_cannot_be_registered_is_told)
{
	static const char *const bad[] = { "", "a b", "a@b", "a\nb", "\xff", "a\x7f" };
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	char longest[257];
	size_t i;

	REQUIRE(daemon != NULL);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(e2e_Work_register(daemon, bad[i], &work_methods, NULL) == NULL);
		check_error(PYR_INVALID_ARGUMENT, "cannot be the id");
	}
	memset(longest, 'x', sizeof(longest));
	longest[256] = '\0';
	CHECK(e2e_Work_register(daemon, longest, &work_methods, NULL) == NULL);
	longest[255] = '\0';
	CHECK(e2e_Work_register(daemon, longest, &work_methods, NULL) != NULL);
	CHECK(e2e_Work_register(daemon, "a", &work_methods, NULL) != NULL);
	CHECK(e2e_Work_register(daemon, "a", &work_methods, NULL) == NULL);
	check_error(PYR_ALREADY_EXISTS, "'a'");
	CHECK_HAS(pyr_errmsg(), pyr_daemon_address(daemon));
	CHECK(pyr_daemon_uri(daemon, "b") == NULL);
	check_error(PYR_NOT_FOUND, "'b'");
	CHECK_INT(pyr_daemon_unregister(daemon, "b"), -PYR_NOT_FOUND);
	CHECK_INT(pyr_daemon_set_default(daemon, "b"), -PYR_NOT_FOUND);
	CHECK_INT(pyr_daemon_unregister(daemon, "a"), 0);
	CHECK_INT(pyr_daemon_unregister(daemon, "a"), -PYR_NOT_FOUND);
	pyr_daemon_free(daemon);
}

TEST(null_daemons_are_answered)
{
	pyr_daemon *daemon = pyr_daemon_new(NULL);

	CHECK(e2e_Work_register(daemon, "x", NULL, NULL) == NULL);
	check_error(PYR_INVALID_ARGUMENT, "methods");
	pyr_error_free(pyr_error_take());
	CHECK_INT(pyr_daemon_unregister(daemon, NULL), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_daemon_set_default(daemon, NULL), -PYR_INVALID_ARGUMENT);
	CHECK(pyr_daemon_uri(daemon, NULL) == NULL);
	pyr_daemon_free(daemon);
	pyr_error_free(pyr_error_take());
	CHECK(e2e_Work_register(NULL, "x", &work_methods, NULL) == NULL);
	check_error(PYR_INVALID_ARGUMENT, "daemon is NULL");
	CHECK_INT(pyr_daemon_run(NULL), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_daemon_unregister(NULL, "x"), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_daemon_set_default(NULL, "x"), -PYR_INVALID_ARGUMENT);
	CHECK(pyr_daemon_uri(NULL, "x") == NULL);
	CHECK_STR(pyr_daemon_address(NULL), "");
	pyr_daemon_stop(NULL);
	pyr_daemon_free(NULL);
}

TEST(unregister_lets_running_calls_end)
{
	struct e2e_Work *work;
	pyr_future *future;

	REQUIRE(place_open(&place, NULL));
	work = e2e_Work_proxy(place.uri);
	future = e2e_Work_pass_start(work, 1);
	CHECK(!pyr_future_is_ready(future));
	CHECK(work_logged(&place.work, "<1 "));
	CHECK_INT(pyr_daemon_unregister(place.daemon, "work"), 0);
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), -PYR_NOT_FOUND);
	CHECK_HAS(pyr_errmsg(), "'work'");
	work_open(&place.work, 1);
	CHECK_INT(e2e_Work_pass_get(future), 0);
	e2e_Work_free(work);
	CHECK_INT(place_close(&place), 0);
}

TEST(an_address_that_cannot_be_had_is_named)
{
	struct pyr_daemon_options options = { .host = "127.0.0.1" };
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	char address[64];

	snprintf(address, sizeof(address), "%s", pyr_daemon_address(daemon));
	options.port = (uint16_t)atoi(strrchr(address, ':') + 1);
	CHECK(pyr_daemon_new(&options) == NULL);
	CHECK_HAS(pyr_errmsg(), address);
	CHECK_HAS(pyr_errmsg(), "DaemonError");
	CHECK_INT(pyr_daemon_run(NULL), -pyr_last_error()->code); /* the constructor's error */
	pyr_daemon_free(daemon);
}

/* ---- running ---- */

TEST(g2_a_daemon_runs_once_at_a_time_and_only_once)
{
	struct e2e_Work *work;

	REQUIRE(place_open(&place, NULL));
	work = e2e_Work_proxy(place.uri);
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0); /* it runs */
	CHECK_INT(pyr_daemon_run(place.daemon), -PYR_FAILED_PRECONDITION);
	check_error(PYR_FAILED_PRECONDITION, "running already");
	pyr_daemon_stop(place.daemon);
	pthread_join(place.thread, NULL);
	CHECK_INT(place.result, 0);
	CHECK_INT(pyr_daemon_run(place.daemon), -PYR_FAILED_PRECONDITION);
	check_error(PYR_FAILED_PRECONDITION, "stopped");
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), -PYR_UNAVAILABLE);
	e2e_Work_free(work);
	pyr_daemon_free(place.daemon);
	work_fini(&place.work);
}

TEST(a_stop_before_the_run_ends_it)
{
	int i;

	for (i = 0; i < 20; i++) {
		pyr_daemon *daemon = pyr_daemon_new(NULL);

		pyr_daemon_stop(daemon);
		pyr_daemon_stop(daemon);
		CHECK_INT(pyr_daemon_run(daemon), 0);
		pyr_daemon_free(daemon);
	}
}

TEST(g3_a_method_can_stop_its_daemon_and_is_answered)
{
	struct e2e_Work *work;
	int i;

	for (i = 0; i < 20; i++) {
		REQUIRE(place_open(&place, NULL));
		work = e2e_Work_proxy(place.uri);
		CHECK_INT(e2e_Work_stop(work), 0);
		pthread_join(place.thread, NULL);
		CHECK_INT(place.result, 0);
		e2e_Work_free(work);
		pyr_daemon_free(place.daemon);
		work_fini(&place.work);
	}
}

TEST(free_ends_a_daemon_that_runs)
{
	struct e2e_Work *work;

	REQUIRE(place_open(&place, NULL));
	work = e2e_Work_proxy(place.uri);
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0);
	pyr_daemon_free(place.daemon);
	pthread_join(place.thread, NULL);
	CHECK_INT(place.result, 0);
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), -PYR_UNAVAILABLE);
	e2e_Work_free(work);
	work_fini(&place.work);
}

TEST(calls_that_come_before_the_run_wait_for_it)
{
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	struct work work;
	struct e2e_Work *proxy;
	pyr_future *future;

	work_init(&work, daemon);
	proxy = e2e_Work_proxy(e2e_Work_register(daemon, "w", &work_methods, &work));
	future = e2e_Work_add_start(proxy, 1, 2);
	CHECK_INT(pyr_future_wait(future, 50), -PYR_DEADLINE_EXCEEDED);
	pyr_future_free(future);
	future = e2e_Work_stop_start(proxy);
	CHECK_INT(pyr_daemon_run(daemon), 0);
	CHECK_INT(e2e_Work_stop_get(future), 0);
	e2e_Work_free(proxy);
	pyr_daemon_free(daemon);
	work_fini(&work);
}

TEST(a_daemon_that_never_ran_can_be_freed_with_calls_waiting)
{
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	struct e2e_Work *proxy;
	pyr_future *future;
	int32_t sum;

	proxy = e2e_Work_proxy(e2e_Work_register(daemon, "w", &work_methods, NULL));
	future = e2e_Work_add_start(proxy, 1, 2);
	CHECK_INT(pyr_future_wait(future, 50), -PYR_DEADLINE_EXCEEDED);
	pyr_daemon_free(daemon);
	CHECK_INT(e2e_Work_add_get(future, &sum), -PYR_UNAVAILABLE);
	e2e_Work_free(proxy);
}

/* ---- threads ---- */

static pyr_future *futures[8];

static void start_passes(struct e2e_Work *work, int n)
{
	int i;

	for (i = 0; i < n; i++)
		REQUIRE((futures[i] = e2e_Work_pass_start(work, i)) != NULL);
	CHECK(!pyr_future_is_ready(futures[0]));
}

static void end_passes(int n)
{
	int i;

	for (i = 0; i < n; i++)
		work_open(&place.work, i);
	for (i = 0; i < n; i++)
		CHECK_INT(e2e_Work_pass_get(futures[i]), 0);
}

TEST(h1_h2_a_pool_runs_as_many_methods_as_it_has_threads)
{
	struct pyr_daemon_options three = { .threads = 3 };
	struct e2e_Work *work;

	REQUIRE(place_open(&place, &three));
	work = e2e_Work_proxy(place.uri);
	start_passes(work, 8);
	CHECK(work_has_inside(&place.work, 3));
	end_passes(8);
	CHECK_INT(place.work.n_most, 3);
	e2e_Work_free(work);
	CHECK_INT(place_close(&place), 0);
}

TEST(h3_a_serial_daemon_runs_one_method_at_a_time_in_the_thread_that_runs_it)
{
	struct pyr_daemon_options serial = { .threads = 1 };
	struct e2e_Work *work, *other;
	int32_t i;

	REQUIRE(place_open(&place, &serial));
	work = e2e_Work_proxy(place.uri);
	other = e2e_Work_proxy(place.uri);
	start_passes(work, 6);
	CHECK(work_logged(&place.work, "<0 "));
	CHECK_INT(pyr_proxy_bind(e2e_Work_as_proxy(other)), 0); /* the link lives meanwhile */
	end_passes(6);
	CHECK_INT(place.work.n_most, 1);
	for (i = 0; i < 20; i++) {
		CHECK_INT(e2e_Work_pass(work, 1), 0);
		CHECK(pthread_equal(place.work.last_thread, place.thread));
	}
	e2e_Work_free(work);
	e2e_Work_free(other);
	CHECK_INT(place_close(&place), 0);
}

/* ---- draining ---- */

/* Until the stop has taken effect. */
static void wait_refused(struct e2e_Work *work)
{
	int64_t until = now_ms() + PATIENCE_MS;
	int err;

	do
		err = e2e_Work_add(work, 1, 2, NULL);
	while (err == 0 && now_ms() < until);
	CHECK_INT(err, -PYR_UNAVAILABLE);
}

TEST(a_stop_answers_what_runs_and_waits_no_longer_than_that)
{
	struct pyr_daemon_options patient = { .drain_ms = 60000 };
	struct e2e_Work *work;
	pyr_future *running, *held;
	int64_t begin;
	int32_t ret;

	REQUIRE(place_open(&place, &patient));
	work = e2e_Work_proxy(place.uri);
	CHECK_INT(e2e_Work_post(work, 3), 0);
	CHECK(work_logged(&place.work, "<3 "));
	work_open(&place.work, 3);
	running = e2e_Work_pass_start(work, 1);
	held = e2e_Work_hold_start(work, 2);
	CHECK(!pyr_future_is_ready(running) && !pyr_future_is_ready(held));
	CHECK(work_holds(&place.work, 1));
	CHECK(work_logged(&place.work, "<1 "));
	begin = now_ms();
	pyr_daemon_stop(place.daemon);
	wait_refused(work);
	work_open(&place.work, 1);
	CHECK_INT(e2e_Work_pass_get(running), 0);
	CHECK_INT(e2e_Work_hold_reply(place.work.held[2].deferred, 22), 0);
	place.work.held[2].deferred = NULL;
	CHECK_INT(e2e_Work_hold_get(held, &ret), 0);
	CHECK_INT(ret, 22);
	pthread_join(place.thread, NULL);
	CHECK(now_ms() - begin < 30000);
	CHECK_INT(place.result, 0);
	e2e_Work_free(work);
	pyr_daemon_free(place.daemon);
	work_fini(&place.work);
}

TEST(a_oneway_that_runs_is_waited_for)
{
	struct pyr_daemon_options patient = { .drain_ms = 60000 };
	struct e2e_Work *work, *other; /* the oneway holds up the calls of its own session */
	int64_t begin = now_ms();

	REQUIRE(place_open(&place, &patient));
	work = e2e_Work_proxy(place.uri);
	other = e2e_Work_proxy(place.uri);
	CHECK_INT(e2e_Work_post(work, 3), 0);
	CHECK(work_logged(&place.work, "<3 "));
	pyr_daemon_stop(place.daemon);
	wait_refused(other);
	work_open(&place.work, 3);
	pthread_join(place.thread, NULL);
	CHECK_STR(place.work.log, "<3 3> ");
	CHECK(now_ms() - begin < 30000);
	e2e_Work_free(work);
	e2e_Work_free(other);
	pyr_daemon_free(place.daemon);
	work_fini(&place.work);
}

TEST(what_takes_too_long_is_cut_off)
{
	struct pyr_daemon_options hasty = { .drain_ms = 50 };
	struct e2e_Work *work;
	pyr_future *running, *held;
	int32_t ret;

	REQUIRE(place_open(&place, &hasty));
	work = e2e_Work_proxy(place.uri);
	running = e2e_Work_pass_start(work, 1);
	held = e2e_Work_hold_start(work, 2);
	CHECK(!pyr_future_is_ready(running) && !pyr_future_is_ready(held));
	CHECK(work_holds(&place.work, 1));
	CHECK(work_logged(&place.work, "<1 "));
	pyr_daemon_stop(place.daemon);
	CHECK_INT(e2e_Work_pass_get(running), -PYR_UNAVAILABLE);
	CHECK(pyr_last_error()->may_have_run);
	CHECK_INT(e2e_Work_hold_get(held, &ret), -PYR_UNAVAILABLE);
	CHECK(work_told(&place.work, 1));
	CHECK(work_logged(&place.work, "x1 1> "));
	pthread_join(place.thread, NULL);
	e2e_Work_free(work);
	pyr_daemon_free(place.daemon);
	work_fini(&place.work); /* frees what was held, after its daemon */
}

/* ---- descriptors ---- */

TEST(descriptors_come_back_after_a_hundred_daemons)
{
	struct e2e_Work *work;
	int before = 0, i, tries;
	pyr_daemon *daemon;

	for (i = 0; i < 110; i++) {
		if (i % 10) {
			daemon = pyr_daemon_new(NULL);
			REQUIRE(daemon != NULL);
			pyr_daemon_free(daemon);
		} else {
			REQUIRE(place_open(&place, NULL));
			work = e2e_Work_proxy(place.uri);
			CHECK_INT(e2e_Work_add(work, 1, 1, NULL), 0);
			e2e_Work_free(work);
			CHECK_INT(place_close(&place), 0);
		}
		if (i == 10)
			before = test_open_fds();
	}
	for (tries = 0; tries < 10000000 && test_open_fds() > before; tries++)
		sched_yield();
	CHECK(test_open_fds() <= before);
}

/* ---- fork ---- */

/* In the child: each function fails, none hangs. Returns how many did otherwise. */
static int use_all(struct e2e_Work *work, pyr_future *future)
{
	int32_t sum;
	int n = 0;

	n += e2e_Work_add(work, 1, 2, &sum) != -PYR_FAILED_PRECONDITION;
	n += strstr(pyr_errmsg(), "fork") == NULL;
	n += e2e_Work_add_start(work, 1, 2) != NULL;
	n += pyr_proxy_bind(e2e_Work_as_proxy(work)) != -PYR_FAILED_PRECONDITION;
	n += e2e_Work_proxy("PYRO:x@127.0.0.1:1") != NULL;
	n += pyr_last_error()->code != PYR_FAILED_PRECONDITION;
	n += pyr_daemon_new(NULL) != NULL;
	n += pyr_daemon_run(place.daemon) != -PYR_FAILED_PRECONDITION;
	pyr_daemon_stop(place.daemon);
	n += pyr_future_wait(future, -1) != -PYR_FAILED_PRECONDITION;
	n += pyr_future_is_ready(future);
	n += e2e_Work_pass_get(future) != -PYR_FAILED_PRECONDITION;
	pyr_proxy_release(e2e_Work_as_proxy(work));
	e2e_Work_free(work);
	pyr_daemon_free(place.daemon);
	return n;
}

TEST(a_forked_child_is_told_and_ends)
{
	struct e2e_Work *work;
	pyr_future *future;
	int status = -1, i;
	pid_t pid;

	REQUIRE(place_open(&place, NULL));
	work = e2e_Work_proxy(place.uri);
	future = e2e_Work_pass_start(work, 1);
	CHECK(!pyr_future_is_ready(future));
	for (i = 0; i < 5; i++) {
		fflush(NULL);
		pid = fork();
		REQUIRE(pid >= 0);
		if (pid == 0) {
			alarm(20);
			_exit(use_all(work, future));
		}
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0); /* the parent's goes on */
	work_open(&place.work, 1);
	CHECK_INT(e2e_Work_pass_get(future), 0);
	e2e_Work_free(work);
	CHECK_INT(place_close(&place), 0);
}

/* The child inherits the handler, and the descriptor that it writes to. */
TEST(a_signal_to_a_forked_child_does_not_stop_the_parent)
{
	struct e2e_Work *work;
	int status = -1;
	pid_t pid;

	REQUIRE(place_open(&place, NULL));
	work = e2e_Work_proxy(place.uri);
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0); /* it runs */
	fflush(NULL);
	pid = fork();
	REQUIRE(pid >= 0);
	if (pid == 0) {
		raise(SIGTERM);
		_exit(77);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
#ifndef __SANITIZE_THREAD__ /* it keeps signals back from a forked child */
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
#endif
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0);
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0);
	e2e_Work_free(work);
	CHECK_INT(place_close(&place), 0);
}

/* ---- signals ---- */

static void check_signal(int number, bool is_handled)
{
	struct sigaction now;
	struct e2e_Work *work;

	signal(number, SIG_DFL); /* a shell has what it runs in the background ignore SIGINT */
	REQUIRE(place_open(&place, NULL));
	work = e2e_Work_proxy(place.uri);
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0);
	if (is_handled)
		raise(number);
	else
		pyr_daemon_stop(place.daemon);
	pthread_join(place.thread, NULL);
	CHECK_INT(place.result, 0);
	sigaction(number, NULL, &now);
	if (is_handled)
		CHECK(now.sa_handler == SIG_DFL);
	e2e_Work_free(work);
	pyr_daemon_free(place.daemon);
	work_fini(&place.work);
}

static atomic_int n_own;

static void on_own(int number)
{
	(void)number;
	atomic_fetch_add(&n_own, 1);
}

TEST(signals_stop_a_daemon_and_handlers_are_put_back)
{
	check_signal(SIGTERM, true);
	check_signal(SIGINT, true);
	check_signal(SIGTERM, true);
}

TEST(a_handler_of_the_program_stays)
{
	struct sigaction own = { .sa_handler = on_own }, now;

	sigaction(SIGTERM, &own, NULL);
	REQUIRE(place_open(&place, NULL));
	raise(SIGTERM);
	CHECK_INT(atomic_load(&n_own), 1);
	CHECK_INT(place_close(&place), 0);
	sigaction(SIGTERM, NULL, &now);
	CHECK(now.sa_handler == on_own);
	signal(SIGTERM, SIG_DFL);
}

TEST(a_daemon_can_leave_signals_alone)
{
	struct pyr_daemon_options options = { .signals = PYR_NO };
	struct sigaction now;
	struct e2e_Work *work;

	REQUIRE(place_open(&place, &options));
	work = e2e_Work_proxy(place.uri);
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0);
	sigaction(SIGTERM, NULL, &now);
	CHECK(now.sa_handler == SIG_DFL);
	e2e_Work_free(work);
	CHECK_INT(place_close(&place), 0);
}

TESTS(daemon, T(c12_an_object_gets_a_uri), T(what_cannot_be_registered_is_told),
      T(null_daemons_are_answered), T(unregister_lets_running_calls_end),
      T(an_address_that_cannot_be_had_is_named), T(g2_a_daemon_runs_once_at_a_time_and_only_once),
      T(a_stop_before_the_run_ends_it), T(g3_a_method_can_stop_its_daemon_and_is_answered),
      T(free_ends_a_daemon_that_runs), T(calls_that_come_before_the_run_wait_for_it),
      T(a_daemon_that_never_ran_can_be_freed_with_calls_waiting),
      T(h1_h2_a_pool_runs_as_many_methods_as_it_has_threads),
      T(h3_a_serial_daemon_runs_one_method_at_a_time_in_the_thread_that_runs_it),
      T(a_stop_answers_what_runs_and_waits_no_longer_than_that),
      T(a_oneway_that_runs_is_waited_for), T(what_takes_too_long_is_cut_off),
      T(descriptors_come_back_after_a_hundred_daemons), T(a_forked_child_is_told_and_ends),
      T(a_signal_to_a_forked_child_does_not_stop_the_parent),
      T(signals_stop_a_daemon_and_handlers_are_put_back), T(a_handler_of_the_program_stays),
      T(a_daemon_can_leave_signals_alone))
