/* SPDX-License-Identifier: MIT */
/* A pool that can have no more threads: 256 methods wait, and many calls are queued. What an event
 * costs is counted in steps: in calls and waiting methods that are looked at. */
#include "exec/exec_own.h"

#include "test.h"

#include <pthread.h>
#include <sched.h>

enum { THREADS_MAX = 256, QUEUED = 15000, STEPS = 80 /* of one event at most */ };

/* A call. Its method does nothing, or waits as long as it is told to. */
struct probe {
	struct exec_task task;
	struct lane lane;
	struct engine_waiter waiter;
	bool waits;
	atomic_bool may_go; /* when it is woken next, it ends */
	atomic_int n_waits, n_runs;
	pthread_t thread;
};

static struct executor *executor;
static pthread_t runner;
static struct probe waiting[THREADS_MAX], queued[QUEUED], late;

static void wait_once(struct probe *p)
{
	struct exec_nest nest;

	REQUIRE(exec_nest_enter(&nest, &p->waiter));
	atomic_fetch_add(&p->n_waits, 1);
	do {
		while (exec_run_nested())
			;
	} while (!engine_wait(&p->waiter, ENGINE_FOREVER));
	exec_nest_leave(&nest);
	while (exec_run_nested())
		;
	atomic_store(&p->waiter.ready, false);
}

static void run_task(struct exec_task *task)
{
	struct probe *p = (struct probe *)task;

	p->thread = pthread_self();
	exec_set_chain(task->chain);
	while (p->waits && !atomic_load(&p->may_go))
		wait_once(p);
	exec_set_chain(NULL);
	atomic_fetch_add(&p->n_runs, 1);
}

static void do_nothing(struct exec_task *task)
{
	(void)task;
}

static const struct exec_task_kind kind = { run_task, do_nothing, do_nothing, do_nothing };

static void init(struct probe *p, char of, unsigned number)
{
	memset(p, 0, sizeof(*p));
	engine_waiter_init(&p->waiter, false);
	p->task.kind = &kind;
	p->task.chain[0] = (uint8_t)of;
	memcpy(p->task.chain + 8, &number, sizeof(number));
}

static void fini(struct probe *p)
{
	engine_waiter_fini(&p->waiter);
	if (p->task.executor)
		exec_unref(p->task.executor);
}

/* Bounded by the test's alarm. */
static void wait_for(atomic_int *n, int value)
{
	while (atomic_load(n) < value)
		sched_yield();
}

static void *work(void *data)
{
	(void)data;
	return exec_work(executor) == 0 ? executor : NULL;
}

static void begin(void)
{
	unsigned i;

	REQUIRE(engine_start() == 0 && (executor = exec_new(2)));
	for (i = 0; i < THREADS_MAX; i++) {
		init(&waiting[i], 'w', i);
		waiting[i].waits = true;
	}
	for (i = 0; i < QUEUED; i++)
		init(&queued[i], 'q', i);
	init(&late, 'l', 0);
}

static void run(void)
{
	REQUIRE(engine_thread(&runner, work, NULL) == 0);
}

/* All threads that the pool can have wait. */
static void fill_pool(void)
{
	unsigned i;

	begin();
	run();
	for (i = 0; i < THREADS_MAX; i++) {
		REQUIRE(exec_submit(executor, &waiting[i].lane, &waiting[i].task));
		wait_for(&waiting[i].n_waits, 1);
	}
}

static void fill_queue(void)
{
	unsigned i;

	for (i = 0; i < QUEUED; i++)
		REQUIRE(exec_submit(executor, &queued[i].lane, &queued[i].task));
}

static void let_go(struct probe *p)
{
	atomic_store(&p->may_go, true);
	engine_wake(&p->waiter);
}

static void finish(void)
{
	void *result;
	unsigned i;

	for (i = 0; i < THREADS_MAX; i++)
		let_go(&waiting[i]);
	while (exec_load(executor) > 0)
		sched_yield();
	exec_stop(executor);
	pthread_join(runner, &result);
	CHECK(result == executor);
	exec_free(executor);
	for (i = 0; i < THREADS_MAX; i++)
		fini(&waiting[i]);
	for (i = 0; i < QUEUED; i++)
		fini(&queued[i]);
	fini(&late);
}

static uint64_t looks(void)
{
	uint64_t n;

	exec_lock(executor);
	n = executor->chains.n_looks;
	exec_unlock(executor);
	return n;
}

/* The method goes on, and waits again. */
static uint64_t cost_of_a_wait(struct probe *p)
{
	uint64_t before = looks();
	int n = atomic_load(&p->n_waits);

	engine_wake(&p->waiter);
	wait_for(&p->n_waits, n + 1);
	return looks() - before;
}

static atomic_int n_jobs;

static void run_job(struct exec_job *job)
{
	(void)job;
	atomic_fetch_add(&n_jobs, 1);
}

TEST(an_event_of_a_full_pool_costs_the_same_whatever_is_queued)
{
	static atomic_size_t backlog;
	struct exec_stall stall = { .backlog = &backlog };
	struct exec_job job = { .run = run_job };
	uint64_t before;

	atomic_store(&n_jobs, 0);
	fill_pool();
	fill_queue();
	CHECK(cost_of_a_wait(&waiting[7]) <= STEPS);
	before = looks();
	exec_resume(executor, &stall);
	CHECK(looks() - before <= STEPS);
	before = looks();
	CHECK(exec_post(executor, &job));
	CHECK(looks() - before <= STEPS);
	CHECK_INT(atomic_load(&n_jobs), 0);
	before = looks();
	REQUIRE(exec_submit(executor, &late.lane, &late.task));
	CHECK(looks() - before <= STEPS);
	finish();
	CHECK_INT(atomic_load(&n_jobs), 1);
	CHECK_INT(atomic_load(&queued[QUEUED - 1].n_runs), 1);
}

