/* SPDX-License-Identifier: MIT */
/* Many calls at a time: futures, and what is done with several of them; oneways of one proxy. */
#include "heard.h"

#include <dirent.h>
#include <sched.h>
#include <stdint.h>
#include <sys/prctl.h>

/* Core names its threads, and has more or less of them as it thinks fit; ours have the program's.
 */
static bool is_ours(const char *task)
{
	char path[300], name[32] = "", own[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task);
	if ((file = fopen(path, "r")) && fgets(name, sizeof(name), file))
		name[strcspn(name, "\n")] = '\0';
	if (file)
		fclose(file);
	prctl(PR_GET_NAME, own);
	return strcmp(name, own) == 0 || strncmp(name, "pyrite", 6) == 0;
}

static int count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *task;
	int n = 0;

	while (dir && (task = readdir(dir)))
		n += is_ours(task->d_name);
	if (dir)
		closedir(dir);
	return n;
}

/* Waits until there are no more of them than that: core may open and close one at any time. */
static bool is_at_most(int (*count)(void), int n)
{
	int64_t until = now_ms() + PATIENCE_MS;

	while (count() > n && now_ms() < until)
		sched_yield();
	return count() <= n;
}

/* All method threads are there once all of them run a method at once. */
static void use_all_threads(void)
{
	pyr_future *futures[4];
	int i;

	for (i = 0; i < n_method_threads; i++)
		REQUIRE((futures[i] = e2e_Work_pass_start(work, 1)) != NULL);
	CHECK(work_has_inside(&place.work, n_method_threads));
	work_open(&place.work, 1);
	for (i = 0; i < n_method_threads; i++)
		CHECK_INT(e2e_Work_pass_get(futures[i]), 0);
}

EVERYWHERE(d5_a_thousand_futures_need_no_thread_and_no_connection)
{
	enum { N = 1000 };
	static pyr_future *futures[N];
	int32_t sum;
	int i, n_before, n_fds;

	use_all_threads();
	n_before = count_threads();
	n_fds = test_open_fds();
	for (i = 0; i < N; i++)
		REQUIRE((futures[i] = e2e_Work_add_start(work, i, 1)) != NULL);
	CHECK(is_at_most(count_threads, n_before));
	CHECK(is_at_most(test_open_fds, n_fds));
	CHECK_INT(pyr_future_wait_all(futures, N, -1), 0);
	CHECK(is_at_most(count_threads, n_before));
	for (i = 0; i < N; i++) {
		CHECK_INT(e2e_Work_add_get(futures[i], &sum), 0);
		CHECK_INT(sum, i + 1);
	}
}

EVERYWHERE(d5_a_thousand_callbacks_share_one_thread)
{
	enum { N = 1000 };
	struct heard heard;
	int i, n_before;

	heard_init(&heard);
	use_all_threads();
	CHECK_INT(pyr_future_then(e2e_Work_add_start(work, 1, 1), on_add, &heard), 0);
	CHECK(hears(&heard, 1)); /* the callback thread is there */
	n_before = count_threads();
	for (i = 0; i < N; i++)
		REQUIRE(pyr_future_then(e2e_Work_add_start(work, i, 1), on_add, &heard) == 0);
	CHECK(hears(&heard, N + 1));
	CHECK(is_at_most(count_threads, n_before));
}

EVERYWHERE(gather_waits_for_all_and_tells_the_first_that_failed)
{
	pyr_future *futures[4];
	int i;

	futures[0] = e2e_Work_add_start(work, 1, 1);
	futures[1] = e2e_Work_hold_start(work, 1);
	futures[2] = e2e_Work_miss_start(work, "this");
	futures[3] = e2e_Work_hold_start(work, 99);
	CHECK_INT(pyr_future_wait_all(futures, 4, 10), -PYR_DEADLINE_EXCEEDED);
	CHECK_HAS(pyr_errmsg(), "not ready within 10 ms");
	CHECK(work_holds(&place.work, 1));
	CHECK_INT(e2e_Work_answer(work, 1, 7), 0);
	CHECK_INT(pyr_future_wait_all(futures, 4, -1), -PYR_NOT_FOUND);
	REQUIRE(e2e_Missing_caught() != NULL);
	CHECK_STR(e2e_Missing_caught()->what, "this");
	for (i = 0; i < 4; i++)
		pyr_future_free(futures[i]);
	futures[0] = e2e_Work_add_start(work, 1, 1);
	futures[1] = NULL;
	CHECK_INT(pyr_future_wait_all(futures, 2, -1), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "futures[1] is NULL");
	pyr_future_free(futures[0]);
	CHECK_INT(pyr_future_wait_all(NULL, 0, 0), 0);
	CHECK_INT(pyr_future_wait_all(NULL, 1, 0), -PYR_INVALID_ARGUMENT);
}

