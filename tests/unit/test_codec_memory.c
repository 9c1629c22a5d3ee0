/* SPDX-License-Identifier: MIT */
/* The codec when memory is out: every allocation fails once, nothing leaks, nothing is stored. */
#include "../codec/codec_help.h"

/* The linker puts these in place of the originals (tests.cmake). */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);

static long until_failure = -1; /* allocations that still succeed; -1 = all */

static bool fails(void)
{
	if (until_failure == 0) {
		until_failure = -1;
		return true;
	}
	if (until_failure > 0)
		until_failure--;
	return false;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

/* Whether the failure that was asked for has been used up. */
static bool failed(void)
{
	bool ret = until_failure == -1;

	until_failure = -1;
	return ret;
}

static struct wire wire;

TEST(a_build_that_fails_leaves_nothing_behind_and_can_be_repeated)
{
	const struct codec_interface *interface = NULL;
	long n;

	for (n = 0; n < 1000 && !interface; n++) {
		until_failure = n;
		interface = codec_interface_get(&shapes_interface);
		CHECK(failed() == !interface);
	}
	CHECK(n > 3);
	REQUIRE(interface != NULL);
	CHECK(codec_interface_get(&shapes_interface) == interface);
	CHECK(codec_type_get(&shapes_All_type) != NULL);
}

TEST(packing_says_that_memory_is_out)
{
	union pyr__slot slots[SHAPES_ALL];
	struct codec_problem problem;
	int status = -1;
	long n;

	shapes_slots(&shapes_sample, slots);
	for (n = 0; n < 1000 && status < 0; n++) {
		until_failure = n;
		status = help_pack(help_op(SHAPES_ECHO)->request, slots, &wire, &problem);
		if (status < 0) {
			CHECK_INT(status, -PYR_RESOURCE_EXHAUSTED);
			CHECK_STR(problem.text, "out of memory");
		}
		CHECK(failed() == (status < 0));
	}
	CHECK(n > 1);
	CHECK_INT(status, 0);
}

static int results_with_failure(long n, void **blocks)
{
	struct codec_problem problem;
	void *out[SHAPES_ALL];
	int i, status;

	for (i = 0; i < SHAPES_ALL; i++)
		out[i] = &blocks[i];
	until_failure = n;
	status = codec_unpack_results(help_op(SHAPES_ECHO)->reply, wire.data, wire.n, MAX_MESSAGE,
				      out, &problem);
	CHECK(failed() == (status < 0));
	CHECK_INT(status, status < 0 ? -PYR_RESOURCE_EXHAUSTED : 0);
	return status;
}

TEST(results_are_all_stored_or_none_when_memory_is_out)
{
	union pyr__slot slots[SHAPES_ALL];
	void *blocks[SHAPES_ALL] = { NULL };
	struct codec_problem problem;
	int i, status = -1;
	long n;

	shapes_slots(&shapes_sample, slots);
	CHECK_INT(help_pack(help_op(SHAPES_ECHO)->reply, slots, &wire, &problem), 0);
	for (n = 0; n < 1000 && status < 0; n++) {
		status = results_with_failure(n, blocks);
		for (i = 0; status < 0 && i < SHAPES_ALL; i++)
			CHECK(blocks[i] == NULL);
	}
	CHECK(n > SHAPES_ALL - 2); /* at least a block for each */
	CHECK_INT(status, 0);
	blocks[F_COUNT] = blocks[F_COLOR] = NULL;
	for (i = 0; i < SHAPES_ALL; i++)
		free(blocks[i]);
}

TEST(a_value_is_one_block_or_none_when_memory_is_out)
{
	struct codec_problem problem;
	void *block = NULL;
	int status = -1;
	long n;

	CHECK_INT(help_pack_value(&shapes_All_type, &shapes_sample, &wire, &problem), 0);
	for (n = 0; n < 1000 && status < 0; n++) {
		until_failure = n;
		status = codec_unpack_value(&shapes_All_type, wire.data, wire.n, MAX_MESSAGE,
					    &block, &problem);
		CHECK(failed() == (status < 0));
		CHECK((block == NULL) == (status < 0));
	}
	CHECK(n > 2);
	free(block);
}

TESTS(codec_memory, T(a_build_that_fails_leaves_nothing_behind_and_can_be_repeated),
      T(packing_says_that_memory_is_out), T(results_are_all_stored_or_none_when_memory_is_out),
      T(a_value_is_one_block_or_none_when_memory_is_out))
