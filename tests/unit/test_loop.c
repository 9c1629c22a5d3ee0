/* SPDX-License-Identifier: MIT */
/*
 * The program's own loop: this thread polls pyr_fd() and dispatches. What a process has but once,
 * that callbacks move to the loop, is the first test.
 */
#include "engine/engine.h"
#include "servant.h"

#include "test.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>

static pthread_t ran_in; /* the last callback */
static atomic_int n_ran;

static void note(void)
{
	ran_in = pthread_self();
	atomic_fetch_add(&n_ran, 1);
}

static bool is_here(void)
{
	return pthread_equal(ran_in, pthread_self());
}

/* As a program does: never dispatches but when the descriptor says so. */
static bool loop_until(const atomic_int *count, int wanted)
{
	struct pollfd wait = { .fd = pyr_fd(), .events = POLLIN };
	int64_t until = engine_now() + PATIENCE_MS * (int64_t)ENGINE_MS;

	while (atomic_load(count) < wanted && engine_now() < until) {
		if (poll(&wait, 1, 100) > 0)
			CHECK(pyr_dispatch(0) >= 0);
	}
	return atomic_load(count) >= wanted;
}

static void on_timer(pyr_timer *timer, void *data)
{
	(void)timer;
	(void)data;
	note();
}

/* ---- a daemon in the loop ---- */

struct here {
	struct work work;
	pyr_daemon *daemon;
	struct e2e_Work *proxy;
	atomic_int n_stopped;
};

static void on_stopped(pyr_daemon *daemon, void *data)
{
	struct here *here = data;

	CHECK(daemon == here->daemon);
	atomic_fetch_add(&here->n_stopped, 1);
}

static void here_open(struct here *here)
{
	const char *uri;

	here->daemon = pyr_daemon_new(&(struct pyr_daemon_options){ .threads = 1 });
	atomic_init(&here->n_stopped, 0);
	work_init(&here->work, here->daemon);
	uri = e2e_Work_register(here->daemon, "work", &work_methods, &here->work);
	REQUIRE(uri != NULL);
	here->proxy = e2e_Work_proxy(uri);
	REQUIRE(here->proxy != NULL);
	CHECK_INT(pyr_daemon_start(here->daemon, on_stopped, here), 0);
}

static void here_close(struct here *here)
{
	pyr_daemon_stop(here->daemon);
	CHECK(loop_until(&here->n_stopped, 1));
	e2e_Work_free(here->proxy);
	pyr_daemon_free(here->daemon);
	work_fini(&here->work);
}

struct sum {
	atomic_int n;
	int32_t value;
	int status;
	struct e2e_Work *again; /* called by the callback, as long as */
	int left;
};

static void on_sum(pyr_future *future, void *data)
{
	struct sum *sum = data;

	note();
	sum->status = e2e_Work_add_get(future, &sum->value);
	atomic_fetch_add(&sum->n, 1);
	if (sum->again && sum->left-- > 0)
		CHECK_INT(e2e_Work_add_async(sum->again, sum->value, 1, on_sum, sum), 0);
}

/* ---- */

TEST(callbacks_move_from_their_thread_to_the_loop)
{
	pyr_timer *timer = pyr_timer_new(NULL, on_timer, NULL);
	int64_t until = engine_now() + PATIENCE_MS * (int64_t)ENGINE_MS;

	REQUIRE(timer != NULL);
	CHECK_INT(pyr_timer_set(timer, 0), 0);
	while (atomic_load(&n_ran) == 0 && engine_now() < until)
		sched_yield();
	CHECK(atomic_load(&n_ran) == 1 && !is_here());
	REQUIRE(pyr_fd() >= 0);
	CHECK_INT(pyr_fd(), pyr_fd());
	CHECK_INT(pyr_timer_set(timer, 5), 0);
	CHECK(loop_until(&n_ran, 2));
	CHECK(is_here());
	pyr_timer_free(timer);
}

TEST(g4_a_daemon_and_its_client_share_the_loop)
{
	struct here here;
	struct sum sum = { .left = 100 };

	here_open(&here);
	sum.again = here.proxy;
	CHECK_INT(e2e_Work_add_async(here.proxy, 1, 2, on_sum, &sum), 0);
	CHECK(loop_until(&sum.n, 101));
	CHECK_INT(sum.status, 0);
	CHECK_INT(sum.value, 103);
	CHECK(is_here());
	work_open(&here.work, 1);
	CHECK_INT(e2e_Work_post(here.proxy, 1), 0);
	atomic_store(&sum.n, 0);
	sum.left = 0;
	CHECK_INT(e2e_Work_add_async(here.proxy, 1, 2, on_sum, &sum), 0);
	CHECK(loop_until(&sum.n, 1));
	CHECK(pthread_equal(here.work.last_thread, pthread_self()));
	here_close(&here);
}

