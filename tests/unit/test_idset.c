/* SPDX-License-Identifier: MIT */
#include "base/idset.h"

#include "test.h"

#include <stdint.h>

/* Ids that differ in few places, at either end. */
static const uint8_t *id_of(uint32_t n)
{
	static uint8_t id[IDSET_ID];

	memset(id, 'i', sizeof(id));
	id[0] = (uint8_t)(n * 7);
	id[IDSET_ID - 2] = (uint8_t)(n >> 8);
	id[IDSET_ID - 1] = (uint8_t)n;
	return id;
}

TEST(an_empty_set_has_nothing)
{
	struct idset set = { 0 };

	idset_seal(&set);
	CHECK(!idset_has(&set, id_of(0)));
	idset_free(&set);
}

TEST(a_set_has_what_was_added_in_any_order_and_nothing_else)
{
	struct idset set = { 0 };
	uint32_t i;

	for (i = 0; i < 5000; i++)
		CHECK(idset_add(&set, id_of(2 * (i * 1237 % 5000))));
	idset_seal(&set);
	for (i = 0; i < 10000; i++)
		CHECK_INT(idset_has(&set, id_of(i)), i % 2 == 0);
	idset_free(&set);
	CHECK(!idset_has(&set, id_of(0)));
}

TEST(what_is_added_twice_is_there)
{
	struct idset set = { 0 };

	CHECK(idset_add(&set, id_of(1)) && idset_add(&set, id_of(9)) && idset_add(&set, id_of(1)));
	idset_seal(&set);
	CHECK(idset_has(&set, id_of(1)) && idset_has(&set, id_of(9)) && !idset_has(&set, id_of(2)));
	idset_free(&set);
}

TESTS(idset, T(an_empty_set_has_nothing), T(a_set_has_what_was_added_in_any_order_and_nothing_else),
      T(what_is_added_twice_is_there))
