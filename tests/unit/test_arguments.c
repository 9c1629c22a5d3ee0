/* SPDX-License-Identifier: MIT */
/* Whose error a NULL argument tells: a handle tells its constructor's, all else its own. */
#include "servant.h"

#include "test.h"

TEST(a_missing_argument_is_named_whatever_constructor_failed_before)
{
	pyr_daemon *daemon = pyr_daemon_new(NULL);

	REQUIRE(daemon != NULL);
	CHECK(e2e_Work_register(daemon, "a b", &work_methods, NULL) == NULL);
	CHECK_HAS(pyr_errmsg(), "'a b' cannot be the id");
	CHECK(e2e_Work_register(daemon, "x", NULL, NULL) == NULL);
	CHECK_STR(pyr_errmsg(), "methods is NULL");
	CHECK(e2e_Work_register(daemon, "a b", &work_methods, NULL) == NULL);
	CHECK_INT(pyr_daemon_unregister(daemon, NULL), -PYR_INVALID_ARGUMENT);
	CHECK_STR(pyr_errmsg(), "id is NULL");
	CHECK(e2e_Work_register(daemon, "a b", &work_methods, NULL) == NULL);
	pyr_daemon_free(daemon);
}

TEST(a_handle_that_is_NULL_tells_why_its_constructor_failed)
{
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	const char *uri = e2e_Work_register(daemon, "a b", &work_methods, NULL);

	CHECK(uri == NULL);
	CHECK_INT(pyr_ns_register(NULL, "a", uri), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "'a b' cannot be the id");
	pyr_daemon_free(daemon);
}

TESTS(arguments, T(a_missing_argument_is_named_whatever_constructor_failed_before),
      T(a_handle_that_is_NULL_tells_why_its_constructor_failed))