/* Other daemons: the one of a place, in a thread of its own, too. */
TEST(g5_several_daemons_are_served_by_one_loop)
{
	struct here here[2];
	struct place place;
	struct e2e_Work *away;
	struct sum sums[3] = { 0 };
	int i;

	REQUIRE(place_open(&place, NULL));
	away = e2e_Work_proxy(place.uri);
	for (i = 0; i < 2; i++)
		here_open(&here[i]);
	for (i = 0; i < 3; i++) {
		sums[i].again = i < 2 ? here[1 - i].proxy : away;
		sums[i].left = 50;
		CHECK_INT(e2e_Work_add_async(sums[i].again, i, 0, on_sum, &sums[i]), 0);
	}
	for (i = 0; i < 3; i++) {
		CHECK(loop_until(&sums[i].n, 51));
		CHECK_INT(sums[i].status, 0);
		CHECK_INT(sums[i].value, i + 50);
	}
	for (i = 0; i < 2; i++)
		here_close(&here[i]);
	e2e_Work_free(away);
	CHECK_INT(place_close(&place), 0);
}

static void *call_blocking(void *data)
{
	struct e2e_Work *proxy = e2e_Work_proxy(pyr_proxy_uri(e2e_Work_as_proxy(data)));
	int32_t i, sum = 0;

	for (i = 0; i < 200; i++)
		CHECK_INT(e2e_Work_add(proxy, sum, 1, &sum), 0);
	CHECK_INT(sum, 200);
	e2e_Work_free(proxy);
	note();
	return NULL;
}

TEST(other_threads_call_the_daemon_of_the_loop)
{
	struct here here;
	pthread_t threads[3];
	int i;

	here_open(&here);
	atomic_store(&n_ran, 0);
	for (i = 0; i < 3; i++)
		REQUIRE(engine_thread(&threads[i], call_blocking, here.proxy) == 0);
	CHECK(loop_until(&n_ran, 3));
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	here_close(&here);
}

/* Into its own loop that would wait for ever; elsewhere it only holds the loop up. */
TEST(a_blocking_call_in_the_loop_gets_its_answer)
{
	struct here here;
	struct place place;
	struct pyr_string_seq uris = { 0 };
	struct sum sum = { 0 };
	const char *back[2];
	struct e2e_Work *away;
	int32_t value;

	here_open(&here);
	REQUIRE(place_open(&place, NULL));
	away = e2e_Work_proxy(place.uri);
	CHECK_INT(e2e_Work_add(away, 1, 2, &value), 0);
	CHECK_INT(value, 3);
	/* this loop's -> the place's -> this loop's, whose method waits meanwhile */
	back[0] = place.uri;
	back[1] = pyr_proxy_uri(e2e_Work_as_proxy(here.proxy));
	uris = (struct pyr_string_seq){ 2, back };
	pyr_future *future = e2e_Work_relay_start(here.proxy, &uris, 7);
	REQUIRE(future != NULL);
	CHECK_INT(e2e_Work_add_async(away, 1, 2, on_sum, &sum), 0);
	while (!pyr_future_is_ready(future) && pyr_dispatch(100) >= 0)
		;
	CHECK_INT(e2e_Work_relay_get(future), -PYR_ABORTED);
	CHECK_STR(pyr_last_error()->exception, "e2e.Refused");
	CHECK(loop_until(&sum.n, 1));
	e2e_Work_free(away);
	CHECK_INT(place_close(&place), 0);
	here_close(&here);
}

/* ---- the end ---- */

static void free_it(pyr_daemon *daemon, void *data)
{
	note();
	pyr_daemon_free(daemon);
	*(pyr_daemon **)data = NULL;
}

TEST(a_daemon_may_be_freed_when_its_end_is_told)
{
	pyr_daemon *daemon = pyr_daemon_new(NULL);

	CHECK_INT(pyr_daemon_start(daemon, free_it, &daemon), 0);
	atomic_store(&n_ran, 0);
	pyr_daemon_stop(daemon);
	CHECK(loop_until(&n_ran, 1));
	CHECK(!daemon && is_here());
}

TEST(a_daemon_is_freed_by_the_loop_while_it_runs)
{
	struct here here;

	here_open(&here);
	CHECK_INT(e2e_Work_post(here.proxy, 1), 0); /* queued, and dropped */
	e2e_Work_free(here.proxy);
	pyr_daemon_free(here.daemon);
	work_fini(&here.work);
	while (pyr_dispatch(20) > 0)
		;
	CHECK_INT(atomic_load(&here.n_stopped), 0);
}

