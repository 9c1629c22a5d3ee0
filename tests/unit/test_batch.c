/* SPDX-License-Identifier: MIT */
/* Batches: many calls in one message. */
#include "heard.h"

static pyr_batch *batch;
static struct e2e_Work *queue;

static void open_batch(void)
{
	batch = pyr_batch_new(e2e_Work_as_proxy(work));
	REQUIRE(batch != NULL);
	queue = e2e_Work_batch(batch);
}

EVERYWHERE(d2_results_come_in_order_and_the_batch_may_be_used_again)
{
	int32_t sums[100];
	char *text = NULL;
	int round, i;

	open_batch();
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 100; i++) {
			sums[i] = -1;
			CHECK_INT(e2e_Work_add(queue, i, round, &sums[i]), 0);
			CHECK_INT(sums[i], -1);
		}
		CHECK_INT(e2e_Work_echo(queue, "text", &text), 0);
		CHECK_INT(e2e_Work_add(queue, 1, 1, NULL), 0);
		CHECK_INT(pyr_batch_run(batch), 0);
		CHECK_INT(pyr_batch_done(batch), 102);
		for (i = 0; i < 100; i++)
			CHECK_INT(sums[i], i + round);
		CHECK_STR(text, "text");
		pyr_free(text);
	}
	CHECK_INT(pyr_batch_run(batch), 0);
	CHECK_INT(pyr_batch_done(batch), 0);
	pyr_batch_free(batch);
}

EVERYWHERE(d2_the_first_error_stops_the_rest_and_earlier_results_stay)
{
	int32_t a = -1, b = -1, c = -1;

	open_batch();
	CHECK_INT(e2e_Work_add(queue, 1, 2, &a), 0);
	CHECK_INT(e2e_Work_add(queue, 3, 4, &b), 0);
	CHECK_INT(e2e_Work_raise(queue, 7, "no more"), 0);
	CHECK_INT(e2e_Work_add(queue, 5, 6, &c), 0);
	CHECK_INT(e2e_Work_pass(queue, 3), 0); /* would write to the log */
	CHECK_INT(pyr_batch_run(batch), -PYR_ABORTED);
	CHECK_INT(pyr_batch_done(batch), 2);
	CHECK_INT(a, 3);
	CHECK_INT(b, 7);
	CHECK_INT(c, -1);
	CHECK_HAS(pyr_errmsg(), "call 3 of 5 in the batch");
	CHECK_STR(pyr_last_error()->operation, "e2e.Work.raise");
	CHECK_HAS(pyr_last_error()->trace, "servant.c:");
	REQUIRE(e2e_Refused_caught() != NULL);
	CHECK_INT(e2e_Refused_caught()->number, 7);
	CHECK_STR(place.work.log, "");
	CHECK_INT(e2e_Work_add(queue, 5, 6, &c), 0);
	CHECK_INT(pyr_batch_run(batch), 0);
	CHECK_INT(c, 11);
	pyr_batch_free(batch);
}

EVERYWHERE(what_cannot_be_sent_is_refused_and_not_queued)
{
	struct e2e_Work *stub;
	int32_t sum = 0;

	open_batch();
	stub = queue;
	CHECK_INT(e2e_Work_echo(stub, NULL, NULL), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "'text' is NULL");
	CHECK(e2e_Work_add_start(stub, 1, 2) == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_FAILED_PRECONDITION);
	CHECK_HAS(pyr_errmsg(), "start the batch");
	CHECK(pyr_batch_new((pyr_proxy *)stub) == NULL);
	CHECK_INT(e2e_Work_add(stub, 1, 2, &sum), 0);
	e2e_Work_free(stub); /* the batch's: nothing happens */
	CHECK_INT(pyr_batch_run(batch), 0);
	CHECK_INT(pyr_batch_done(batch), 1);
	CHECK_INT(sum, 3);
	pyr_batch_free(batch);
}

