/* SPDX-License-Identifier: MIT */
#include "engine/engine.h"

#include "test.h"

#include <pyrite/pyrite.h>

#include <grpc/support/sync.h>

#include <sched.h>

enum { SOON = 20 * ENGINE_MS, PATIENCE_S = 20 };

static int64_t later(int64_t ns)
{
	return engine_now() + ns;
}

/* ---- core ---- */

static void lock_both(gpr_mu *first, gpr_mu *second)
{
	gpr_mu_lock(first);
	gpr_mu_lock(second);
	gpr_mu_unlock(second);
	gpr_mu_unlock(first);
}

/* In a process whose abseil looks for deadlocks this is the end. */
TEST(cores_locks_may_be_taken_in_either_order)
{
	gpr_mu a, b;

	engine_core_enter();
	gpr_mu_init(&a);
	gpr_mu_init(&b);
	lock_both(&a, &b);
	lock_both(&b, &a);
	gpr_mu_destroy(&a);
	gpr_mu_destroy(&b);
	engine_core_leave();
}

/* ---- waiting ---- */

TEST(a_wait_ends_at_its_time)
{
	struct engine_waiter w;
	int64_t begin = engine_now();

	engine_waiter_init(&w, false);
	CHECK(!engine_wait(&w, begin + SOON));
	CHECK(engine_now() >= begin + SOON);
	CHECK(engine_now() < begin + 100 * SOON);
	CHECK(!engine_wait(&w, begin)); /* long over */
	engine_waiter_fini(&w);
}

TEST(a_waiter_that_is_ready_does_not_wait)
{
	struct engine_waiter w;

	engine_waiter_init(&w, false);
	engine_wake(&w);
	CHECK(engine_wait(&w, ENGINE_FOREVER));
	CHECK(engine_wait(&w, 0));
	atomic_store(&w.ready, false);
	CHECK(!engine_wait(&w, later(1)));
	engine_waiter_fini(&w);
}

struct waiting {
	struct engine_waiter waiter;
	pthread_t thread;
	atomic_bool is_done;
	atomic_int *n_done;
};

static void *wait_for_it(void *data)
{
	struct waiting *w = data;
	bool ready = engine_wait(&w->waiter, later(PATIENCE_S * INT64_C(1000000000)));

	atomic_store(&w->is_done, ready);
	atomic_fetch_add(w->n_done, 1);
	return NULL;
}

enum { THREADS = 16, ROUNDS = 50 };

/* Whoever leads and whoever follows: each is woken by its own wake, in any order. */
TEST(each_waiter_is_woken_alone)
{
	static struct waiting all[THREADS];
	atomic_int n_done = 0;
	int round, i, place;

	for (round = 0; round < ROUNDS; round++) {
		atomic_store(&n_done, 0);
		for (i = 0; i < THREADS; i++) {
			all[i] = (struct waiting){ .n_done = &n_done };
			engine_waiter_init(&all[i].waiter, i % 3 == 0);
			REQUIRE(engine_thread(&all[i].thread, wait_for_it, &all[i]) == 0);
		}
		for (i = 0; i < THREADS; i++) {
			place = (i * 7 + round) % THREADS;
			engine_wake(&all[place].waiter);
			pthread_join(all[place].thread, NULL);
			CHECK(atomic_load(&all[place].is_done));
			CHECK_INT(atomic_load(&n_done), i + 1);
			engine_waiter_fini(&all[place].waiter);
		}
	}
}

TEST(an_engine_that_all_have_left_is_led_again)
{
	struct engine_waiter w;
	int64_t until = later(PATIENCE_S * INT64_C(1000000000));

	engine_waiter_init(&w, false);
	CHECK(!engine_wait(&w, later(SOON)));
	while (!engine_is_led() && engine_now() < until)
		sched_yield();
	CHECK(engine_is_led()); /* by the runtime's thread */
	CHECK(!engine_wait(&w, later(SOON)));
	engine_waiter_fini(&w);
}

/* ---- timers ---- */

struct probe {
	struct engine_timer timer;
	struct engine_waiter fired;
	int64_t at;
	atomic_int n;
};

static void on_fire(struct engine_timer *timer)
{
	struct probe *p = (struct probe *)timer;

	p->at = engine_now();
	atomic_fetch_add(&p->n, 1);
	engine_wake(&p->fired);
}

