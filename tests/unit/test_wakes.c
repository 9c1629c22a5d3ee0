/* SPDX-License-Identifier: MIT */
/* Who adds work for the thread that polls wakes it, whoever that is: in whole calls. */
#include "base/tsan.h"
#include "engine/core_api.h"
#include "engine/engine.h"
#include "everywhere.h"

#include <sched.h>

static atomic_bool is_behind; /* whoever asks whether somebody polls is told how it was before */

bool __real_engine_is_led(void);
bool __wrap_engine_is_led(void);

bool __wrap_engine_is_led(void)
{
	return !atomic_load(&is_behind) && __real_engine_is_led();
}

static void *call_and_wait(void *data)
{
	int32_t value = 0;

	CHECK_INT(e2e_Work_hold(data, 1, &value), 0);
	CHECK_INT(value, 7);
	return NULL;
}

static bool is_led_by_now(void)
{
	int64_t until = engine_now() + PATIENCE_MS * (int64_t)ENGINE_MS;

	while (!__real_engine_is_led() && engine_now() < until)
		sched_yield();
	return __real_engine_is_led();
}

/* Between the look whether somebody polls and the start somebody begins to, and waits. */
EVERYWHERE(a_call_that_is_started_leaves_though_another_thread_begins_to_poll)
{
	pyr_future *future;
	pthread_t thread;

	REQUIRE(engine_thread(&thread, call_and_wait, work) == 0);
	CHECK(work_holds(&place.work, 1));
	CHECK(is_led_by_now());
	atomic_store(&is_behind, true);
	future = e2e_Work_hold_start(work, 2);
	REQUIRE(future != NULL);
	CHECK(work_holds(&place.work, 2));
	atomic_store(&is_behind, false);
	CHECK_INT(e2e_Work_drop(work, 2), 0);
	CHECK_INT(pyr_future_status(future), -PYR_INTERNAL);
	pyr_future_free(future);
	CHECK_INT(e2e_Work_answer(work, 1, 7), 0);
	pthread_join(thread, NULL);
}

EVERYWHERE(a_thread_binds_over_a_plain_link_on_which_another_waits)
{
	struct pyr_proxy_options options = { .plain = PYR_PLAIN_ONLY };
	struct e2e_Work *plain = e2e_Work_proxy_with(place.uri, &options), *other;
	pthread_t thread;
	int32_t sum;

	REQUIRE(plain != NULL);
	CHECK_INT(e2e_Work_add(plain, 1, 2, &sum), 0);
	REQUIRE(engine_thread(&thread, call_and_wait, plain) == 0);
	CHECK(work_holds(&place.work, 1));
	CHECK(is_led_by_now());
	other = e2e_Work_proxy_with(place.uri, &options);
	CHECK_INT(pyr_proxy_bind(e2e_Work_as_proxy(other)), 0);
	CHECK_INT(e2e_Work_answer(work, 1, 7), 0);
	pthread_join(thread, NULL);
	e2e_Work_free(other);
	e2e_Work_free(plain);
}

/* ---- a place that one of two waits for ---- */

static struct engine_waiter *_Atomic lined_up[2]; /* those who wait for a place, in order */
static struct engine_waiter *_Atomic held_back;   /* whose wake is late */
static atomic_bool is_woken;                      /* it would have been by now */
static _Thread_local int line = -1;

void __real_engine_wake(struct engine_waiter *waiter);
void __wrap_engine_wake(struct engine_waiter *waiter);
int __real_engine_wait_or_cancel(struct engine_waiter *waiter, int64_t until);
int __wrap_engine_wait_or_cancel(struct engine_waiter *waiter, int64_t until);

void __wrap_engine_wake(struct engine_waiter *waiter)
{
	if (waiter != atomic_load(&held_back))
		__real_engine_wake(waiter);
	else
		atomic_store(&is_woken, true);
}

int __wrap_engine_wait_or_cancel(struct engine_waiter *waiter, int64_t until)
{
	if (line >= 0)
		atomic_store(&lined_up[line], waiter);
	return __real_engine_wait_or_cancel(waiter, until);
}

static bool within_patience(bool (*condition)(void))
{
	int64_t until = engine_now() + PATIENCE_MS * (int64_t)ENGINE_MS;

	while (!condition() && engine_now() < until)
		sched_yield();
	return condition();
}

static bool first_is_lined_up(void)
{
	return atomic_load(&lined_up[0]) != NULL;
}

static bool both_are_lined_up(void)
{
	return first_is_lined_up() && atomic_load(&lined_up[1]) != NULL;
}

static bool first_would_be_woken(void)
{
	return atomic_load(&is_woken);
}

struct caller {
	pthread_t thread;
	struct e2e_Work *proxy;
	int line, code;
};

static void *add_in_line(void *data)
{
	struct caller *c = data;
	int32_t sum;

	line = c->line;
	c->code = e2e_Work_add(c->proxy, 1, 2, &sum);
	return NULL;
}

