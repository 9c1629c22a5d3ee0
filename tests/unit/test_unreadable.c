/* SPDX-License-Identifier: MIT */
/* Which error a caller has of an answer that cannot be unpacked. */
#include "proxy/unreadable.h"

#include "base/error.h"

#include "test.h"

TEST(an_answer_that_would_take_too_much_memory_is_too_large)
{
	struct codec_problem problem = { PYR_RESOURCE_EXHAUSTED, "would take too much memory" };

	CHECK_INT(unreadable(&problem, "the reply of %s", "a.B.c"), -PYR_RESOURCE_EXHAUSTED);
	CHECK_STR(pyr_errmsg(), "MessageTooLarge: the reply of a.B.c: would take too much memory");
}

TEST(an_answer_that_is_no_message_breaks_the_protocol)
{
	struct codec_problem problem = { PYR_INVALID_ARGUMENT, "is malformed" };

	CHECK_INT(unreadable(&problem, "an item of %s", "a.B.c"), -PYR_INTERNAL);
	CHECK_STR(pyr_errmsg(), "ProtocolError: an item of a.B.c: is malformed");
}

TESTS(unreadable, T(an_answer_that_would_take_too_much_memory_is_too_large),
      T(an_answer_that_is_no_message_breaks_the_protocol))
