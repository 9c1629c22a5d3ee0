/* SPDX-License-Identifier: MIT */
/* Calls through a proxy to a daemon in the same process, over a link. */
#include "servant.h"

#include "test.h"

#include <stdint.h>
#include <stdio.h>
#include <time.h>

static struct place place;
static struct e2e_Work *work;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void begin(const struct pyr_daemon_options *options)
{
	REQUIRE(place_open(&place, options));
	work = e2e_Work_proxy(place.uri);
	REQUIRE(work != NULL);
}

static void finish(void)
{
	e2e_Work_free(work);
	CHECK_INT(place_close(&place), 0);
}

/* ---- results ---- */

TEST(a_call_has_its_result)
{
	int32_t sum = 0;
	char *text;

	begin(NULL);
	CHECK_INT(e2e_Work_add(work, 40, 2, &sum), 0);
	CHECK_INT(sum, 42);
	CHECK_INT(e2e_Work_add(work, INT32_MIN, -1, &sum), 0);
	CHECK_INT(sum, INT32_MAX);
	CHECK_INT(e2e_Work_echo(work, "gr\xc3\xbc\xc3\x9f", &text), 0);
	CHECK_STR(text, "gr\xc3\xbc\xc3\x9f");
	pyr_free(text);
	CHECK_INT(e2e_Work_echo(work, "", &text), 0);
	CHECK_STR(text, "");
	pyr_free(text);
	CHECK_INT(e2e_Work_add(work, 1, 1, NULL), 0);
	CHECK_INT(e2e_Work_echo(work, "not wanted", NULL), 0);
	CHECK_INT(e2e_Work_caller(work, &text), 0);
	CHECK_HAS(text, "127.0.0.1:");
	pyr_free(text);
	finish();
}

TEST(long_texts_come_back)
{
	static const size_t sizes[] = { 65530, 65536, 70000, 1 << 20, 3 << 20 };
	char *text, *back;
	size_t i;

	begin(NULL);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		text = malloc(sizes[i] + 1);
		REQUIRE(text != NULL);
		memset(text, 'a' + (int)i, sizes[i]);
		text[sizes[i]] = '\0';
		CHECK_INT(e2e_Work_echo(work, text, &back), 0);
		CHECK_INT(strlen(back), sizes[i]);
		CHECK(strcmp(text, back) == 0);
		pyr_free(back);
		free(text);
	}
	finish();
}

static void *add_often(void *data)
{
	int32_t *wrong = data, sum;
	int i;

	for (i = 0; i < 500; i++)
		if (e2e_Work_add(work, i, i, &sum) < 0 || sum != 2 * i)
			++*wrong;
	return NULL;
}

TEST(eight_threads_call_through_one_proxy)
{
	pthread_t threads[8];
	int32_t wrong[8] = { 0 };
	int i;

	begin(NULL);
	for (i = 0; i < 8; i++)
		REQUIRE(pthread_create(&threads[i], NULL, add_often, &wrong[i]) == 0);
	for (i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		CHECK_INT(wrong[i], 0);
	}
	finish();
}

/* ---- futures ---- */

TEST(futures_are_answered_in_any_order)
{
	enum { N = 200 };
	pyr_future *futures[N];
	int32_t sum;
	int i;

	begin(NULL);
	for (i = 0; i < N; i++)
		REQUIRE((futures[i] = e2e_Work_add_start(work, i, 1)) != NULL);
	for (i = N; i-- > 0;) {
		CHECK_INT(e2e_Work_add_get(futures[i], &sum), 0);
		CHECK_INT(sum, i + 1);
	}
	finish();
}

TEST(a_future_is_ready_when_its_answer_is_there)
{
	pyr_future *future;
	int64_t begin_ms;

	begin(NULL);
	future = e2e_Work_pass_start(work, 1);
	REQUIRE(future != NULL);
	CHECK(!pyr_future_is_ready(future));
	begin_ms = now_ms();
	CHECK_INT(pyr_future_wait(future, 20), -PYR_DEADLINE_EXCEEDED);
	CHECK(now_ms() - begin_ms >= 20);
	CHECK_INT(pyr_future_wait(future, 0), -PYR_DEADLINE_EXCEEDED);
	work_open(&place.work, 1);
	CHECK_INT(pyr_future_wait(future, -1), 0);
	CHECK(pyr_future_is_ready(future));
	CHECK_INT(pyr_future_wait(future, 0), 0);
	CHECK_INT(e2e_Work_pass_get(future), 0);
	finish();
}

