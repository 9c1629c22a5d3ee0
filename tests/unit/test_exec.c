/* SPDX-License-Identifier: MIT */
/* Lanes and method threads, with calls that come from nowhere. */
#include "incall/incall.h"

#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include "engine/engine.h"

enum { CALLS = 64 };

/* A call's place in these is its number. */
static struct probe {
	atomic_bool may_go; /* its method returns */
	atomic_int n_begun, n_ended, n_answers, n_releases;
	atomic_int code; /* of its answer */
	pthread_t thread;
} probes[CALLS];

static atomic_int n_inside, n_most;
static char order[4 * CALLS];
static pthread_mutex_t order_lock = PTHREAD_MUTEX_INITIALIZER;

static int method(pyr_call *call, const void *methods, pyr__in *in, pyr__out *out)
{
	struct probe *p = &probes[call->request.number];
	int n = atomic_fetch_add(&n_inside, 1) + 1, most = atomic_load(&n_most);

	(void)methods;
	(void)in;
	(void)out;
	while (n > most && !atomic_compare_exchange_weak(&n_most, &most, n))
		;
	pthread_mutex_lock(&order_lock);
	snprintf(order + strlen(order), sizeof(order) - strlen(order), "%u ", call->request.number);
	pthread_mutex_unlock(&order_lock);
	p->thread = pthread_self();
	atomic_fetch_add(&p->n_begun, 1);
	while (!atomic_load(&p->may_go))
		sched_yield();
	atomic_fetch_sub(&n_inside, 1);
	atomic_fetch_add(&p->n_ended, 1);
	return 0;
}

static const struct pyr__operation operations[] = {
	{ "test.Probe.go", method, NULL, 0, 0, 0, 0, NULL, 1 },
};
static const struct pyr__interface interface = { PYR_GEN_ABI, "test.Probe", operations, 1,
						 1,           NULL,         NULL };

static int dummy(void)
{
	return 0;
}

static int (*const methods[1])(void) = { dummy };

/* Something whose answers may be corked, and how often they left. */
static bool is_corking;
static atomic_int n_flushes;

static void hold(struct exec_cork *cork)
{
	(void)cork;
}

/* What comes in when a thread's short look for more is over, and it is about to sleep: that is when
 * it flushes. */
static void (*after_look)(void);

static void flush(struct exec_cork *cork)
{
	void (*hook)(void) = after_look;

	(void)cork;
	atomic_fetch_add(&n_flushes, 1);
	after_look = NULL;
	if (hook)
		hook();
}

static struct exec_cork cork = { hold, flush };

static void on_reply(pyr_call *call, const struct codec_packer *packer)
{
	(void)packer;
	if (is_corking)
		(void)exec_cork(&cork);
	atomic_fetch_add(&probes[call->request.number].n_answers, 1);
}

static void on_fail(pyr_call *call, const struct error_info *error)
{
	atomic_store(&probes[call->request.number].code, error->code);
	atomic_fetch_add(&probes[call->request.number].n_answers, 1);
}

static void on_release(pyr_call *call)
{
	atomic_fetch_add(&probes[call->request.number].n_releases, 1);
}

static const char *on_peer(const pyr_call *call)
{
	(void)call;
	return "nowhere";
}

static const struct call_origin origin = {
	.reply = on_reply, .fail = on_fail, .release = on_release, .peer = on_peer
};

static struct object_table table;
static struct object *object;
static struct executor *executor;
static pthread_t runner;

static void begin(unsigned threads)
{
	int code;

	memset(probes, 0, sizeof(probes));
	order[0] = '\0';
	atomic_store(&n_most, 0);
	REQUIRE(engine_start() == 0 && objects_init(&table) == 0);
	object = objects_add(&table, codec_interface_get(&interface), "o", "127.0.0.1:1", methods,
			     NULL, &code);
	executor = exec_new(threads);
	REQUIRE(object && executor);
}

static void *work(void *data)
{
	(void)data;
	return exec_work(executor) == 0 ? executor : NULL;
}

static void run(void)
{
	REQUIRE(engine_thread(&runner, work, NULL) == 0);
}

static void stop(void)
{
	void *result;

	exec_stop(executor);
	pthread_join(runner, &result);
	CHECK(result == executor);
}

static void finish(void)
{
	exec_free(executor);
	objects_free(&table);
}

static void submit(struct lane *lane, unsigned number, bool is_oneway)
{
	pyr_call *call = incall_new(&origin, NULL, object, 0);

	REQUIRE(call != NULL);
	call->request.number = number;
	call->is_oneway = call->answer.is_given = is_oneway;
	incall_submit(executor, lane, call);
	incall_unref(call);
}

