/* SPDX-License-Identifier: MIT */
#include "base/idtab.h"

#include "test.h"

#include <stdint.h>

enum { N = 16384 };

static struct idtab_node nodes[N];

/* The i-th differs from others in its bytes at `first` and `second` alone. */
static void name(uint32_t i, unsigned first, unsigned second)
{
	memset(nodes[i].id, 7, IDTAB_ID);
	nodes[i].id[first] = (uint8_t)i;
	nodes[i].id[second] = (uint8_t)(i >> 8);
}

static size_t longest_chain(const struct idtab *table)
{
	const struct idtab_node *node;
	size_t longest = 0, n, i;

	for (i = 0; i < table->n_buckets; i++) {
		n = 0;
		for (node = table->buckets[i]; node; node = node->next)
			n++;
		longest = n > longest ? n : longest;
	}
	return longest;
}

TEST(who_chooses_the_ids_does_not_choose_how_long_a_look_takes)
{
	static const unsigned places[][2] = { { 0, 1 },  { 0, 15 }, { 6, 7 },
					      { 7, 15 }, { 8, 7 },  { 14, 15 } };
	struct idtab table;
	uint32_t i, k;

	for (k = 0; k < sizeof(places) / sizeof(places[0]); k++) {
		table = (struct idtab){ 0 };
		for (i = 0; i < N; i++) {
			name(i, places[k][0], places[k][1]);
			REQUIRE(idtab_put(&table, &nodes[i]));
		}
		CHECK(longest_chain(&table) <= 16);
		CHECK(idtab_get(&table, nodes[12345].id) == &nodes[12345]);
		for (i = 0; i < N; i++)
			REQUIRE(idtab_pop(&table) != NULL);
		idtab_free(&table);
	}
}

TEST(what_is_removed_is_gone_and_the_rest_is_there)
{
	struct idtab table = { 0 };
	uint32_t i;

	for (i = 0; i < 5000; i++) {
		name(i, 0, 15);
		REQUIRE(idtab_put(&table, &nodes[i]));
	}
	for (i = 0; i < 5000; i += 2)
		idtab_remove(&table, &nodes[i]);
	CHECK_INT(table.n, 2500);
	for (i = 0; i < 5000; i++)
		CHECK(idtab_get(&table, nodes[i].id) == (i % 2 ? &nodes[i] : NULL));
	while (idtab_pop(&table))
		;
	CHECK_INT(table.n, 0);
	idtab_free(&table);
}

TESTS(idtab, T(who_chooses_the_ids_does_not_choose_how_long_a_look_takes),
      T(what_is_removed_is_gone_and_the_rest_is_there))
