/* SPDX-License-Identifier: MIT */
/* What one connection can make a name server keep or do: filled, and refused beyond. */
#define _GNU_SOURCE /* pipe2() */
#include "naming_server.h"

#include <sched.h>

enum { ATTENDANCES_EACH = 16, RENEWALS = 1024, TAGS = 64 };

/* Waits until the call is answered. Returns its status; the future is freed. */
static int end_of(pyr_future *future)
{
	int status = pyr_future_wait(future, 60000);

	if (status == 0)
		status = pyrite_NameServer_attend_get(future);
	else
		pyr_future_free(future);
	return status;
}

TEST(the_owners_that_attend_on_a_connection_are_bounded)
{
	pyr_future *futures[ATTENDANCES_EACH], *more;
	struct pyrite_NameServer *proxy;
	uint8_t secret[16] = { 0 };
	struct pyr_bytes bytes = { sizeof(secret), secret };
	pyr_ns *ns = locate();
	int i, status;

	proxy = name_server();
	for (i = 0; i < ATTENDANCES_EACH; i++) {
		secret[0] = (uint8_t)i;
		futures[i] = pyrite_NameServer_attend_start(proxy, &bytes);
		REQUIRE(futures[i] != NULL);
	}
	secret[0] = 0xff;
	for (i = 0; i < 100; i++) {
		CHECK_INT(end_of(pyrite_NameServer_attend_start(proxy, &bytes)),
			  -PYR_RESOURCE_EXHAUSTED);
		CHECK_HAS(pyr_errmsg(), "too many owners on this connection: 16");
	}
	for (i = 0; i < ATTENDANCES_EACH; i++)
		CHECK(!pyr_future_is_ready(futures[i]));
	/* One that ends makes room, as soon as the name server has heard of it. */
	pyr_future_cancel(futures[0]);
	pyr_future_free(futures[0]);
	do {
		more = pyrite_NameServer_attend_start(proxy, &bytes);
		CHECK_INT(pyr_ns_ping(ns), 0); /* answered after it */
		status = pyr_future_is_ready(more) ? end_of(more) : 0;
	} while (status == -PYR_RESOURCE_EXHAUSTED);
	CHECK_INT(status, 0);
	pyr_future_free(more);
	for (i = 1; i < ATTENDANCES_EACH; i++)
		pyr_future_free(futures[i]);
	pyrite_NameServer_free(proxy);
	pyr_ns_free(ns);
}

TEST(the_names_of_a_renewal_are_bounded)
{
	static const char *names[RENEWALS + 1];
	struct pyr_string_seq all = { RENEWALS, names };
	struct pyrite_NameRenewal *renewal;
	struct pyrite_NameServer *proxy;
	uint8_t secret[16] = { 1 };
	struct pyr_bytes bytes = { sizeof(secret), secret };
	pyr_ns *ns = locate();
	size_t i;

	proxy = name_server();
	for (i = 0; i <= RENEWALS; i++)
		names[i] = "n";
	REQUIRE(pyrite_NameServer_renew(proxy, &bytes, &all, &renewal) == 0);
	CHECK_INT(renewal->lost.n, RENEWALS);
	pyr_free(renewal);
	all.n++;
	CHECK_INT(pyrite_NameServer_renew(proxy, &bytes, &all, &renewal), -PYR_RESOURCE_EXHAUSTED);
	CHECK_HAS(pyr_errmsg(), "at most 1024 names are renewed at a time, not 1025");
	pyrite_NameServer_free(proxy);
	pyr_ns_free(ns);
}

TEST(the_tags_of_a_search_are_bounded)
{
	const char *tags[TAGS + 1];
	struct pyr_ns_entries *entries;
	pyr_ns *ns = locate();
	size_t i;

	for (i = 0; i <= TAGS; i++)
		tags[i] = "t";
	REQUIRE(pyr_ns_list_metadata_any(ns, tags, TAGS, &entries) == 0);
	CHECK_INT(entries->n, 0);
	pyr_free(entries);
	CHECK_INT(pyr_ns_list_metadata_any(ns, tags, TAGS + 1, &entries), -PYR_RESOURCE_EXHAUSTED);
	CHECK_HAS(pyr_errmsg(), "at most 64 tags, not 65");
	pyr_ns_free(ns);
}

TESTS(naming_bounds, T(the_owners_that_attend_on_a_connection_are_bounded),
      T(the_names_of_a_renewal_are_bounded), T(the_tags_of_a_search_are_bounded),
      T(the_name_server_ends_well))