static void let_go(unsigned first, unsigned last)
{
	for (; first <= last; first++)
		atomic_store(&probes[first].may_go, true);
}

/* Bounded by the test's alarm. */
static void wait_for(atomic_int *n, int value)
{
	while (atomic_load(n) < value)
		sched_yield();
}

TEST(a_lane_starts_its_calls_in_order_and_lanes_take_turns)
{
	struct lane a = { 0 }, b = { 0 };
	unsigned i;

	begin(1);
	let_go(0, CALLS - 1);
	for (i = 0; i < 4; i++)
		submit(&a, i, false);
	for (i = 10; i < 14; i++)
		submit(&b, i, false);
	CHECK_INT(exec_load(executor), 8);
	run();
	wait_for(&probes[13].n_releases, 1);
	wait_for(&probes[3].n_releases, 1);
	stop();
	CHECK_STR(order, "0 10 1 11 2 12 3 13 ");
	CHECK_INT(exec_load(executor), 0);
	CHECK_INT(atomic_load(&n_most), 1);
	for (i = 0; i < 4; i++) {
		CHECK_INT(atomic_load(&probes[i].n_answers), 1);
		CHECK_INT(atomic_load(&probes[i].n_releases), 1);
		CHECK_INT(atomic_load(&probes[i].code), 0);
		CHECK(pthread_equal(probes[i].thread, runner)); /* who called exec_work() */
	}
	finish();
}

TEST(calls_of_a_lane_run_side_by_side)
{
	struct lane a = { 0 };
	unsigned i;

	begin(4);
	for (i = 0; i < 6; i++)
		submit(&a, i, false);
	run();
	for (i = 0; i < 4; i++)
		wait_for(&probes[i].n_begun, 1);
	CHECK_INT(atomic_load(&probes[4].n_begun), 0); /* as many as there are threads */
	let_go(2, 2);
	wait_for(&probes[4].n_begun, 1);
	CHECK_INT(atomic_load(&probes[5].n_begun), 0);
	let_go(0, 5);
	wait_for(&probes[5].n_releases, 1);
	stop();
	CHECK_STR(strstr(order, "4"), "4 5 ");
	CHECK_INT(atomic_load(&n_most), 4);
	finish();
}

/* The same when they come while the threads wait, one by one or many at once. */
TEST(calls_find_idle_threads)
{
	struct lane lanes[8] = { { 0 } };
	unsigned i, round;

	for (round = 0; round < 20; round++) {
		begin(8);
		run();
		memset(lanes, 0, sizeof(lanes));
		for (i = 0; i < 8; i++)
			submit(&lanes[round % 2 ? i : 0], i, false);
		for (i = 0; i < 8; i++)
			wait_for(&probes[i].n_begun, 1);
		let_go(0, 7);
		for (i = 0; i < 8; i++)
			wait_for(&probes[i].n_releases, 1);
		stop();
		finish();
	}
}

TEST(a_oneway_holds_its_lane_and_no_other)
{
	struct lane a = { 0 }, b = { 0 };

	begin(4);
	submit(&a, 0, false);
	submit(&a, 1, true);
	submit(&a, 2, false);
	submit(&b, 3, false);
	run();
	wait_for(&probes[0].n_begun, 1);
	wait_for(&probes[1].n_begun, 1); /* beside the call before it */
	wait_for(&probes[3].n_begun, 1);
	submit(&a, 4, false);
	let_go(0, 0);
	wait_for(&probes[0].n_releases, 1);
	CHECK_INT(atomic_load(&probes[2].n_begun), 0);
	CHECK_INT(atomic_load(&probes[4].n_begun), 0);
	let_go(1, 1);
	wait_for(&probes[2].n_begun, 1);
	wait_for(&probes[4].n_begun, 1);
	let_go(0, CALLS - 1);
	wait_for(&probes[4].n_releases, 1);
	stop();
	CHECK_INT(atomic_load(&probes[1].n_answers), 0); /* it was answered before */
	finish();
}