TEST(null_batches_are_answered)
{
	CHECK(pyr_batch_new(NULL) == NULL);
	CHECK(e2e_Work_batch(NULL) == NULL);
	CHECK_INT(pyr_batch_run(NULL), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_batch_run_oneway(NULL), -PYR_INVALID_ARGUMENT);
	CHECK(pyr_batch_start(NULL) == NULL);
	CHECK_INT(pyr_batch_get(NULL), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_batch_done(NULL), 0);
	pyr_batch_free(NULL);
}

EVERYWHERE(the_text_of_a_method_is_no_class_of_errors)
{
	CHECK_INT(e2e_Work_fail(work, PYR_DEADLINE_EXCEEDED, "TimeoutError: db"),
		  -PYR_DEADLINE_EXCEEDED);
	CHECK_HAS(pyr_errmsg(), "TimeoutError: db");
	CHECK(pyr_last_error()->raised);
	CHECK_STR(pyr_error_class(NULL), "");
	CHECK(!pyr_error_is_communication(NULL));
	open_batch();
	CHECK_INT(e2e_Work_fail(queue, PYR_UNAVAILABLE, "ConnectionClosed: no"), 0);
	CHECK_INT(pyr_batch_run(batch), -PYR_UNAVAILABLE);
	CHECK(!pyr_error_is_communication(NULL));
	pyr_batch_free(batch);
}

EVERYWHERE(a_future_of_a_batch_outlives_batch_and_proxy)
{
	struct e2e_Work *own = e2e_Work_proxy(place.uri);
	pyr_batch *one = pyr_batch_new(e2e_Work_as_proxy(own));
	pyr_batch *two = pyr_batch_new(e2e_Work_as_proxy(own));
	pyr_future *sums, *fails;
	int32_t sum = -1;

	CHECK_INT(e2e_Work_add(e2e_Work_batch(one), 1, 2, &sum), 0);
	CHECK_INT(e2e_Work_fail(e2e_Work_batch(two), PYR_NOT_FOUND, "no such row"), 0);
	sums = pyr_batch_start(one);
	fails = pyr_batch_start(two);
	CHECK_INT(pyr_future_wait(sums, 30000), 0);
	CHECK_INT(pyr_future_wait(fails, 30000), 0);
	pyr_batch_free(one);
	pyr_batch_free(two);
	e2e_Work_free(own);
	CHECK_INT(pyr_batch_get(sums), 0);
	CHECK_INT(sum, 3);
	CHECK_INT(pyr_batch_get(fails), -PYR_NOT_FOUND);
	CHECK_HAS(pyr_errmsg(), "no such row");
	CHECK_STR(pyr_last_error()->operation, "e2e.Work.fail");
}

EVERYWHERE(d2_a_method_that_answers_later_is_waited_for)
{
	int32_t held = -1, at_once = -1, sum = -1;
	pyr_future *future;

	open_batch();
	CHECK_INT(e2e_Work_at_once(queue, 4, &at_once), 0);
	CHECK_INT(e2e_Work_hold(queue, 1, &held), 0);
	CHECK_INT(e2e_Work_add(queue, 1, 2, &sum), 0);
	CHECK_INT(e2e_Work_pass(queue, 3), 0);
	work_open(&place.work, 3);
	future = pyr_batch_start(batch);
	CHECK(work_holds(&place.work, 1));
	CHECK_STR(place.work.log, "");             /* what follows has not run */
	CHECK_INT(e2e_Work_answer(work, 1, 9), 0); /* no thread is held by it */
	CHECK_INT(pyr_batch_get(future), 0);
	CHECK_INT(at_once, 4);
	CHECK_INT(held, 9);
	CHECK_INT(sum, 3);
	CHECK_STR(place.work.log, "<3 3> ");
	pyr_batch_free(batch);
}