TEST(a_loop_around_is_ready_gets_there)
{
	pyr_future *future;
	int64_t until = now_ms() + PATIENCE_MS;
	int32_t sum = 0;

	begin(NULL);
	future = e2e_Work_add_start(work, 1, 2);
	while (!pyr_future_is_ready(future) && now_ms() < until)
		;
	CHECK(pyr_future_is_ready(future));
	CHECK_INT(e2e_Work_add_get(future, &sum), 0);
	CHECK_INT(sum, 3);
	finish();
}

TEST(a_future_can_be_cancelled_and_freed)
{
	pyr_future *one, *two;

	begin(NULL);
	one = e2e_Work_pass_start(work, 1);
	two = e2e_Work_pass_start(work, 2);
	REQUIRE(one && two);
	CHECK(work_has_inside(&place.work, 2));
	pyr_future_cancel(one);
	CHECK(pyr_future_is_ready(one));
	CHECK_INT(e2e_Work_pass_get(one), -PYR_CANCELLED);
	CHECK(pyr_last_error()->may_have_run);
	CHECK(!pyr_last_error()->remote);
	pyr_future_free(two); /* nobody wants it */
	CHECK(work_logged(&place.work, "x1 "));
	CHECK(work_logged(&place.work, "x2 "));
	finish();
}

TEST(a_future_of_another_operation_is_refused)
{
	pyr_future *future;
	char *text;

	begin(NULL);
	future = e2e_Work_add_start(work, 1, 2);
	CHECK_INT(e2e_Work_echo_get(future, &text), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "e2e.Work.add");
	CHECK_HAS(pyr_errmsg(), "e2e.Work.echo");
	finish();
}

/* ---- time ---- */

static void check_late(int err, int64_t begin_ms, int64_t least, int64_t most)
{
	CHECK_INT(err, -PYR_DEADLINE_EXCEEDED);
	CHECK(now_ms() - begin_ms >= least);
	CHECK(now_ms() - begin_ms < most);
	CHECK_HAS(pyr_errmsg(), "TimeoutError");
	CHECK(pyr_last_error()->may_have_run);
}

/* The link stands and has nothing to write: the next call leaves at once, however short its time.
 */
static int64_t idle_since(void)
{
	CHECK_INT(e2e_Work_add(work, 1, 1, NULL), 0);
	return now_ms();
}

TEST(a_call_ends_at_the_deadline_nearest_to_it)
{
	struct pyr_call_options soon = { .timeout_ms = 30 }, late = { .timeout_ms = 20000 };
	int32_t ret;
	int64_t t;

	begin(NULL);
	t = idle_since();
	check_late(e2e_Work_hold_soon(work, 1, &ret), t, 100, 10000); /* @timeout(100) */
	t = idle_since();
	check_late(e2e_Work_hold_soon(e2e_Work_with(work, &soon), 2, &ret), t, 30, 10000);
	t = idle_since();
	pyr_proxy_set_timeout(e2e_Work_as_proxy(work), 60);
	check_late(e2e_Work_hold_soon(work, 4, &ret), t, 60, 10000);
	pyr_proxy_set_timeout(e2e_Work_as_proxy(work), 0);
	t = idle_since();
	pyr_proxy_set_timeout(e2e_Work_as_proxy(work), 60);
	check_late(e2e_Work_hold(work, 3, &ret), t, 60, 10000);
	work_open(&place.work, 2);
	CHECK_INT(e2e_Work_pass(e2e_Work_with(work, &late), 2), 0);
	pyr_proxy_set_timeout(e2e_Work_as_proxy(work), 0);
	finish();
}

TEST(the_method_is_told_how_long_it_may_take)
{
	struct pyr_call_options options = { .timeout_ms = 5000 };
	int64_t left;

	begin(NULL);
	CHECK_INT(e2e_Work_time_left(work, &left), 0);
	CHECK(left == INT64_MAX);
	CHECK_INT(e2e_Work_time_left(e2e_Work_with(work, &options), &left), 0);
	CHECK(left > 0 && left <= 5000);
	CHECK_INT(e2e_Work_time_left(work, &left), 0); /* forgotten with that call */
	CHECK(left == INT64_MAX);
	finish();
}

/* ---- errors ---- */

