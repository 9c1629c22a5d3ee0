/* SPDX-License-Identifier: MIT */
#include "base/address.h"
#include "test.h"

static void check(const char *bound, const char *expected)
{
	char text[128];

	address_advertise(bound, text, sizeof(text));
	CHECK_STR(text, expected);
}

TEST(an_address_of_its_own_is_given_out_as_it_is)
{
	check("127.0.0.1:4000", "127.0.0.1:4000");
	check("[::1]:4000", "[::1]:4000");
	check("10.0.0.0:4000", "10.0.0.0:4000");
	check("./u:/run/0.0.0.0:1", "./u:/run/0.0.0.0:1");
}

TEST(t12_all_addresses_are_given_out_as_one_that_leads_here)
{
	char text[128];

	address_advertise("0.0.0.0:4000", text, sizeof(text));
	CHECK(strncmp(text, "0.0.0.0", 7) != 0);
	CHECK_HAS(text, ":4000");
	address_advertise("[::]:4001", text, sizeof(text));
	CHECK(strncmp(text, "[::]", 4) != 0);
	CHECK_HAS(text, ":4001");
}

TESTS(address, T(an_address_of_its_own_is_given_out_as_it_is),
      T(t12_all_addresses_are_given_out_as_one_that_leads_here))