EVERYWHERE(wait_any_tells_one_that_is_ready_and_skips_those_that_were_taken)
{
	struct pyr_call_options soon = { .timeout_ms = 50 };
	pyr_future *futures[4] = { NULL }, *answer;
	int32_t n = 0;

	futures[0] = e2e_Work_hold_start(work, 1);
	futures[2] = e2e_Work_hold_start(work, 2);
	CHECK_INT(pyr_future_wait_any(futures, 4, 10), -PYR_DEADLINE_EXCEEDED);
	CHECK_HAS(pyr_errmsg(), "not ready within 10 ms");
	CHECK(work_holds(&place.work, 2));
	futures[3] = e2e_Work_hold_start(e2e_Work_with(work, &soon), 3);
	CHECK_INT(pyr_future_wait_any(futures, 4, -1), 3); /* nobody else looks at its deadline */
	CHECK_INT(e2e_Work_hold_get(futures[3], &n), -PYR_DEADLINE_EXCEEDED);
	futures[3] = NULL;
	CHECK_INT(e2e_Work_answer(work, 2, 7), 0);
	CHECK_INT(pyr_future_wait_any(futures, 4, -1), 2);
	CHECK_INT(pyr_future_wait_any(futures, 4, 0), 2); /* it was not taken */
	CHECK_INT(e2e_Work_hold_get(futures[2], &n), 0);
	CHECK_INT(n, 7);
	futures[2] = NULL;
	answer = e2e_Work_answer_start(work, 1, 8);
	CHECK_INT(pyr_future_wait_any(futures, 4, -1), 0);
	CHECK_INT(e2e_Work_hold_get(futures[0], &n), 0);
	CHECK_INT(n, 8);
	CHECK_INT(e2e_Work_answer_get(answer), 0);
}

EVERYWHERE(wait_any_refuses_what_will_never_be_ready)
{
	pyr_future *futures[2] = { NULL };

	CHECK_INT(pyr_future_wait_any(futures, 2, -1), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "no future");
	CHECK_INT(pyr_future_wait_any(NULL, 0, -1), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_future_wait_any(NULL, 1, -1), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "futures is NULL");
	futures[1] = e2e_Work_hold_start(work, 1);
	CHECK_INT(pyr_future_wait_any(futures, 2, 0), -PYR_DEADLINE_EXCEEDED);
	CHECK_INT(pyr_future_then(futures[1], NULL, NULL), 0); /* the hook is free again */
	CHECK_INT(pyr_future_wait_any(futures, 2, -1), -PYR_FAILED_PRECONDITION);
	CHECK_HAS(pyr_errmsg(), "futures[1] already has a callback");
	pyr_future_free(futures[1]);
}

struct mapped {
	size_t n_started, n_got, n_most;
	size_t fail_start, fail_get; /* the input that fails */
	int32_t sums[200];
};

static pyr_future *start_add(size_t i, void *data)
{
	struct mapped *m = data;

	m->n_started++;
	if (m->n_started - m->n_got > m->n_most)
		m->n_most = m->n_started - m->n_got;
	if (i == m->fail_start)
		return e2e_Work_echo_start(work, NULL);
	return e2e_Work_add_start(work, (int32_t)i, 1000);
}

static int get_add(size_t i, pyr_future *future, void *data)
{
	struct mapped *m = data;

	CHECK_INT(i, m->n_got); /* in order */
	m->n_got++;
	if (i != m->fail_get)
		return e2e_Work_add_get(future, &m->sums[i]);
	pyr_future_free(future);
	return -PYR_ABORTED;
}