TEST(an_error_says_all_there_is_to_know)
{
	const pyr_error *e;

	begin(NULL);
	CHECK_INT(e2e_Work_fail(work, PYR_NOT_FOUND, "no account 7"), -PYR_NOT_FOUND);
	e = pyr_last_error();
	CHECK_INT(e->code, PYR_NOT_FOUND);
	CHECK(e->remote);
	CHECK(!e->may_have_run);
	CHECK_STR(e->message, "no account 7");
	CHECK_STR(e->object, "work");
	CHECK_STR(e->operation, "e2e.Work.fail");
	CHECK_STR(e->address, pyr_daemon_address(place.daemon));
	CHECK_STR(e->exception, "");
	CHECK_INT(strncmp(e->trace, "servant.c:", 10), 0);
	CHECK_HAS(e->trace, " in e2e.Work.fail of 'work' at 127.0.0.1:");
	CHECK(e2e_Refused_caught() == NULL);
	CHECK_INT(e2e_Work_add(work, 1, 1, NULL), 0);
	CHECK_STR(pyr_errmsg(), "no account 7"); /* success does not touch it */
	finish();
}

TEST(an_exception_is_caught_with_its_fields)
{
	const struct e2e_Refused *refused;
	const struct e2e_Missing *missing;
	pyr_error *kept;

	begin(NULL);
	CHECK_INT(e2e_Work_raise(work, -5, "because"), -PYR_ABORTED);
	refused = e2e_Refused_caught();
	REQUIRE(refused != NULL);
	CHECK_INT(refused->number, -5);
	CHECK_STR(refused->why, "because");
	CHECK(e2e_Refused_caught() == refused);
	CHECK(e2e_Missing_caught() == NULL);
	CHECK_STR(pyr_last_error()->exception, "e2e.Refused");
	CHECK_INT(e2e_Work_miss(work, "it"), -PYR_NOT_FOUND);
	missing = e2e_Missing_caught();
	REQUIRE(missing != NULL);
	CHECK_STR(missing->what, "it");
	kept = pyr_error_take();
	CHECK(e2e_Missing_caught() == NULL);
	CHECK_STR(kept->exception, "e2e.Missing");
	pyr_error_free(kept);
	finish();
}

TEST(an_exception_goes_through_the_calls_between)
{
	const char *uris[3];
	struct pyr_string_seq hops = { 3, uris };
	const struct e2e_Refused *refused;
	const char *line;
	int n = 0;

	begin(NULL);
	uris[0] = uris[1] = uris[2] = place.uri;
	CHECK_INT(e2e_Work_relay(work, &hops, 99), -PYR_ABORTED);
	refused = e2e_Refused_caught();
	REQUIRE(refused != NULL);
	CHECK_INT(refused->number, 99);
	CHECK_STR(refused->why, "the end of the chain");
	for (line = pyr_last_error()->trace; (line = strchr(line, '\n')); line++)
		n++;
	CHECK(n >= 1);
	CHECK_HAS(pyr_last_error()->trace, "servant.c:");
	finish();
}

TEST(a_return_value_that_is_no_status_is_unknown)
{
	int32_t ret = 77;

	begin(NULL);
	CHECK_INT(e2e_Work_returns(work, 5, &ret), -PYR_UNKNOWN);
	CHECK_HAS(pyr_errmsg(), "5");
	CHECK_HAS(pyr_errmsg(), "e2e.Work.returns");
	CHECK_INT(e2e_Work_returns(work, -4711, &ret), -PYR_UNKNOWN);
	CHECK_HAS(pyr_errmsg(), "-4711");
	CHECK_INT(e2e_Work_returns(work, INT32_MIN, &ret), -PYR_UNKNOWN);
	CHECK_INT(e2e_Work_returns(work, -PYR_DATA_LOSS, &ret), -PYR_DATA_LOSS);
	CHECK_INT(ret, 77); /* outputs are untouched */
	CHECK_INT(e2e_Work_returns(work, 0, &ret), 0);
	CHECK_INT(ret, 0);
	finish();
}

/* In a serial daemon all methods run in one thread, whose last error stays from call to call. */
TEST(an_error_of_an_earlier_call_is_not_taken_for_that_of_this_one)
{
	struct pyr_daemon_options serial = { .threads = 1 };

	begin(&serial);
	CHECK_INT(e2e_Work_bare(work, PYR_INVALID_ARGUMENT, "secret of another"),
		  -PYR_INVALID_ARGUMENT);
	CHECK_INT(e2e_Work_bare(work, PYR_INVALID_ARGUMENT, ""), -PYR_INVALID_ARGUMENT);
	CHECK(strstr(pyr_errmsg(), "secret") == NULL);
	finish();
}