TEST(a_lane_whose_link_has_much_to_send_waits)
{
	atomic_size_t backlog = 17 << 20;
	struct exec_stall stall = { .backlog = &backlog };
	struct lane a = { .stall = &stall }, b = { 0 };

	begin(2);
	let_go(0, CALLS - 1);
	run();
	submit(&a, 0, false);
	submit(&a, 1, false);
	submit(&b, 2, false);
	wait_for(&probes[2].n_releases, 1);
	exec_resume(executor, &stall); /* looks, and still waits */
	submit(&b, 3, false);
	wait_for(&probes[3].n_releases, 1);
	CHECK_INT(atomic_load(&probes[0].n_begun), 0);
	atomic_store(&backlog, 0);
	exec_resume(executor, &stall);
	wait_for(&probes[0].n_releases, 1);
	wait_for(&probes[1].n_releases, 1);
	stop();
	finish();
}

TEST(what_is_queued_at_the_end_fails)
{
	atomic_size_t backlog = 17 << 20;
	struct lane a = { 0 }, b = { .stall = &(struct exec_stall){ .backlog = &backlog } };
	unsigned i;

	begin(1);
	for (i = 0; i < 5; i++)
		submit(i % 2 ? &b : &a, i, false);
	run();
	wait_for(&probes[0].n_begun, 1);
	exec_stop(executor);
	let_go(0, 0);
	pthread_join(runner, NULL);
	CHECK_INT(atomic_load(&probes[0].n_ended), 1); /* the one that ran is through */
	finish();
	for (i = 0; i < 5; i++) {
		CHECK_INT(atomic_load(&probes[i].n_answers), 1);
		CHECK_INT(atomic_load(&probes[i].n_releases), 1);
		CHECK_INT(atomic_load(&probes[i].code), i ? PYR_UNAVAILABLE : 0);
	}
}

TEST(a_stop_that_comes_first_ends_the_work)
{
	begin(3);
	exec_stop(executor);
	run();
	pthread_join(runner, NULL);
	finish();
}

/* One thread runs two calls and corks the answer of the second, so that it looks for more. */
static void run_and_look(void (*hook)(void))
{
	static struct lane a;

	begin(1);
	memset(&a, 0, sizeof(a));
	atomic_store(&n_flushes, 0);
	is_corking = true;
	after_look = hook;
	let_go(0, CALLS - 1);
	submit(&a, 0, false);
	submit(&a, 1, false);
	run();
}

static void finish_look(void)
{
	pthread_join(runner, NULL);
	CHECK(after_look == NULL);
	CHECK(atomic_load(&n_flushes) > 0);
	is_corking = false;
	finish();
}

static void stop_now(void)
{
	exec_stop(executor);
}

TEST(a_stop_that_comes_between_a_look_and_sleep_ends_the_work)
{
	run_and_look(stop_now);
	finish_look();
}

static void run_job(struct exec_job *job)
{
	(void)job;
	exec_stop(executor);
}

static void post_now(void)
{
	static struct exec_job job = { .run = run_job };

	CHECK(exec_post(executor, &job));
}

TEST(a_job_that_comes_between_a_look_and_sleep_is_run)
{
	run_and_look(post_now);
	finish_look();
}

static atomic_int n_idle;

static void on_idle(void *data)
{
	(void)data;
	atomic_fetch_add(&n_idle, 1);
}

TEST(the_end_of_the_last_call_is_told)
{
	struct lane a = { 0 };

	begin(2);
	exec_on_idle(executor, on_idle, NULL);
	run();
	submit(&a, 0, true);
	submit(&a, 1, false);
	wait_for(&probes[0].n_begun, 1);
	CHECK_INT(atomic_load(&n_idle), 0);
	let_go(0, 1);
	wait_for(&n_idle, 1);
	CHECK_INT(exec_load(executor), 0);
	stop();
	finish();
}

/* ---- what keeps its lane, as a drain sees it ---- */

static void count(void *data, const uint8_t chain[EXEC_CHAIN])
{
	CHECK_INT(memcmp(chain, "the oneway's own", EXEC_CHAIN), 0);
	++*(int *)data;
}

static int n_seen(void)
{
	int n = 0;

	exec_see_keepers(executor, count, &n);
	return n;
}

static struct lane lane_of_it;
static atomic_int n_runs;

/* As a batch of oneways is whose method answers just now. */
static void run_again(struct exec_task *task)
{
	CHECK_INT(n_seen(), 1);
	if (atomic_load(&n_runs) < 2) {
		exec_submit(executor, &lane_of_it, task);
		CHECK_INT(n_seen(), 1);
	}
	atomic_fetch_add(&n_runs, 1);
}

static void do_nothing(struct exec_task *task)
{
	(void)task;
}

