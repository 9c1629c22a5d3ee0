/* SPDX-License-Identifier: MIT */
/* The process's callbacks when their thread can get no memory. --wrap=calloc. */
#include <pyrite/pyrite.h>

#include "test.h"

#include <pthread.h>
#include <sched.h>

#include "exec/callbacks.h"

static pthread_t tester;
static atomic_bool is_out; /* memory, for all threads but the tester's */

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	bool fails = atomic_load(&is_out) && !pthread_equal(pthread_self(), tester);

	return fails ? NULL : __real_calloc(n, size);
}

static atomic_int n_runs;
static pthread_t ran_in;

static void run_job(struct exec_job *job)
{
	(void)job;
	ran_in = pthread_self();
	atomic_fetch_add(&n_runs, 1);
}

static bool has_run(int n)
{
	int64_t until = engine_now() + 10000 * (int64_t)ENGINE_MS;

	while (atomic_load(&n_runs) < n && engine_now() < until)
		sched_yield();
	return atomic_load(&n_runs) == n;
}

TEST(callbacks_run_though_memory_is_out_in_their_thread)
{
	static struct exec_job first = { .run = run_job }, second = { .run = run_job };
	struct executor *e;

	tester = pthread_self();
	REQUIRE(engine_start() == 0);
	atomic_store(&is_out, true);
	e = callbacks_executor();
	REQUIRE(e != NULL);
	callbacks_post(e, &first);
	CHECK(has_run(1));
	CHECK(!pthread_equal(ran_in, tester));

	/* the thread gives them to the program's loop, without memory as well */
	REQUIRE(pyr_fd() >= 0);
	callbacks_post(e, &second);
	REQUIRE(pyr_dispatch(0) >= 0);
	CHECK_INT(atomic_load(&n_runs), 2);
	CHECK(pthread_equal(ran_in, tester));
	atomic_store(&is_out, false);
}

TESTS(callbacks, T(callbacks_run_though_memory_is_out_in_their_thread))