TEST(a_method_that_is_not_there_is_unimplemented)
{
	begin(NULL);
	CHECK_INT(e2e_Work_nobody(work), -PYR_UNIMPLEMENTED);
	CHECK_HAS(pyr_errmsg(), "e2e.Work.nobody");
	CHECK_HAS(pyr_errmsg(), "'work'");
	CHECK(pyr_last_error()->remote);
	finish();
}

TEST(a_missing_argument_is_named)
{
	char *text;

	begin(NULL);
	CHECK_INT(e2e_Work_echo(work, NULL, &text), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "text");
	CHECK_HAS(pyr_errmsg(), "e2e.Work.echo");
	CHECK(e2e_Work_echo_start(work, NULL) == NULL);
	CHECK_INT(e2e_Work_echo_get(NULL, &text), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "text"); /* still the start's */
	finish();
}

TEST(a_text_that_is_no_utf_8_is_refused_here)
{
	begin(NULL);
	CHECK_INT(e2e_Work_echo(work, "\xff\xfe", NULL), -PYR_INVALID_ARGUMENT);
	CHECK(!pyr_last_error()->remote);
	finish();
}

TEST(null_handles_are_answered)
{
	int32_t sum;

	CHECK(e2e_Work_proxy("nonsense") == NULL);
	CHECK_INT(e2e_Work_add(NULL, 1, 2, &sum), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "nonsense"); /* the constructor's error stays */
	CHECK_INT(pyr_future_wait(NULL, 0), -PYR_INVALID_ARGUMENT);
	CHECK_INT(e2e_Work_add_get(e2e_Work_add_start(NULL, 1, 2), &sum), -PYR_INVALID_ARGUMENT);
	CHECK(!pyr_future_is_ready(NULL));
	pyr_future_cancel(NULL);
	pyr_future_free(NULL);
	e2e_Work_free(NULL);
	pyr_free(NULL);
	CHECK(e2e_Work_with(NULL, NULL) == NULL);
	CHECK(pyr_call_data(NULL) == NULL);
	CHECK_STR(pyr_call_object(NULL), "");
	CHECK_STR(pyr_call_operation(NULL), "");
	CHECK_STR(pyr_call_peer(NULL), "");
	CHECK(!pyr_call_is_cancelled(NULL));
	CHECK(pyr_call_time_left(NULL) == INT64_MAX);
	CHECK(pyr_call_alloc(NULL, 1) == NULL);
	CHECK(pyr_call_alloc_array(NULL, 1, 1) == NULL);
	CHECK(pyr_call_strdup(NULL, "x") == NULL);
	CHECK_INT(pyr_fail(NULL, PYR_NOT_FOUND, "x"), -PYR_INVALID_ARGUMENT);
}

/* ---- order ---- */

TEST(a_oneway_returns_at_once_and_what_follows_it_waits)
{
	int64_t t = now_ms();
	pyr_future *future;

	begin(NULL);
	CHECK_INT(e2e_Work_post(work, 1), 0);
	CHECK(now_ms() - t < PATIENCE_MS / 2);
	future = e2e_Work_pass_start(work, 2);
	CHECK(work_logged(&place.work, "<1 "));
	CHECK_INT(pyr_future_wait(future, 50), -PYR_DEADLINE_EXCEEDED);
	work_open(&place.work, 2);
	work_open(&place.work, 1);
	CHECK_INT(e2e_Work_pass_get(future), 0);
	CHECK(work_logged(&place.work, "<1 1> <2 2> "));
	finish();
}

TESTS(call, T(a_call_has_its_result), T(long_texts_come_back),
      T(eight_threads_call_through_one_proxy), T(futures_are_answered_in_any_order),
      T(a_future_is_ready_when_its_answer_is_there), T(a_loop_around_is_ready_gets_there),
      T(a_future_can_be_cancelled_and_freed), T(a_future_of_another_operation_is_refused),
      T(a_call_ends_at_the_deadline_nearest_to_it), T(the_method_is_told_how_long_it_may_take),
      T(an_error_says_all_there_is_to_know), T(an_exception_is_caught_with_its_fields),
      T(an_exception_goes_through_the_calls_between),
      T(a_return_value_that_is_no_status_is_unknown),
      T(an_error_of_an_earlier_call_is_not_taken_for_that_of_this_one),
      T(a_method_that_is_not_there_is_unimplemented), T(a_missing_argument_is_named),
      T(a_text_that_is_no_utf_8_is_refused_here), T(null_handles_are_answered),
      T(a_oneway_returns_at_once_and_what_follows_it_waits))
