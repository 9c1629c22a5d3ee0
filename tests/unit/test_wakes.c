/* SPDX-License-Identifier: MIT */
/* Who adds work for the thread that polls wakes it, whoever that is: in whole calls. */
#include "everywhere.h"
#include "link/engine.h"

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

int main(void)
{
	static const struct test_case tests[] = {
		T(a_call_that_is_started_leaves_though_another_thread_begins_to_poll),
		T(a_thread_binds_over_a_plain_link_on_which_another_waits),
	};

	return test_main("wakes", tests, sizeof(tests) / sizeof(tests[0]));
}
