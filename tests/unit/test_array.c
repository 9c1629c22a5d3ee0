/* SPDX-License-Identifier: MIT */
#include "base/array.h"
#include "test.h"

#include <stdint.h>

TEST(an_array_keeps_what_it_has_while_it_grows)
{
	uint16_t *items = NULL;
	size_t cap = 0, n;

	for (n = 0; n < 1000; n++) {
		REQUIRE(array_reserve(&items, &cap, n + 1, sizeof(*items)));
		REQUIRE(cap > n);
		items[n] = (uint16_t)n;
	}
	for (n = 0; n < 1000; n++)
		CHECK_INT(items[n], n);
	CHECK(cap < 2048); /* it doubles */
	free(items);
}

TEST(room_for_many_at_once_is_made_once)
{
	char *items = NULL;
	size_t cap = 0;

	REQUIRE(array_reserve(&items, &cap, 5000, 1));
	CHECK_INT(cap, 5000);
	free(items);
}

TEST(what_no_memory_can_hold_is_refused_and_changes_nothing)
{
	uint64_t *items = NULL, *before;
	size_t cap = 0;

	CHECK(!array_reserve(&items, &cap, SIZE_MAX / 8 + 1, sizeof(*items)));
	CHECK(!items && cap == 0);
	REQUIRE(array_reserve(&items, &cap, 3, sizeof(*items)));
	before = items;
	CHECK(!array_reserve(&items, &cap, SIZE_MAX / 8, sizeof(*items)));
	CHECK(items == before);
	CHECK_INT(cap, 16);
	free(items);
}

TESTS(array, T(an_array_keeps_what_it_has_while_it_grows), T(room_for_many_at_once_is_made_once),
      T(what_no_memory_can_hold_is_refused_and_changes_nothing))
