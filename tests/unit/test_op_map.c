/* SPDX-License-Identifier: MIT */
/* I_op_map(): one operation over arrays. */
#include "everywhere.h"

enum { N = 300 };

static void check_sums(const int32_t *sums, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		REQUIRE(sums[i] == (int32_t)(i + 2 * i));
}

EVERYWHERE(a_map_stores_results_in_order)
{
	int32_t x[N], y[N], sums[N] = { 0 };
	int status[N], i;

	for (i = 0; i < N; i++) {
		x[i] = i;
		y[i] = 2 * i;
		status[i] = 1;
	}
	CHECK_INT(e2e_Work_add_map(work, N, x, y, sums, NULL), 0);
	check_sums(sums, N);
	memset(sums, 0, sizeof(sums));
	CHECK_INT(e2e_Work_add_map(
			  work, N, x, y, sums,
			  &(struct pyr_map_options){ .window = 7, .all = true, .status = status }),
		  0);
	check_sums(sums, N);
	for (i = 0; i < N; i++)
		CHECK_INT(status[i], 0);
	CHECK_INT(e2e_Work_add_map(work, N, x, y, NULL, NULL), 0);
	CHECK_INT(e2e_Work_add_map(work, 0, NULL, NULL, NULL, NULL), 0);
}

EVERYWHERE(strings_of_a_map_are_owned_each)
{
	const char *texts[] = { "one", "", "three" };
	char *echoes[3] = { (char *)"not touched" };
	int i;

	CHECK_INT(e2e_Work_echo_map(work, 3, texts, echoes, NULL), 0);
	for (i = 0; i < 3; i++) {
		CHECK_STR(echoes[i], texts[i]);
		pyr_free(echoes[i]);
	}
}

/* returns() fails with what it is given. */
EVERYWHERE(the_first_failure_ends_a_map)
{
	int32_t values[] = { 0, -PYR_ABORTED, 0, -PYR_NOT_FOUND }, results[4];
	int status[4];
	struct pyr_map_options options = { .window = 1, .status = status };

	CHECK_INT(e2e_Work_returns_map(work, 4, values, results, &options), -PYR_ABORTED);
	CHECK_INT(pyr_last_error()->code, PYR_ABORTED);
	CHECK_INT(status[0], 0);
	CHECK_INT(status[1], -PYR_ABORTED);
	CHECK_INT(status[2], -PYR_CANCELLED);
	CHECK_INT(status[3], -PYR_CANCELLED);
}

EVERYWHERE(a_map_can_go_on_and_says_which_failed)
{
	int32_t values[] = { 0, -PYR_ABORTED, 0, -PYR_NOT_FOUND }, results[4];
	int status[4], i;
	struct pyr_map_options options = { .all = true, .status = status };

	CHECK_INT(e2e_Work_returns_map(work, 4, values, results, &options), -PYR_ABORTED);
	CHECK_INT(pyr_last_error()->code, PYR_ABORTED);
	for (i = 0; i < 4; i++)
		CHECK_INT(status[i], values[i]);
}

/* Text that is no UTF-8 cannot leave. */
EVERYWHERE(calls_that_cannot_be_started_are_failures_like_others)
{
	const char *texts[] = { "one", "\xff", "three" };
	char *echoes[3] = { NULL };
	int status[3];
	struct pyr_map_options options = { .all = true, .status = status };

	CHECK_INT(e2e_Work_echo_map(work, 3, texts, echoes, &options), -PYR_INVALID_ARGUMENT);
	CHECK_STR(echoes[0], "one");
	CHECK(echoes[1] == NULL);
	CHECK_STR(echoes[2], "three");
	CHECK_INT(status[1], -PYR_INVALID_ARGUMENT);
	pyr_free(echoes[0]);
	pyr_free(echoes[2]);
	options.all = false;
	CHECK_INT(e2e_Work_echo_map(work, 3, texts, echoes, &options), -PYR_INVALID_ARGUMENT);
	pyr_free(echoes[0]);
	CHECK(echoes[2] == NULL);
}

/* hold() is never answered. */
EVERYWHERE(options_of_a_call_hold_for_each_of_a_map)
{
	struct pyr_call_options soon = { .timeout_ms = 50 };
	int32_t keys[] = { 1, 2, 3 }, values[3];
	int status[3], i;
	struct pyr_map_options options = { .window = 1, .all = true, .status = status };

	CHECK_INT(e2e_Work_hold_map(e2e_Work_with(work, &soon), 3, keys, values, &options),
		  -PYR_DEADLINE_EXCEEDED);
	for (i = 0; i < 3; i++)
		CHECK_INT(status[i], -PYR_DEADLINE_EXCEEDED);
	for (i = 0; i < 3; i++)
		CHECK_INT(e2e_Work_drop(work, keys[i]), 0);
}

TEST(a_map_says_what_is_missing)
{
	int32_t one[] = { 1 }, sum;

	CHECK_INT(e2e_Work_add_map(NULL, 1, one, one, &sum, NULL), -PYR_INVALID_ARGUMENT);
	REQUIRE((work = e2e_Work_proxy("PYRO:nothing@127.0.0.1:1")) != NULL);
	CHECK_INT(e2e_Work_add_map(work, 1, one, NULL, &sum, NULL), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "y");
	CHECK_INT(e2e_Work_add_map(work, 1, one, one, &sum, NULL), -PYR_UNAVAILABLE);
	e2e_Work_free(work);
}

TESTS(op_map, T(a_map_stores_results_in_order), T(strings_of_a_map_are_owned_each),
      T(the_first_failure_ends_a_map), T(a_map_can_go_on_and_says_which_failed),
      T(calls_that_cannot_be_started_are_failures_like_others),
      T(options_of_a_call_hold_for_each_of_a_map), T(a_map_says_what_is_missing))