static void caller_open(struct caller *c, int n)
{
	*c = (struct caller){ .proxy = e2e_Work_proxy(place.uri), .line = n };
	REQUIRE(c->proxy != NULL);
	CHECK_INT(pyr_proxy_bind(e2e_Work_as_proxy(c->proxy)), 0);
	pyr_proxy_set_timeout(e2e_Work_as_proxy(c->proxy), PATIENCE_MS / 4);
	REQUIRE(engine_thread(&c->thread, add_in_line, c) == 0);
}

/* The first of them is woken for it, and released before it gets there. */
TEST(a_place_that_its_first_waiter_does_not_take_goes_to_the_next)
{
	struct pyr_daemon_options few = { .max_calls = 1 };
	struct pyr_proxy_options own = { .own_link = true };
	struct e2e_Work *control;
	struct caller callers[2];
	pyr_future *future;

	REQUIRE(place_open(&place, &few));
	control = e2e_Work_proxy_with(place.uri, &own);
	work = e2e_Work_proxy(place.uri);
	REQUIRE(control && work);
	REQUIRE((future = e2e_Work_hold_start(work, 1)) != NULL);
	CHECK(work_holds(&place.work, 1));
	caller_open(&callers[0], 0);
	CHECK(within_patience(first_is_lined_up));
	caller_open(&callers[1], 1);
	CHECK(within_patience(both_are_lined_up));
	atomic_store(&held_back, atomic_load(&lined_up[0]));
	CHECK_INT(e2e_Work_answer(control, 1, 7), 0);
	CHECK(within_patience(first_would_be_woken));
	pyr_proxy_release(e2e_Work_as_proxy(callers[0].proxy));
	__real_engine_wake(atomic_exchange(&held_back, NULL));
	pthread_join(callers[0].thread, NULL);
	pthread_join(callers[1].thread, NULL);
	CHECK_INT(callers[0].code, -PYR_CANCELLED);
	CHECK_INT(callers[1].code, 0);
	pyr_future_free(future);
	e2e_Work_free(callers[0].proxy);
	e2e_Work_free(callers[1].proxy);
	e2e_Work_free(control);
	e2e_Work_free(work);
	CHECK_INT(place_close(&place), 0);
}

/* ---- events without end ---- */

enum { LINKS_MAX = 300000 };

struct chain {
	struct engine_event event;
	grpc_call *call; /* an empty batch on it is an event at once */
	unsigned n;
	atomic_bool is_over;
	struct engine_waiter ended;
};

static void go_on(struct chain *chain)
{
	TSAN_RELEASE(&chain->event);
	CHECK(grpc_call_start_batch(chain->call, NULL, 0, &chain->event, NULL) == GRPC_CALL_OK);
}

static void on_link(struct engine_event *event, bool ok)
{
	struct chain *chain = (struct chain *)event;

	(void)ok;
	if (++chain->n < LINKS_MAX && !atomic_load(&chain->is_over))
		go_on(chain);
	else
		engine_wake(&chain->ended);
}

/* As the messages of a stream do while its window is open. */
TEST(calls_are_answered_though_each_event_begets_another)
{
	struct pyr_proxy_options options = { .plain = PYR_PLAIN_ONLY };
	struct chain chain = { .event = { on_link } };
	grpc_channel *lame;
	int32_t sum = 0;
	unsigned i;

	REQUIRE(place_open(&place, NULL));
	work = e2e_Work_proxy_with(place.uri, &options);
	CHECK_INT(e2e_Work_add(work, 1, 1, &sum), 0);
	lame = grpc_lame_client_channel_create("test", GRPC_STATUS_UNAVAILABLE, "test");
	chain.call = grpc_channel_create_call(lame, NULL, GRPC_PROPAGATE_DEFAULTS, engine_queue(),
					      grpc_slice_from_static_string("/test"), NULL,
					      gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
	grpc_channel_destroy(lame);
	engine_waiter_init(&chain.ended, false);
	go_on(&chain);
	for (i = 0; i < 10; i++)
		CHECK_INT(e2e_Work_add(work, (int32_t)i, 1, &sum), 0);
	CHECK_INT(sum, 10);
	atomic_store(&chain.is_over, true);
	CHECK(engine_wait(&chain.ended, ENGINE_FOREVER));
	CHECK(chain.n < LINKS_MAX);
	engine_waiter_fini(&chain.ended);
	grpc_call_unref(chain.call);
	e2e_Work_free(work);
	CHECK_INT(place_close(&place), 0);
}

int main(void)
{
	static const struct test_case tests[] = {
		T(a_call_that_is_started_leaves_though_another_thread_begins_to_poll),
		T(a_place_that_its_first_waiter_does_not_take_goes_to_the_next),
		T(a_thread_binds_over_a_plain_link_on_which_another_waits),
		T(calls_are_answered_though_each_event_begets_another),
	};

	return test_main("wakes", tests, sizeof(tests) / sizeof(tests[0]));
}