static void probe_init(struct probe *p)
{
	*p = (struct probe){ .timer = { .fire = on_fire } };
	engine_waiter_init(&p->fired, false);
}

static bool probe_wait(struct probe *p)
{
	return engine_wait(&p->fired, later(PATIENCE_S * INT64_C(1000000000)));
}

/* Without polling: the runtime's thread is on its own. */
static bool probe_fires(struct probe *p)
{
	int64_t until = later(PATIENCE_S * INT64_C(1000000000));

	while (!atomic_load(&p->n) && engine_now() < until)
		sched_yield();
	return atomic_load(&p->n) == 1;
}

TEST(a_timer_fires_at_its_time)
{
	struct probe p;
	int64_t at = later(SOON);

	probe_init(&p);
	CHECK_INT(engine_timer_set(&p.timer, at), 0);
	CHECK(probe_wait(&p));
	CHECK(p.at >= at);
	CHECK(p.at < at + 100 * SOON);
	CHECK_INT(p.timer.when.place, 0);
	engine_waiter_fini(&p.fired);
}

TEST(a_timer_set_while_the_runtime_leads_fires_too)
{
	struct probe p;
	int64_t until;
	int round;

	for (round = 0; round < 5; round++) {
		until = later(PATIENCE_S * INT64_C(1000000000));
		while (!engine_is_led() && engine_now() < until)
			sched_yield();
		probe_init(&p);
		CHECK_INT(engine_timer_set(&p.timer, later(SOON)), 0);
		CHECK(probe_fires(&p));
		engine_timer_cancel(&p.timer);
		engine_waiter_fini(&p.fired);
	}
}

TEST(timers_fire_in_order_and_can_be_moved_and_cancelled)
{
	enum { N = 300 };
	static struct probe all[N];
	int64_t begin = later(2 * SOON);
	int i;

	for (i = 0; i < N; i++) {
		probe_init(&all[i]);
		CHECK_INT(engine_timer_set(&all[i].timer, begin + (i * 7919 % N) * 100000), 0);
	}
	for (i = 0; i < N; i += 3)
		engine_timer_cancel(&all[i].timer);
	for (i = 1; i < N; i += 3)
		CHECK_INT(engine_timer_set(&all[i].timer, begin + (i * 13 % N) * 100000), 0);
	for (i = 0; i < N; i++)
		if (i % 3)
			CHECK(probe_wait(&all[i]));
	for (i = 0; i < N; i++) {
		CHECK_INT(atomic_load(&all[i].n), i % 3 ? 1 : 0);
		if (i % 3)
			CHECK(all[i].at >= all[i].timer.when.at);
		engine_timer_cancel(&all[i].timer);
		engine_waiter_fini(&all[i].fired);
	}
}

static atomic_bool go_on;
static atomic_int in_fire;

static void on_slow_fire(struct engine_timer *timer)
{
	(void)timer;
	atomic_store(&in_fire, 1);
	while (!atomic_load(&go_on))
		sched_yield();
	atomic_store(&in_fire, 2);
}

static void *let_go(void *data)
{
	(void)data;
	atomic_store(&go_on, true);
	return NULL;
}

TEST(a_cancel_waits_for_a_timer_that_fires)
{
	struct engine_timer timer = { .fire = on_slow_fire };
	pthread_t thread;

	CHECK_INT(engine_timer_set(&timer, 0), 0);
	while (!atomic_load(&in_fire))
		sched_yield();
	REQUIRE(engine_thread(&thread, let_go, NULL) == 0);
	engine_timer_cancel(&timer);
	CHECK_INT(atomic_load(&in_fire), 2);
	pthread_join(thread, NULL);
}

static void on_fire_again(struct engine_timer *timer)
{
	struct probe *p = (struct probe *)timer;

	if (atomic_fetch_add(&p->n, 1) < 4)
		(void)engine_timer_set(timer, engine_now() + ENGINE_MS);
	else
		engine_wake(&p->fired);
}