TEST(a_oneway_is_seen_once_until_it_is_through_though_it_is_queued_again)
{
	static const struct exec_task_kind kind = { run_again, do_nothing, do_nothing, do_nothing };
	struct exec_task task = { .kind = &kind, .keeps_lane = true };

	begin(2);
	memcpy(task.chain, "the oneway's own", EXEC_CHAIN);
	atomic_store(&n_idle, 0);
	exec_on_idle(executor, on_idle, NULL);
	CHECK_INT(n_seen(), 0);
	exec_submit(executor, &lane_of_it, &task);
	CHECK_INT(n_seen(), 1);
	run();
	wait_for(&n_runs, 3);
	stop();
	CHECK_INT(n_seen(), 0);
	exec_unref(executor); /* the task's */
	finish();
}

/* ---- threads of the program that run methods ---- */

struct visit {
	struct exec_guest guest;
	pthread_t thread;
	bool may_enter, is_in;
	atomic_bool may_go;
	atomic_int n_tried, n_cut;
};

static bool admit(struct exec_guest *guest)
{
	guest->chain = (const uint8_t *)"the guest's own ";
	return ((struct visit *)guest)->may_enter;
}

static void left(struct exec_guest *guest)
{
	CHECK(((struct visit *)guest)->is_in);
}

static void cut(struct exec_guest *guest)
{
	struct visit *v = (struct visit *)guest;

	atomic_fetch_add(&v->n_cut, 1);
	atomic_store(&v->may_go, true);
}

static void *come_in(void *data)
{
	struct visit *v = data;

	v->is_in = exec_guest_enter(executor, &v->guest);
	atomic_fetch_add(&v->n_tried, 1);
	while (v->is_in && !atomic_load(&v->may_go))
		sched_yield();
	if (v->is_in)
		exec_guest_leave(executor, &v->guest);
	CHECK(!exec_current());
	return NULL;
}

static bool visit(struct visit *v, bool may_enter)
{
	*v = (struct visit){ .guest = { .admit = admit, .left = left, .cut = cut } };
	v->may_enter = may_enter;
	REQUIRE(pthread_create(&v->thread, NULL, come_in, v) == 0);
	wait_for(&v->n_tried, 1);
	return v->is_in;
}

static void leave(struct visit *v)
{
	atomic_store(&v->may_go, true);
	pthread_join(v->thread, NULL);
}

static bool gets_in(struct visit *v)
{
	int i;

	for (i = 0; i < 100000; i++) {
		if (visit(v, true))
			return true;
		pthread_join(v->thread, NULL);
	}
	return false;
}

TEST(guests_take_places_of_the_pools_threads)
{
	struct visit all[3];
	struct lane lane = { 0 };

	begin(2);
	CHECK(!visit(&all[0], true)); /* nothing runs yet */
	leave(&all[0]);
	run();
	CHECK(gets_in(&all[0]));
	CHECK(!visit(&all[1], false)); /* it is not admitted */
	leave(&all[1]);
	CHECK(gets_in(&all[1]));
	CHECK_INT(exec_load(executor), 2);
	CHECK(!visit(&all[2], true)); /* there is no place */
	leave(&all[2]);

	submit(&lane, 0, false);
	atomic_store(&probes[0].may_go, true);
	CHECK_INT(atomic_load(&probes[0].n_begun), 0); /* nor for a call of others, */
	leave(&all[0]);
	wait_for(&probes[0].n_ended, 1); /* which goes on when one leaves */
	leave(&all[1]);
	stop();
	finish();
}

TEST(a_stop_tells_guests_and_waits_for_them)
{
	struct visit one, late;

	begin(2);
	run();
	CHECK(gets_in(&one));
	exec_close_guests(executor);
	CHECK(!visit(&late, true)); /* who comes too late */
	leave(&late);
	stop();
	CHECK_INT(atomic_load(&one.n_cut), 1);
	pthread_join(one.thread, NULL);
	finish();
}

TESTS(exec, T(guests_take_places_of_the_pools_threads), T(a_stop_tells_guests_and_waits_for_them),
      T(a_lane_starts_its_calls_in_order_and_lanes_take_turns), T(calls_of_a_lane_run_side_by_side),
      T(calls_find_idle_threads), T(a_oneway_holds_its_lane_and_no_other),
      T(a_lane_whose_link_has_much_to_send_waits), T(what_is_queued_at_the_end_fails),
      T(a_stop_that_comes_first_ends_the_work),
      T(a_stop_that_comes_between_a_look_and_sleep_ends_the_work),
      T(a_job_that_comes_between_a_look_and_sleep_is_run), T(the_end_of_the_last_call_is_told),
      T(a_oneway_is_seen_once_until_it_is_through_though_it_is_queued_again))
