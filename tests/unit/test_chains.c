/* SPDX-License-Identifier: MIT */
/* Calls inside calls that come back to a daemon whose method threads all wait for them. */
#include "servant.h"

#include "test.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { HOPS = 12, CHAINS = 8, CHAIN_MS = 20000 };

static struct place a, b;

static void begin(unsigned threads_of_a, unsigned threads_of_b)
{
	REQUIRE(place_open(&a, &(struct pyr_daemon_options){ .threads = threads_of_a }));
	REQUIRE(place_open(&b, &(struct pyr_daemon_options){ .threads = threads_of_b }));
}

static void end(void)
{
	CHECK_INT(place_close(&a), 0);
	CHECK_INT(place_close(&b), 0);
}

/* A, then B, A, B ... Returns what the last hop answered. */
static int go_round(struct e2e_Work *work, int32_t number)
{
	const char *uris[HOPS];
	struct pyr_string_seq hops = { HOPS, uris };
	int i;

	for (i = 0; i < HOPS; i++)
		uris[i] = i % 2 ? a.uri : b.uri;
	return e2e_Work_relay(work, &hops, number);
}

/* A caller, in a thread of its own. */
struct caller {
	pthread_t thread;
	int32_t number, said; /* sent along; what came back with the exception */
	int result;
};

static void *call(void *data)
{
	struct caller *caller = data;
	struct pyr_proxy_options options = { .timeout_ms = CHAIN_MS };
	struct e2e_Work *work = e2e_Work_proxy_with(a.uri, &options);
	const struct e2e_Refused *refused;

	caller->result = go_round(work, caller->number);
	refused = e2e_Refused_caught();
	caller->said = refused ? refused->number : -1;
	e2e_Work_free(work);
	return NULL;
}

static void go_round_at_once(int n)
{
	struct caller callers[CHAINS];
	int i;

	for (i = 0; i < n; i++) {
		callers[i] = (struct caller){ .number = i };
		REQUIRE(pthread_create(&callers[i].thread, NULL, call, &callers[i]) == 0);
	}
	for (i = 0; i < n; i++) {
		pthread_join(callers[i].thread, NULL);
		CHECK_INT(callers[i].result, -PYR_ABORTED);
		CHECK_INT(callers[i].said, i);
	}
}

TEST(a_chain_comes_back_more_often_than_a_pool_has_threads)
{
	begin(2, 2);
	go_round_at_once(1);
	end();
}

TEST(more_chains_than_threads_come_back_at_once)
{
	begin(2, 2);
	go_round_at_once(CHAINS);
	end();
}

static int count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	closedir(dir);
	return n;
}

TEST(threads_beyond_the_pool_end_when_they_have_nothing_to_do)
{
	int n, until = (int)time(NULL) + 20;

	begin(2, 2);
	go_round_at_once(1);
	n = count_threads();
	CHECK(n >= HOPS);
	while (count_threads() >= n - HOPS / 2 && time(NULL) < until)
		poll(NULL, 0, 10);
	CHECK(count_threads() < n - HOPS / 2);
	go_round_at_once(2); /* and come again */
	end();
}

TEST(chains_go_round_serial_daemons_one_by_one)
{
	begin(1, 1);
	go_round_at_once(1);
	end();
}

TEST(chains_go_round_a_pool_and_a_serial_daemon)
{
	begin(4, 1);
	go_round_at_once(1);
	end();
}

/* ---- jobs: what timers call ---- */

static atomic_int n_rounds; /* that timers have been through */

static void call_round(pyr_timer *timer, void *data)
{
	struct caller *caller = data;

	(void)timer;
	call(caller);
	atomic_fetch_add(&n_rounds, 1);
}

/* A timer that fires when its daemon stops already begins a chain that nobody takes any more. */
static void wait_for_rounds(int n)
{
	time_t until = time(NULL) + CHAIN_MS / 1000;

	while (atomic_load(&n_rounds) < n && time(NULL) < until)
		poll(NULL, 0, 5);
	CHECK_INT(atomic_load(&n_rounds), n);
}

