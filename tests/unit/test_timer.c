/* SPDX-License-Identifier: MIT */
/*
 * Timers in each state (armed, queued, running, running and set again) to which each thing happens
 * (it is set again, disarmed, freed by its callback, freed by another thread): in a serial daemon,
 * in a pool, and without a daemon.
 */
#include "test.h"

#include <pyrite/pyrite.h>

#include <pthread.h>
#include <sched.h>

#include "engine/engine.h"

enum { FAR_MS = 1000000, ROUNDS = 200, POOL = 3 };

/* What a timer calls, and what it does to its timer. */
struct probe {
	atomic_int n_begun, n_ended, n_inside, n_most;
	atomic_bool may_end;
	void (*act)(pyr_timer *timer, struct probe *probe); /* before it waits; NULL: nothing */
	void (*end)(pyr_timer *timer, struct probe *probe); /* after that */
	pthread_t thread;
};

static pyr_daemon *daemon_here; /* NULL: the callback thread */
static pthread_t runner;
static unsigned n_threads; /* that callbacks have */

static void on_time(pyr_timer *timer, void *data)
{
	struct probe *probe = data;
	void (*end)(pyr_timer *, struct probe *) = probe->end;
	int n = atomic_fetch_add(&probe->n_inside, 1) + 1;

	if (n > atomic_load(&probe->n_most))
		atomic_store(&probe->n_most, n);
	probe->thread = pthread_self();
	atomic_fetch_add(&probe->n_begun, 1);
	if (probe->act)
		probe->act(timer, probe);
	while (!atomic_load(&probe->may_end))
		sched_yield();
	atomic_fetch_sub(&probe->n_inside, 1);
	atomic_fetch_add(&probe->n_ended, 1);
	if (end) /* else the probe may be gone */
		end(timer, probe);
}

/* Bounded by the test's alarm. */
static void wait_for(atomic_int *n, int value)
{
	while (atomic_load(n) < value)
		sched_yield();
}

static void *run(void *data)
{
	return pyr_daemon_run(data) == 0 ? data : NULL;
}

static void check_in(unsigned threads, void (*body)(void))
{
	void *result = NULL;

	n_threads = threads ? threads : 1;
	daemon_here = NULL;
	if (threads > 0) {
		daemon_here = pyr_daemon_new(&(struct pyr_daemon_options){ .threads = threads });
		REQUIRE(daemon_here != NULL);
		REQUIRE(pthread_create(&runner, NULL, run, daemon_here) == 0);
	}
	body();
	if (!daemon_here)
		return;
	pyr_daemon_stop(daemon_here);
	pthread_join(runner, &result);
	CHECK(result == daemon_here);
	pyr_daemon_free(daemon_here);
}