TEST(a_timer_may_set_itself_again)
{
	struct probe p;

	probe_init(&p);
	p.timer.fire = on_fire_again;
	CHECK_INT(engine_timer_set(&p.timer, 0), 0);
	CHECK(probe_wait(&p));
	CHECK_INT(atomic_load(&p.n), 5);
	engine_timer_cancel(&p.timer);
	engine_waiter_fini(&p.fired);
}

/* ---- hooks ---- */

struct hooked {
	struct engine_hook hook;
	atomic_int n;
};

static void on_poll(struct engine_hook *hook)
{
	atomic_fetch_add(&((struct hooked *)hook)->n, 1);
}

/* Without polling. */
static bool is_hooked(struct hooked *h, int n)
{
	int64_t until = later(PATIENCE_S * INT64_C(1000000000));

	while (atomic_load(&h->n) < n && engine_now() < until)
		sched_yield();
	return atomic_load(&h->n) == n;
}

TEST(a_hook_ends_the_poll_of_another_thread)
{
	struct hooked h = { .hook = { .run = on_poll } };
	atomic_int n_done = 0;
	struct waiting w = { .n_done = &n_done };
	int64_t until = later(PATIENCE_S * INT64_C(1000000000));
	int i;

	engine_waiter_init(&w.waiter, false);
	REQUIRE(engine_thread(&w.thread, wait_for_it, &w) == 0);
	while (!engine_is_led() && engine_now() < until)
		sched_yield();
	for (i = 1; i <= 1000; i++) {
		engine_before_poll(&h.hook);
		REQUIRE(is_hooked(&h, i));
	}
	engine_wake(&w.waiter);
	pthread_join(w.thread, NULL);
	CHECK(atomic_load(&w.is_done));
	engine_waiter_fini(&w.waiter);
}

TEST(a_hook_is_run_though_nobody_polls)
{
	struct hooked h = { .hook = { .run = on_poll } };
	struct engine_waiter w;
	int i;

	engine_waiter_init(&w, false);
	for (i = 1; i <= 20; i++) {
		CHECK(!engine_wait(&w, 0)); /* the runtime's thread leads no more */
		engine_before_poll(&h.hook);
		REQUIRE(is_hooked(&h, i));
	}
	engine_waiter_fini(&w);
}

static atomic_bool is_enough;

static void *poll_and_leave(void *unused)
{
	struct engine_waiter w;
	int64_t n = 0;

	(void)unused;
	engine_waiter_init(&w, false);
	while (!atomic_load(&is_enough))
		engine_wait(&w, later(++n % 7 * 10000));
	engine_waiter_fini(&w);
	return NULL;
}