EVERYWHERE(d2_a_cancel_reaches_the_method_that_runs_and_stops_the_rest)
{
	pyr_future *future;
	int32_t held = -1;

	open_batch();
	CHECK_INT(e2e_Work_hold(queue, 1, &held), 0);
	CHECK_INT(e2e_Work_pass(queue, 3), 0);
	future = pyr_batch_start(batch);
	CHECK(work_holds(&place.work, 1));
	pyr_future_cancel(future);
	CHECK_INT(pyr_batch_get(future), -PYR_CANCELLED);
	CHECK(work_told(&place.work, 1));
	CHECK_INT(e2e_Work_answer(work, 1, 9), 0);
	CHECK_INT(e2e_Work_add(work, 1, 1, NULL), 0);
	CHECK_STR(place.work.log, "");
	CHECK_INT(held, -1);
	CHECK_INT(pyr_batch_done(batch), 0);
	pyr_batch_free(batch);
}

EVERYWHERE(d2_a_batch_has_the_time_of_one_call)
{
	struct pyr_call_options soon = { .timeout_ms = 30 };
	int32_t held;

	open_batch();
	CHECK_INT(e2e_Work_hold(queue, 1, &held), 0);
	CHECK_INT(e2e_Work_add(work, 1, 1, NULL),
		  0); /* the link stands: what follows leaves at once */
	pyr_batch_set_options(batch, &soon);
	CHECK_INT(pyr_batch_run(batch), -PYR_DEADLINE_EXCEEDED);
	CHECK(pyr_last_error()->may_have_run);
	pyr_batch_free(batch);
}

EVERYWHERE(d3_a_oneway_batch_is_acknowledged_before_it_runs_and_keeps_its_place)
{
	char *log;

	open_batch();
	work_open(&place.work, 2);
	CHECK_INT(e2e_Work_pass(queue, 1), 0);
	CHECK_INT(e2e_Work_pass(queue, 2), 0);
	CHECK_INT(e2e_Work_fail(queue, PYR_ABORTED, "stops the rest"), 0);
	CHECK_INT(e2e_Work_pass(queue, 3), 0);
	CHECK_INT(pyr_batch_run_oneway(batch), 0); /* gate 1 is shut */
	CHECK_INT(pyr_batch_done(batch), 0);
	work_open(&place.work, 1);
	CHECK_INT(e2e_Work_log(work, &log), 0); /* behind it */
	CHECK_STR(log, "<1 1> <2 2> ");
	pyr_free(log);
	pyr_batch_free(batch);
}

static void on_batch(pyr_future *future, void *data)
{
	struct heard *heard = data;

	tell(heard, pyr_batch_get(future), 0, &heard->n);
}

EVERYWHERE(d4_a_batch_is_a_future)
{
	int32_t sum = 0, other = 0;
	struct heard heard;
	pyr_future *future;

	heard_init(&heard);
	open_batch();
	CHECK_INT(e2e_Work_add(queue, 1, 2, &sum), 0);
	future = pyr_batch_start(batch);
	CHECK_INT(e2e_Work_add(queue, 3, 4, &other), -PYR_FAILED_PRECONDITION);
	CHECK_HAS(pyr_errmsg(), "the batch is running");
	CHECK_INT(pyr_batch_run(batch), -PYR_FAILED_PRECONDITION);
	CHECK_INT(pyr_future_status(future), 0);
	CHECK_INT(sum, 0);
	CHECK_INT(pyr_batch_get(future), 0);
	CHECK_INT(sum, 3);
	CHECK_INT(e2e_Work_add(queue, 3, 4, &other), 0);
	CHECK_INT(e2e_Work_miss(queue, "it"), 0);
	future = pyr_batch_start(batch);
	CHECK_INT(pyr_future_status(future), -PYR_NOT_FOUND);
	CHECK_INT(pyr_future_then(future, on_batch, &heard), 0);
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.code, -PYR_NOT_FOUND);
	CHECK_HAS(heard.text, "call 2 of 2");
	CHECK_INT(other, 7);
	future = e2e_Work_add_start(work, 1, 1);
	CHECK_INT(pyr_batch_get(future), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "the future is of e2e.Work.add, not of a batch");
	future = pyr_batch_start(batch);
	CHECK_INT(e2e_Work_add_get(future, &sum), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "the future is of a batch, not of e2e.Work.add");
	future = pyr_batch_start(batch);
	pyr_batch_free(batch); /* what runs goes on */
	CHECK_INT(pyr_batch_get(future), 0);
}