/* TEST whose body runs in all three. */
#define EACH(name)                                                                                 \
	static void name##_body(void);                                                             \
	TEST(name)                                                                                 \
	{                                                                                          \
		check_in(1, name##_body);                                                          \
		check_in(POOL, name##_body);                                                       \
		check_in(0, name##_body);                                                          \
	}                                                                                          \
	static void name##_body(void)

static pyr_timer *new_timer(struct probe *probe)
{
	pyr_timer *timer = pyr_timer_new(daemon_here, on_time, probe);

	REQUIRE(timer != NULL);
	return timer;
}

/* ---- the runtime's thread has fired all that is due by now ---- */

static atomic_int n_settled;

static void on_settled(struct engine_timer *timer)
{
	(void)timer;
	atomic_fetch_add(&n_settled, 1);
}

static void settle(void)
{
	struct engine_timer marker = { .fire = on_settled };
	int before = atomic_load(&n_settled);

	REQUIRE(engine_timer_set(&marker, engine_now()) == 0);
	wait_for(&n_settled, before + 1);
	engine_timer_cancel(&marker);
}

/* ---- all threads of the callbacks are busy ---- */

static struct probe busy[POOL];
static pyr_timer *busy_timers[POOL];

static void block(void)
{
	unsigned i;

	for (i = 0; i < n_threads; i++) {
		memset(&busy[i], 0, sizeof(busy[i]));
		busy_timers[i] = new_timer(&busy[i]);
		CHECK_INT(pyr_timer_set(busy_timers[i], 0), 0);
		wait_for(&busy[i].n_begun, 1);
	}
}

static void release(void)
{
	unsigned i;

	for (i = 0; i < n_threads; i++) {
		atomic_store(&busy[i].may_end, true);
		wait_for(&busy[i].n_ended, 1);
	}
	for (i = 0; i < n_threads; i++)
		pyr_timer_free(busy_timers[i]);
}

/* What is queued has its turn: then all threads were free at one time. */
static void drain(void)
{
	block();
	release();
}

static void unblock(void)
{
	release();
	drain();
}

/* Returns one whose callback waits for a thread. */
static pyr_timer *queued(struct probe *probe)
{
	pyr_timer *timer = new_timer(probe);

	atomic_store(&probe->may_end, true);
	block();
	CHECK_INT(pyr_timer_set(timer, 0), 0);
	settle();
	return timer;
}

/* ---- armed ---- */

EACH(g10_a_timer_calls_back_once_for_each_time_it_is_set)
{
	struct probe probe = { .may_end = true };
	pyr_timer *timer = new_timer(&probe);
	int i;

	for (i = 1; i <= ROUNDS; i++) {
		CHECK_INT(pyr_timer_set(timer, 0), 0);
		wait_for(&probe.n_ended, i);
	}
	settle();
	drain();
	CHECK_INT(atomic_load(&probe.n_begun), ROUNDS);
	pyr_timer_free(timer);
}

EACH(one_that_is_armed_can_be_set_again)
{
	struct probe probe = { .may_end = true };
	pyr_timer *timer = new_timer(&probe);

	CHECK_INT(pyr_timer_set(timer, FAR_MS), 0);
	CHECK_INT(pyr_timer_set(timer, 0), 0);
	wait_for(&probe.n_ended, 1);
	CHECK_INT(pyr_timer_set(timer, 0), 0);
	CHECK_INT(pyr_timer_set(timer, FAR_MS), 0);
	pyr_timer_free(timer);
	CHECK(atomic_load(&probe.n_begun) <= 2); /* it may have begun in between */
}

EACH(one_that_is_armed_can_be_disarmed)
{
	struct probe probe = { .may_end = true };
	pyr_timer *timer = new_timer(&probe);

	CHECK(!pyr_timer_disarm(timer));
	CHECK_INT(pyr_timer_set(timer, FAR_MS), 0);
	CHECK(pyr_timer_disarm(timer));
	CHECK(!pyr_timer_disarm(timer));
	CHECK_INT(pyr_timer_set(timer, 0), 0); /* and set again */
	wait_for(&probe.n_ended, 1);
	CHECK(!pyr_timer_disarm(timer));
	pyr_timer_free(timer);
}

EACH(one_that_is_armed_can_be_freed)
{
	struct probe probe = { .may_end = true };
	pyr_timer *timer;
	int i;

	for (i = 0; i < ROUNDS; i++) { /* at any point on its way */
		timer = new_timer(&probe);
		CHECK_INT(pyr_timer_set(timer, i % 2 ? FAR_MS : 0), 0);
		pyr_timer_free(timer);
		CHECK_INT(atomic_load(&probe.n_inside), 0);
	}
}

/* ---- queued ---- */

EACH(one_that_is_queued_can_be_set_again)
{
	struct probe probe = { .act = NULL };
	pyr_timer *timer = queued(&probe);

	CHECK_INT(pyr_timer_set(timer, FAR_MS), 0);
	unblock();
	CHECK_INT(atomic_load(&probe.n_begun), 0);
	CHECK_INT(pyr_timer_set(timer, 0), 0);
	wait_for(&probe.n_ended, 1);
	pyr_timer_free(timer);
}

EACH(one_that_is_queued_and_becomes_due_again_calls_back_once)
{
	struct probe probe = { .act = NULL };
	pyr_timer *timer = queued(&probe);

	CHECK_INT(pyr_timer_set(timer, 0), 0);
	settle();
	unblock();
	CHECK_INT(atomic_load(&probe.n_begun), 1);
	pyr_timer_free(timer);
}

EACH(one_that_is_queued_can_be_disarmed)
{
	struct probe probe = { .act = NULL };
	pyr_timer *timer = queued(&probe);

	CHECK(pyr_timer_disarm(timer));
	unblock();
	CHECK_INT(atomic_load(&probe.n_begun), 0);
	pyr_timer_free(timer);
}

EACH(one_that_is_queued_can_be_freed)
{
	struct probe probe = { .act = NULL };

	pyr_timer_free(queued(&probe));
	unblock();
	CHECK_INT(atomic_load(&probe.n_begun), 0);
}

/* ---- running ---- */

static void set_now(pyr_timer *timer, struct probe *probe)
{
	if (atomic_load(&probe->n_begun) > 3)
		return;
	CHECK_INT(pyr_timer_set(timer, 0), 0);
	settle(); /* it is due, and what is due is queued */
}

EACH(one_that_sets_itself_and_outlasts_its_period_is_entered_once_at_a_time)
{
	struct probe probe = { .may_end = true, .act = set_now };
	pyr_timer *timer = new_timer(&probe);

	CHECK_INT(pyr_timer_set(timer, 0), 0);
	wait_for(&probe.n_ended, 4);
	CHECK_INT(atomic_load(&probe.n_most), 1);
	pyr_timer_free(timer);
}

EACH(one_that_runs_can_be_set_again_by_another_thread)
{
	struct probe probe = { .act = NULL };
	pyr_timer *timer = new_timer(&probe);

	CHECK_INT(pyr_timer_set(timer, 0), 0);
	wait_for(&probe.n_begun, 1);
	CHECK_INT(pyr_timer_set(timer, 0), 0);
	settle();
	CHECK_INT(atomic_load(&probe.n_begun), 1);
	atomic_store(&probe.may_end, true);
	wait_for(&probe.n_ended, 2);
	CHECK_INT(atomic_load(&probe.n_most), 1);
	pyr_timer_free(timer);
}

static void disarm(pyr_timer *timer, struct probe *probe)
{
	set_now(timer, probe);
	CHECK(pyr_timer_disarm(timer));
	CHECK(!pyr_timer_disarm(timer));
}

EACH(one_that_runs_and_is_set_again_can_be_disarmed)
{
	struct probe probe = { .may_end = true, .act = disarm };
	pyr_timer *timer = new_timer(&probe);

	CHECK_INT(pyr_timer_set(timer, 0), 0);
	wait_for(&probe.n_ended, 1);
	settle();
	drain();
	CHECK_INT(atomic_load(&probe.n_begun), 1);
	pyr_timer_free(timer);
}

static void free_it(pyr_timer *timer, struct probe *probe)
{
	(void)probe;
	pyr_timer_free(timer);
}

EACH(one_that_runs_can_be_freed_by_its_callback)
{
	struct probe probes[ROUNDS] = { { .act = NULL } };
	int i;

	for (i = 0; i < ROUNDS; i++) {
		probes[i].may_end = true;
		probes[i].act = free_it;
		CHECK_INT(pyr_timer_set(new_timer(&probes[i]), 0), 0);
	}
	for (i = 0; i < ROUNDS; i++)
		wait_for(&probes[i].n_ended, 1);
}

static void set_and_free(pyr_timer *timer, struct probe *probe)
{
	set_now(timer, probe);
	pyr_timer_free(timer);
}

EACH(one_that_runs_and_is_queued_again_can_be_freed_by_its_callback)
{
	struct probe probe = { .may_end = true, .act = set_and_free };

	CHECK_INT(pyr_timer_set(new_timer(&probe), 0), 0);
	wait_for(&probe.n_ended, 1);
	settle();
	drain();
	CHECK_INT(atomic_load(&probe.n_begun), 1);
}

/* ---- running, and freed by another thread ---- */

static atomic_int n_frees, n_freed;

static void *free_elsewhere(void *timer)
{
	atomic_fetch_add(&n_frees, 1);
	pyr_timer_free(timer);
	atomic_fetch_add(&n_freed, 1);
	return NULL;
}

/* Frees while the callback waits; lets it go, and sees that free waited for it. */
static void check_freed_elsewhere(struct probe *probe)
{
	pyr_timer *timer = new_timer(probe);
	pthread_t thread;

	atomic_store(&n_frees, 0);
	atomic_store(&n_freed, 0);
	CHECK_INT(pyr_timer_set(timer, 0), 0);
	wait_for(&probe->n_begun, 1);
	REQUIRE(pthread_create(&thread, NULL, free_elsewhere, timer) == 0);
	wait_for(&n_frees, 1);
	settle();
	CHECK_INT(atomic_load(&n_freed), 0);
	atomic_store(&probe->may_end, true);
	pthread_join(thread, NULL);
	CHECK_INT(atomic_load(&probe->n_ended), 1);
	settle();
	drain();
	CHECK_INT(atomic_load(&probe->n_begun), 1);
}

EACH(free_waits_for_the_callback_of_another_thread)
{
	struct probe probe = { .act = NULL };

	check_freed_elsewhere(&probe);
}

EACH(free_waits_for_one_that_has_set_itself_and_is_queued_again)
{
	struct probe probe = { .act = set_now };

	check_freed_elsewhere(&probe);
}

static void set_last(pyr_timer *timer, struct probe *probe)
{
	(void)probe;
	CHECK_INT(pyr_timer_set(timer, 1), 0);
}

/* Its last act, while free waits, is to set itself again. */
EACH(one_that_sets_itself_while_it_is_freed_is_not_called_again)
{
	struct probe probe = { .end = set_last };

	check_freed_elsewhere(&probe);
	CHECK_INT(atomic_load(&probe.n_begun), 1);
}

/* ---- all of it at once ---- */

static void again(pyr_timer *timer, struct probe *probe)
{
	if (atomic_load(&probe->n_begun) % 3)
		CHECK_INT(pyr_timer_set(timer, 0), 0);
}

EACH(timers_may_be_set_disarmed_and_freed_while_they_call_back)
{
	struct probe probes[8] = { { .act = NULL } };
	pyr_timer *timers[8];
	int i, round;

	for (i = 0; i < 8; i++) {
		probes[i].may_end = true;
		probes[i].act = again;
		timers[i] = new_timer(&probes[i]);
	}
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < 8; i++) {
			CHECK_INT(pyr_timer_set(timers[i], 0), 0);
			if ((round + i) % 5 == 0)
				(void)pyr_timer_disarm(timers[i]);
			if ((round + i) % 7)
				continue;
			pyr_timer_free(timers[i]);
			timers[i] = new_timer(&probes[i]);
		}
		settle();
	}
	for (i = 0; i < 8; i++) {
		pyr_timer_free(timers[i]);
		CHECK_INT(atomic_load(&probes[i].n_inside), 0);
		CHECK(atomic_load(&probes[i].n_most) <= 1);
	}
}

TEST(a_timer_that_is_queued_when_its_daemon_ends_calls_back_in_the_thread_that_frees_that)
{
	struct probe probe = { .may_end = true };
	pyr_timer *timer;

	daemon_here = pyr_daemon_new(NULL);
	REQUIRE(daemon_here != NULL);
	timer = new_timer(&probe);
	CHECK_INT(pyr_timer_set(timer, 0), 0);
	settle();
	pyr_daemon_free(daemon_here); /* it never ran */
	CHECK_INT(atomic_load(&probe.n_ended), 1);
	CHECK(pthread_equal(probe.thread, pthread_self()));
	CHECK_INT(pyr_timer_set(timer, 0), 0);
	settle();
	CHECK_INT(atomic_load(&probe.n_begun), 1); /* nobody is left to call back */
	pyr_timer_free(timer);
}

TEST(null_timers_are_answered)
{
	CHECK(pyr_timer_new(NULL, NULL, NULL) == NULL);
	pyr_error_free(pyr_error_take());
	CHECK_INT(pyr_timer_set(NULL, 0), -PYR_INVALID_ARGUMENT);
	CHECK(!pyr_timer_disarm(NULL));
	pyr_timer_free(NULL);
}

TESTS(timer, T(g10_a_timer_calls_back_once_for_each_time_it_is_set),
      T(one_that_is_armed_can_be_set_again), T(one_that_is_armed_can_be_disarmed),
      T(one_that_is_armed_can_be_freed), T(one_that_is_queued_can_be_set_again),
      T(one_that_is_queued_and_becomes_due_again_calls_back_once),
      T(one_that_is_queued_can_be_disarmed), T(one_that_is_queued_can_be_freed),
      T(one_that_sets_itself_and_outlasts_its_period_is_entered_once_at_a_time),
      T(one_that_runs_can_be_set_again_by_another_thread),
      T(one_that_runs_and_is_set_again_can_be_disarmed),
      T(one_that_runs_can_be_freed_by_its_callback),
      T(one_that_runs_and_is_queued_again_can_be_freed_by_its_callback),
      T(free_waits_for_the_callback_of_another_thread),
      T(free_waits_for_one_that_has_set_itself_and_is_queued_again),
      T(one_that_sets_itself_while_it_is_freed_is_not_called_again),
      T(timers_may_be_set_disarmed_and_freed_while_they_call_back),
      T(a_timer_that_is_queued_when_its_daemon_ends_calls_back_in_the_thread_that_frees_that),
      T(null_timers_are_answered))