/* Of the chain of a method that waits, and none may be run: their link has too much to send. */
TEST(calls_of_one_chain_that_cannot_run_do_not_make_it_dear)
{
	static atomic_size_t backlog;
	struct exec_stall stall = { .backlog = &backlog };
	struct lane lane = { .stall = &stall };
	unsigned i;

	atomic_store(&backlog, 17 << 20);
	fill_pool();
	for (i = 0; i < QUEUED; i++) {
		memcpy(queued[i].task.chain, waiting[7].task.chain, EXEC_CHAIN);
		REQUIRE(exec_submit(executor, &lane, &queued[i].task));
	}
	CHECK(cost_of_a_wait(&waiting[7]) <= STEPS);
	CHECK_INT(atomic_load(&queued[0].n_runs), 0);
	atomic_store(&backlog, 0);
	exec_resume(executor, &stall);
	wait_for(&queued[QUEUED - 1].n_runs, 1); /* in the thread of that method, all of them */
	for (i = 0; i < QUEUED; i++)
		if (!pthread_equal(queued[i].thread, waiting[7].thread))
			break;
	CHECK_INT(i, QUEUED);
	finish();
}

TEST(a_call_is_lent_to_its_method_from_behind_many_others)
{
	fill_pool();
	fill_queue();
	memcpy(late.task.chain, waiting[99].task.chain, EXEC_CHAIN);
	late.lane = (struct lane){ 0 };
	REQUIRE(exec_submit(executor, &queued[5].lane, &late.task));
	wait_for(&late.n_runs, 1);
	CHECK(pthread_equal(late.thread, waiting[99].thread));
	CHECK_INT(atomic_load(&queued[5].n_runs), 0);
	finish();
}

/* It was queued when its method did not wait yet. */
TEST(a_call_that_was_there_before_is_lent_when_its_method_waits)
{
	struct probe *first = &queued[0];

	fill_pool();
	first->waits = true;
	memcpy(late.task.chain, first->task.chain, EXEC_CHAIN);
	fill_queue();
	REQUIRE(exec_submit(executor, &late.lane, &late.task));
	CHECK_INT(atomic_load(&late.n_runs), 0);
	let_go(&waiting[0]); /* its thread takes the first that is queued */
	wait_for(&late.n_runs, 1);
	CHECK(pthread_equal(late.thread, first->thread));
	let_go(first);
	finish();
}

/* The object of both runs one method at a time, and runs another one. */
TEST(a_call_is_lent_when_its_turn_has_come)
{
	static struct exec_turn turn;
	struct probe *owner = &queued[0];

	memset(&turn, 0, sizeof(turn));
	fill_pool();
	owner->waits = true;
	owner->task.turn = late.task.turn = &turn;
	memcpy(late.task.chain, waiting[9].task.chain, EXEC_CHAIN);
	REQUIRE(exec_submit(executor, &owner->lane, &owner->task));
	let_go(&waiting[0]);
	wait_for(&owner->n_waits, 1);
	REQUIRE(exec_submit(executor, &late.lane, &late.task));
	REQUIRE(exec_submit(executor, &queued[1].lane, &queued[1].task));
	CHECK_INT(atomic_load(&late.n_runs), 0);
	let_go(owner);
	wait_for(&late.n_runs, 1);
	wait_for(&queued[1].n_runs, 1);
	finish();
}

/* Each of the lanes that wait takes the next along. */
TEST(lanes_whose_link_had_much_to_send_go_on_one_after_the_other)
{
	static atomic_size_t backlog;
	struct exec_stall stall = { .backlog = &backlog };
	uint64_t before;
	unsigned i;

	atomic_store(&backlog, 17 << 20);
	begin();
	for (i = 0; i < QUEUED; i++)
		queued[i].lane.stall = &stall;
	fill_queue();
	REQUIRE(exec_submit(executor, &late.lane, &late.task));
	CHECK(!exec_has_stalled(&stall));
	run();
	wait_for(&late.n_runs, 1);
	CHECK(exec_has_stalled(&stall));
	exec_resume(executor, &stall); /* looks, and still waits */
	CHECK_INT(atomic_load(&queued[0].n_runs), 0);
	before = looks();
	atomic_store(&backlog, 0);
	exec_resume(executor, &stall);
	CHECK(looks() - before <= STEPS);
	for (i = 0; i < QUEUED; i++)
		wait_for(&queued[i].n_runs, 1);
	CHECK(!exec_has_stalled(&stall));
	finish();
}

TESTS(exec_full, T(lanes_whose_link_had_much_to_send_go_on_one_after_the_other),
      T(an_event_of_a_full_pool_costs_the_same_whatever_is_queued),
      T(calls_of_one_chain_that_cannot_run_do_not_make_it_dear),
      T(a_call_is_lent_to_its_method_from_behind_many_others),
      T(a_call_that_was_there_before_is_lent_when_its_method_waits),
      T(a_call_is_lent_when_its_turn_has_come))
