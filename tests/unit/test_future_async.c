/* SPDX-License-Identifier: MIT */
/* I_op_async(): a call, and who is called with its future, in one. */
#include "heard.h"

EVERYWHERE(d6_async_calls_back_with_the_result)
{
	struct heard heard;

	heard_init(&heard);
	CHECK_INT(e2e_Work_add_async(work, 40, 2, on_add, &heard), 0);
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.code, 0);
	CHECK_INT(heard.value, 42);
	CHECK(!pthread_equal(heard.thread, pthread_self()));
}

static void on_any(pyr_future *future, void *data)
{
	struct heard *heard = data;

	tell(heard, pyr_future_status(future), 0, &heard->n);
}

EVERYWHERE(d6_async_calls_back_with_the_error)
{
	struct heard heard;

	heard_init(&heard);
	CHECK_INT(e2e_Work_raise_async(work, 7, "no more", on_any, &heard), 0);
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.code, -PYR_ABORTED);
	CHECK_HAS(heard.text, "Refused");
}

EVERYWHERE(async_fails_at_once_with_what_cannot_be_sent_and_calls_nobody)
{
	struct heard heard;
	pyr_batch *batch;

	heard_init(&heard);
	CHECK_INT(e2e_Work_echo_async(work, NULL, on_any, &heard), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "'text' is NULL");
	CHECK_INT(e2e_Work_add_async(NULL, 1, 2, on_add, &heard), -PYR_INVALID_ARGUMENT);
	batch = pyr_batch_new(e2e_Work_as_proxy(work));
	CHECK_INT(e2e_Work_add_async(e2e_Work_batch(batch), 1, 2, on_add, &heard),
		  -PYR_FAILED_PRECONDITION);
	CHECK_HAS(pyr_errmsg(), "start the batch");
	pyr_batch_free(batch);
	CHECK_INT(e2e_Work_add_async(work, 1, 2, on_add, &heard), 0);
	CHECK(hears(&heard, 1)); /* callbacks come in order: there was no other */
	CHECK_INT(heard.value, 3);
}

/* An argument with an effect, and one with commas that no macro would take as one. */
EVERYWHERE(async_is_a_function_that_evaluates_each_argument_once)
{
	int (*function)(struct e2e_Work *, int32_t, int32_t, pyr_future_cb, void *) =
		e2e_Work_add_async;
	struct heard heard;
	int32_t i = 5;

	heard_init(&heard);
	CHECK_INT(e2e_Work_add_async(work, i++, (int32_t[]){ 10, 20 }[1], on_add, &heard), 0);
	CHECK(hears(&heard, 1));
	CHECK_INT(i, 6);
	CHECK_INT(heard.value, 25);
	CHECK_INT(function(work, 1, 1, on_add, &heard), 0);
	CHECK(hears(&heard, 2));
	CHECK_INT(heard.value, 2);
}

static void on_time_left(pyr_future *future, void *data)
{
	struct heard *heard = data;
	int64_t left = 0;
	int code = e2e_Work_time_left_get(future, &left);

	tell(heard, code, (int32_t)left, &heard->n);
}

EVERYWHERE(async_has_the_options_of_the_next_call)
{
	struct pyr_call_options options = { .timeout_ms = 20000 };
	struct heard heard;

	heard_init(&heard);
	CHECK_INT(e2e_Work_time_left_async(e2e_Work_with(work, &options), on_time_left, &heard), 0);
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.code, 0);
	CHECK(heard.value > 0 && heard.value <= 20000);
}

/* ---- oneways ---- */

EVERYWHERE(a_oneway_calls_back_when_the_server_has_it)
{
	struct heard heard;

	heard_init(&heard);
	CHECK_INT(e2e_Work_post_async(work, 3, on_any, &heard), 0);
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.code, 0);
	CHECK(!strstr(place.work.log, "3> ")); /* its gate is shut */
	work_open(&place.work, 3);
	CHECK(work_logged(&place.work, "<3 3> "));
}

EVERYWHERE(a_oneway_that_was_started_is_ready_when_the_server_has_it)
{
	pyr_future *future = e2e_Work_post_start(work, 3);

	CHECK_INT(pyr_future_wait(future, -1), 0);
	CHECK_INT(e2e_Work_post_get(future), 0);
	CHECK(!strstr(place.work.log, "3> "));
	work_open(&place.work, 3);
	CHECK(work_logged(&place.work, "<3 3> "));
}

TESTS(future_async, T(d6_async_calls_back_with_the_result), T(d6_async_calls_back_with_the_error),
      T(async_fails_at_once_with_what_cannot_be_sent_and_calls_nobody),
      T(async_is_a_function_that_evaluates_each_argument_once),
      T(async_has_the_options_of_the_next_call), T(a_oneway_calls_back_when_the_server_has_it),
      T(a_oneway_that_was_started_is_ready_when_the_server_has_it))