TEST(a_call_that_runs_is_answered_before_the_end)
{
	struct here here;
	pyr_future *held;
	int32_t value = 0;
	struct sum sum = { 0 };

	here_open(&here);
	held = e2e_Work_hold_start(here.proxy, 3);
	REQUIRE(held != NULL);
	CHECK_INT(e2e_Work_add_async(here.proxy, 1, 2, on_sum, &sum), 0);
	CHECK(loop_until(&sum.n, 1));
	pyr_daemon_stop(here.daemon);
	CHECK_INT(e2e_Work_hold_reply(here.work.held[3].deferred, 9), 0);
	here.work.held[3].deferred = NULL;
	here_close(&here);
	CHECK_INT(e2e_Work_hold_get(held, &value), 0);
	CHECK_INT(value, 9);
}

/* ---- what is refused ---- */

static void dispatch_in_callback(pyr_timer *timer, void *data)
{
	(void)timer;
	*(int *)data = pyr_dispatch(0);
	note();
}

TEST(it_is_not_entered_twice)
{
	int result = 0;
	pyr_timer *timer = pyr_timer_new(NULL, dispatch_in_callback, &result);

	atomic_store(&n_ran, 0);
	CHECK_INT(pyr_timer_set(timer, 0), 0);
	CHECK(loop_until(&n_ran, 1));
	CHECK_INT(result, -PYR_FAILED_PRECONDITION);
	pyr_timer_free(timer);
	REQUIRE(engine_loop_claim());
	CHECK_INT(pyr_dispatch(0), -PYR_FAILED_PRECONDITION);
	engine_loop_leave();
}

TEST(a_daemon_of_the_loop_has_one_thread_and_one_run)
{
	pyr_daemon *pool = pyr_daemon_new(&(struct pyr_daemon_options){ .threads = 2 });
	struct here here;

	CHECK_INT(pyr_daemon_start(pool, NULL, NULL), -PYR_FAILED_PRECONDITION);
	CHECK_INT(pyr_daemon_start(NULL, NULL, NULL), -PYR_INVALID_ARGUMENT);
	pyr_daemon_free(pool);
	here_open(&here);
	CHECK_INT(pyr_daemon_start(here.daemon, NULL, NULL), -PYR_FAILED_PRECONDITION);
	CHECK_INT(pyr_daemon_run(here.daemon), -PYR_FAILED_PRECONDITION);
	here_close(&here);
}

/* ---- idle ---- */

/* How often threads of this process have gone to sleep. */
static long n_switches(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	char path[300], line[200];
	long n = 0, one;
	FILE *file;

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
		file = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
		while (file && fgets(line, sizeof(line), file))
			if (sscanf(line, "voluntary_ctxt_switches: %ld", &one) == 1)
				n += one;
		if (file)
			fclose(file);
	}
	if (dir)
		closedir(dir);
	return n;
}

/* With a connection that stands, and a timer far away. What came before may take a moment to be
 * over: then a later second is quiet. gRPC core has threads of its own, which are not. */
TEST(nothing_wakes_up_while_nothing_happens)
{
	const char *lane = getenv("PYRITE_LANE");
	bool is_core = lane && strcmp(lane, "grpc") == 0;
	pyr_timer *timer = pyr_timer_new(NULL, on_timer, NULL);
	struct here here;
	struct sum sum = { 0 };
	long before, n = -1;
	int i;

	here_open(&here);
	CHECK_INT(e2e_Work_add_async(here.proxy, 1, 2, on_sum, &sum), 0);
	CHECK(loop_until(&sum.n, 1));
	CHECK_INT(pyr_timer_set(timer, 3600 * 1000), 0);
	for (i = 0; i < 10 && n != 0 && !is_core; i++) {
		before = n_switches();
		(void)pyr_dispatch(500);
		n = n_switches() - before - 1; /* this one's */
	}
	CHECK(n == 0 || is_core);
	pyr_timer_free(timer);
	here_close(&here);
}

int main(void)
{
	static const struct test_case tests[] = {
		T(callbacks_move_from_their_thread_to_the_loop),
		T(g4_a_daemon_and_its_client_share_the_loop),
		T(g5_several_daemons_are_served_by_one_loop),
		T(other_threads_call_the_daemon_of_the_loop),
		T(a_blocking_call_in_the_loop_gets_its_answer),
		T(a_daemon_may_be_freed_when_its_end_is_told),
		T(a_daemon_is_freed_by_the_loop_while_it_runs),
		T(a_call_that_runs_is_answered_before_the_end),
		T(it_is_not_entered_twice),
		T(a_daemon_of_the_loop_has_one_thread_and_one_run),
		T(nothing_wakes_up_while_nothing_happens),
	};

	return test_main("loop", tests, sizeof(tests) / sizeof(tests[0]));
}