TEST(a_timer_of_a_serial_daemon_calls_what_calls_back)
{
	struct caller callers[3] = { { .number = 0 }, { .number = 1 }, { .number = 2 } };
	pyr_timer *timers[3];
	int i;

	begin(1, 1);
	for (i = 0; i < 3; i++) {
		timers[i] = pyr_timer_new(a.daemon, call_round, &callers[i]);
		CHECK_INT(pyr_timer_set(timers[i], 0), 0);
	}
	go_round_at_once(1); /* other calls are not mistaken for theirs */
	wait_for_rounds(3);
	end();
	for (i = 0; i < 3; i++) {
		CHECK_INT(callers[i].result, -PYR_ABORTED);
		CHECK_INT(callers[i].said, i);
		pyr_timer_free(timers[i]);
	}
}

/* ---- no thread is left ---- */

enum { THREADS_MAX = 256, BEYOND = 300 };

static struct e2e_Work *to_a, *to_b;
static atomic_int n_at_b, n_back;

/* a.add() calls b.add(), which calls a.at_once() when all threads of a wait for it. */
static int add_of_a(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	return e2e_Work_add(to_b, x, y, ret) < 0 ? pyr_pass(call) : 0;
}

static int at_once_of_a(pyr_call *call, int32_t value, int32_t *ret)
{
	(void)call;
	atomic_fetch_add(&n_back, 1);
	*ret = value;
	return 0;
}

static int add_of_b(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	time_t until = time(NULL) + 60;

	atomic_fetch_add(&n_at_b, 1);
	while (atomic_load(&n_at_b) < THREADS_MAX && time(NULL) < until)
		poll(NULL, 0, 5);
	return e2e_Work_at_once(to_a, x + y, ret) < 0 ? pyr_pass(call) : 0;
}

static const struct e2e_Work_methods methods_of_a = { .add = add_of_a, .at_once = at_once_of_a };
static const struct e2e_Work_methods methods_of_b = { .add = add_of_b };

TEST(chains_come_back_to_a_daemon_that_can_have_no_more_threads)
{
	struct pyr_proxy_options options = { .timeout_ms = 100000 };
	pyr_future *futures[BEYOND];
	struct e2e_Work *work;
	int32_t sum;
	int i;

	begin(2, BEYOND);
	to_a = e2e_Work_proxy(e2e_Work_register(a.daemon, "there", &methods_of_a, NULL));
	to_b = e2e_Work_proxy(e2e_Work_register(b.daemon, "there", &methods_of_b, NULL));
	work = e2e_Work_proxy_with(pyr_daemon_uri(a.daemon, "there"), &options);
	/* before hundreds of threads start, which may take longer than a connection */
	CHECK_INT(pyr_proxy_bind(e2e_Work_as_proxy(to_a)), 0);
	CHECK_INT(pyr_proxy_bind(e2e_Work_as_proxy(to_b)), 0);
	for (i = 0; i < BEYOND; i++)
		REQUIRE((futures[i] = e2e_Work_add_start(work, i, 1)) != NULL);
	for (i = 0; i < BEYOND; i++) {
		CHECK_INT(e2e_Work_add_get(futures[i], &sum), 0);
		CHECK_INT(sum, i + 1);
	}
	CHECK_INT(atomic_load(&n_back), BEYOND);
	e2e_Work_free(work);
	e2e_Work_free(to_a);
	e2e_Work_free(to_b);
	end();
}

TESTS(chains, T(a_chain_comes_back_more_often_than_a_pool_has_threads),
      T(more_chains_than_threads_come_back_at_once),
      T(threads_beyond_the_pool_end_when_they_have_nothing_to_do),
      T(chains_go_round_serial_daemons_one_by_one), T(chains_go_round_a_pool_and_a_serial_daemon),
      T(a_timer_of_a_serial_daemon_calls_what_calls_back),
      T(chains_come_back_to_a_daemon_that_can_have_no_more_threads))