/* In fragments both ways, and beyond them: the results that are too much fail in their place. */
TEST(a_batch_is_bounded_in_bytes)
{
	struct pyr_daemon_options options = { .max_message = 400000 };
	static char text[100001];
	char *back[4] = { NULL };
	int i;

	memset(text, 'x', sizeof(text) - 1);
	REQUIRE(place_open(&place, &options));
	work = e2e_Work_proxy(place.uri);
	open_batch();
	for (i = 0; i < 3; i++)
		CHECK_INT(e2e_Work_echo(queue, text, &back[i]), 0);
	CHECK_INT(pyr_batch_run(batch), 0);
	for (i = 0; i < 3; i++) {
		CHECK_STR(back[i], text);
		pyr_free(back[i]);
	}
	for (i = 0; i < 4; i++)
		CHECK_INT(e2e_Work_echo(queue, text, &back[i]), 0);
	CHECK_INT(pyr_batch_run(batch), -PYR_RESOURCE_EXHAUSTED);
	CHECK_HAS(pyr_errmsg(), "MessageTooLarge");
	CHECK_INT(pyr_batch_done(batch), 0);
	pyr_batch_free(batch);
	e2e_Work_free(work);
	CHECK_INT(place_close(&place), 0);
}

TEST(a_batch_is_bounded_in_calls)
{
	int32_t i;

	REQUIRE(place_open(&place, NULL));
	work = e2e_Work_proxy(place.uri);
	open_batch();
	for (i = 0; i < 65536; i++)
		REQUIRE(e2e_Work_add(queue, i, 1, NULL) == 0);
	CHECK_INT(e2e_Work_add(queue, i, 1, NULL), -PYR_RESOURCE_EXHAUSTED);
	CHECK_INT(pyr_batch_run(batch), 0);
	CHECK_INT(pyr_batch_done(batch), 65536);
	pyr_batch_free(batch);
	e2e_Work_free(work);
	CHECK_INT(place_close(&place), 0);
}

TEST(a_batch_that_waits_when_its_daemon_ends_is_told)
{
	struct pyr_daemon_options options = { .drain_ms = 1 };
	pyr_future *future;
	int32_t held;

	REQUIRE(place_open(&place, &options));
	work = e2e_Work_proxy(place.uri);
	open_batch();
	CHECK_INT(e2e_Work_hold(queue, 1, &held), 0);
	CHECK_INT(e2e_Work_add(queue, 1, 1, NULL), 0);
	future = pyr_batch_start(batch);
	CHECK(work_holds(&place.work, 1));
	(void)place_close(&place); /* then what was held is dropped */
	CHECK_INT(pyr_batch_get(future), -PYR_UNAVAILABLE);
	pyr_batch_free(batch);
	e2e_Work_free(work);
}

TESTS(batch, T(d2_results_come_in_order_and_the_batch_may_be_used_again),
      T(d2_the_first_error_stops_the_rest_and_earlier_results_stay),
      T(what_cannot_be_sent_is_refused_and_not_queued), T(null_batches_are_answered),
      T(the_text_of_a_method_is_no_class_of_errors),
      T(a_future_of_a_batch_outlives_batch_and_proxy),
      T(d2_a_method_that_answers_later_is_waited_for),
      T(d2_a_cancel_reaches_the_method_that_runs_and_stops_the_rest),
      T(d2_a_batch_has_the_time_of_one_call),
      T(d3_a_oneway_batch_is_acknowledged_before_it_runs_and_keeps_its_place),
      T(d4_a_batch_is_a_future), T(a_batch_is_bounded_in_bytes), T(a_batch_is_bounded_in_calls),
      T(a_batch_that_waits_when_its_daemon_ends_is_told))
