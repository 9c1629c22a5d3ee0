/* SPDX-License-Identifier: MIT */
/* Who connects while a daemon is being made. */
#include "servant.h"

#include "test.h"

#include <stdio.h>

/* Called when a daemon listens, and is not whole yet: meets a client that has waited for it. */
static pyr_future *early;
static struct e2e_Work *early_work;
static bool comes_early;

void __real_address_advertise(const char *bound, char *ret, size_t n);
void __wrap_address_advertise(const char *bound, char *ret, size_t n);

void __wrap_address_advertise(const char *bound, char *ret, size_t n)
{
	char uri[128];

	if (comes_early) {
		snprintf(uri, sizeof(uri), "PYRO:nobody@%s", bound);
		early_work = e2e_Work_proxy(uri);
		early = e2e_Work_add_start(early_work, 1, 2);
		CHECK_INT(pyr_future_wait(early, 100), -PYR_DEADLINE_EXCEEDED); /* it has to wait */
	}
	__real_address_advertise(bound, ret, n);
}

TEST(who_connects_before_the_daemon_is_whole_waits_for_it)
{
	pyr_daemon *daemon;
	char part[128];

	comes_early = true;
	daemon = pyr_daemon_new(NULL);
	comes_early = false;
	REQUIRE(daemon && early);
	snprintf(part, sizeof(part), "no object 'nobody' at %s", pyr_daemon_address(daemon));
	CHECK_INT(e2e_Work_add_get(early, NULL), -PYR_NOT_FOUND);
	CHECK_HAS(pyr_errmsg(), part);
	e2e_Work_free(early_work);
	pyr_daemon_free(daemon);
}

TESTS(daemon_early, T(who_connects_before_the_daemon_is_whole_waits_for_it))