EVERYWHERE(map_keeps_a_window_of_calls_and_their_order)
{
	struct mapped m = { .fail_start = SIZE_MAX, .fail_get = SIZE_MAX };
	int i;

	CHECK_INT(pyr_map(200, 7, start_add, get_add, &m), 0);
	CHECK_INT(m.n_started, 200);
	CHECK_INT(m.n_got, 200);
	CHECK_INT(m.n_most, 7);
	for (i = 0; i < 200; i++)
		CHECK_INT(m.sums[i], 1000 + i);
	m.n_started = m.n_got = m.n_most = 0;
	CHECK_INT(pyr_map(200, 0, start_add, get_add, &m), 0);
	CHECK_INT(m.n_most, 64);
	CHECK_INT(pyr_map(0, 0, start_add, get_add, &m), 0);
	CHECK_INT(pyr_map(1, 1, NULL, get_add, &m), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_map(1, 1, start_add, NULL, &m), -PYR_INVALID_ARGUMENT);
}

EVERYWHERE(map_ends_with_the_first_failure)
{
	struct mapped m = { .fail_start = 20, .fail_get = SIZE_MAX };

	CHECK_INT(pyr_map(200, 7, start_add, get_add, &m), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "'text' is NULL");
	CHECK_INT(m.n_started, 21);
	CHECK_INT(m.n_got, 14);
	m = (struct mapped){ .fail_start = SIZE_MAX, .fail_get = 20 };
	CHECK_INT(pyr_map(200, 7, start_add, get_add, &m), -PYR_ABORTED);
	CHECK_INT(m.n_started, 27);
	CHECK_INT(m.n_got, 21);
}

/* Calls that fail: every third, and one that does not start. */
static pyr_future *start_some(size_t i, void *data)
{
	(void)data;
	return i == 4 ? e2e_Work_echo_start(work, NULL)
		      : e2e_Work_returns_start(work, i % 3 == 0 ? -PYR_NOT_FOUND : 0);
}

static int get_some(size_t i, pyr_future *future, void *data)
{
	*(size_t *)data += i;
	return e2e_Work_returns_get(future, NULL);
}

EVERYWHERE(map_all_goes_on_and_tells_which_failed)
{
	enum { N = 30 };
	int status[N], i, expected;
	size_t sum = 0;

	CHECK_INT(pyr_map_all(N, 4, start_some, get_some, &sum, status), -PYR_NOT_FOUND);
	CHECK_INT(pyr_last_error()->code, PYR_NOT_FOUND);
	CHECK_INT(sum, N * (N - 1) / 2 - 4); /* each but the one that did not start */
	for (i = 0; i < N; i++) {
		expected = i % 3 == 0 ? -PYR_NOT_FOUND : i == 4 ? -PYR_INVALID_ARGUMENT : 0;
		CHECK_INT(status[i], expected);
	}
	CHECK_INT(pyr_map_all(N, 0, start_some, get_some, &sum, NULL), -PYR_NOT_FOUND);
	CHECK_INT(pyr_map_all(0, 0, start_some, get_some, &sum, NULL), 0);
	CHECK_INT(pyr_map_all(1, 0, start_some, NULL, NULL, status), -PYR_INVALID_ARGUMENT);
}

/* ---- oneway ---- */

EVERYWHERE(t14_oneways_of_a_proxy_run_in_order_and_one_at_a_time)
{
	enum { N = 200 };
	char expected[4096] = "", *log;
	size_t n = 0;
	int i;

	for (i = 0; i < WORK_PLACES; i++)
		work_open(&place.work, i);
	for (i = 0; i < N; i++) {
		int gate = i % WORK_PLACES;

		CHECK_INT(e2e_Work_post(work, gate), 0);
		n += (size_t)snprintf(expected + n, sizeof(expected) - n, "<%d %d> ", gate, gate);
	}
	CHECK_INT(e2e_Work_log(work, &log), 0); /* starts after all of them are through */
	CHECK_STR(log, expected);
	pyr_free(log);
	CHECK_INT(place.work.n_most, 1);
}

TESTS(future_many, T(d5_a_thousand_futures_need_no_thread_and_no_connection),
      T(d5_a_thousand_callbacks_share_one_thread),
      T(gather_waits_for_all_and_tells_the_first_that_failed),
      T(wait_any_tells_one_that_is_ready_and_skips_those_that_were_taken),
      T(wait_any_refuses_what_will_never_be_ready), T(map_keeps_a_window_of_calls_and_their_order),
      T(map_ends_with_the_first_failure), T(map_all_goes_on_and_tells_which_failed),
      T(t14_oneways_of_a_proxy_run_in_order_and_one_at_a_time))