/* A leader may take up its post, poll, or leave when it is added. */
TEST(a_hook_is_run_whoever_leads_just_then)
{
	struct hooked h = { .hook = { .run = on_poll } };
	pthread_t threads[3];
	int i;

	atomic_store(&is_enough, false);
	for (i = 0; i < 3; i++)
		REQUIRE(engine_thread(&threads[i], poll_and_leave, NULL) == 0);
	for (i = 1; i <= 2000; i++) {
		engine_before_poll(&h.hook);
		if (!is_hooked(&h, i))
			break;
	}
	CHECK_INT(i, 2001);
	atomic_store(&is_enough, true);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

/* ---- tickers ---- */

static atomic_int n_ticks;

static void on_tick(struct engine_ticker *ticker)
{
	(void)ticker;
	atomic_fetch_add(&n_ticks, 1);
}

TEST(a_ticker_ticks_when_that_is_wanted_until_it_is_removed)
{
	struct engine_ticker ticker = { .tick = on_tick };
	int64_t until = later(PATIENCE_S * INT64_C(1000000000));
	struct engine_waiter w;
	int n;

	engine_waiter_init(&w, false);
	engine_add_daemon(1);
	engine_ticker_add(&ticker);
	while (atomic_load(&n_ticks) < 3 && engine_now() < until) {
		engine_want_tick();
		CHECK(!engine_wait(&w, later(SOON)));
	}
	engine_ticker_remove(&ticker);
	engine_add_daemon(-1);
	n = atomic_load(&n_ticks);
	CHECK(n >= 3);
	engine_want_tick();
	CHECK(!engine_wait(&w, later(SOON)));
	CHECK_INT(atomic_load(&n_ticks), n);
	engine_waiter_fini(&w);
}

/* Without polling. */
static bool has_ticked(int n)
{
	int64_t until = later(PATIENCE_S * INT64_C(1000000000));

	while (atomic_load(&n_ticks) < n && engine_now() < until)
		sched_yield();
	return atomic_load(&n_ticks) >= n;
}

TEST(a_tick_comes_while_somebody_polls_and_while_nobody_does)
{
	struct engine_ticker ticker = { .tick = on_tick };
	atomic_int n_done = 0;
	struct waiting w = { .n_done = &n_done };
	int i;

	engine_ticker_add(&ticker);
	for (i = 0; i < 20; i++) {
		if (i == 10) {
			engine_waiter_init(&w.waiter, false);
			REQUIRE(engine_thread(&w.thread, wait_for_it, &w) == 0);
		}
		atomic_store(&n_ticks, 0);
		engine_want_tick();
		REQUIRE(has_ticked(1));
	}
	engine_wake(&w.waiter);
	pthread_join(w.thread, NULL);
	engine_ticker_remove(&ticker);
	engine_waiter_fini(&w.waiter);
}

/* What a file of a thread's has behind `what`. */
static bool read_status(const char *task, const char *what, char *ret, size_t n)
{
	char path[300], line[128];
	size_t n_what = strlen(what);
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%s/status", task);
	file = fopen(path, "r");
	while (file && !found && fgets(line, sizeof(line), file)) {
		found = strncmp(line, what, n_what) == 0;
		if (found)
			snprintf(ret, n, "%.*s", (int)strcspn(line + n_what, "\n"), line + n_what);
	}
	if (file)
		fclose(file);
	return found;
}

/* How often the runtime's thread has slept. */
static long runtimes_sleeps(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *task;
	char text[64];
	long n = -1;

	while (dir && n < 0 && (task = readdir(dir)))
		if (read_status(task->d_name, "Name:\t", text, sizeof(text)) &&
		    strcmp(text, "pyrite-runtime") == 0 &&
		    read_status(task->d_name, "voluntary_ctxt_switches:\t", text, sizeof(text)))
			n = strtol(text, NULL, 10);
	if (dir)
		closedir(dir);
	return n;
}

/* It would look every millisecond or two, and does so only after a gap that long. */
TEST(a_process_that_polls_often_does_not_wake_the_runtimes_thread)
{
	int64_t begin, last, now;
	struct engine_waiter w;
	long before, gaps = 0;

	engine_waiter_init(&w, false);
	engine_add_daemon(1);
	CHECK(!engine_wait(&w, later(SOON)));
	before = runtimes_sleeps();
	CHECK(before > 0);
	begin = last = engine_now();
	do {
		engine_wait(&w, 0);
		now = engine_now();
		gaps += now - last > ENGINE_MS * 9 / 10;
		last = now;
	} while (now < begin + 10 * SOON);
	/* Each gap may cost it a look, which then begins to lead, and is asked to leave. */
	CHECK(runtimes_sleeps() - before <= 4 * (gaps + 1));
	engine_add_daemon(-1);
	engine_waiter_fini(&w);
}

int main(void)
{
	static const struct test_case tests[] = {
		T(cores_locks_may_be_taken_in_either_order),
		T(a_wait_ends_at_its_time),
		T(a_waiter_that_is_ready_does_not_wait),
		T(each_waiter_is_woken_alone),
		T(an_engine_that_all_have_left_is_led_again),
		T(a_timer_fires_at_its_time),
		T(a_timer_set_while_the_runtime_leads_fires_too),
		T(timers_fire_in_order_and_can_be_moved_and_cancelled),
		T(a_cancel_waits_for_a_timer_that_fires),
		T(a_timer_may_set_itself_again),
		T(a_hook_ends_the_poll_of_another_thread),
		T(a_hook_is_run_though_nobody_polls),
		T(a_hook_is_run_whoever_leads_just_then),
		T(a_ticker_ticks_when_that_is_wanted_until_it_is_removed),
		T(a_tick_comes_while_somebody_polls_and_while_nobody_does),
		T(a_process_that_polls_often_does_not_wake_the_runtimes_thread),
	};

	if (engine_start() < 0)
		return 2;
	return test_main("engine", tests, sizeof(tests) / sizeof(tests[0]));
}
