/* SPDX-License-Identifier: MIT */
/* Shapes from tables and from peers: what is sent comes back, and what is none does no harm. The
 * rules themselves are tested in tests/evolution. */
#include "wire/shape.h"

#include <pyrite/gen.h>
#include <pyrite/naming.h>

#include "wire/codec.h"
#include "wire/shape_codec.h"
#include "wire/shape_own.h"

#include <stdio.h>

#include "test.h"

static const struct pyr__interface *const table = &pyrite_NameServer_interface;

TEST(an_interface_goes_with_itself)
{
	struct span packed = shape_packed(table), again = shape_packed(table);
	struct shape_verdict *verdict, *second;
	uint32_t i;

	REQUIRE(packed.n > 0 && packed.n <= SHAPE_MAX);
	CHECK(packed.p == again.p && packed.n == again.n);
	verdict = shape_verdict_get(table, packed);
	REQUIRE(verdict != NULL);
	CHECK_INT(verdict->n, table->n_operations);
	CHECK(!verdict->differs);
	for (i = 0; i < verdict->n; i++)
		CHECK(verdict->operations[i].is_compatible && !verdict->operations[i].why);
	second = shape_verdict_get(table, packed);
	CHECK(second == verdict); /* found again */
	shape_verdict_unref(second);
	shape_verdict_unref(verdict);
	shape_verdict_unref(NULL);
}

TEST(what_is_sent_is_what_was_made)
{
	struct span packed = shape_packed(table);
	const struct shape_operation *lookup;
	struct codec_problem problem;
	struct shape *shape;
	void *value;

	REQUIRE(codec_unpack_value(&shape_codec_type, packed.p, packed.n, 1 << 20, &value,
				   &problem) == 0);
	shape = value;
	CHECK_INT(shape->operations.n, table->n_operations);
	CHECK(shape_is_sorted(shape));
	lookup = shape_operation(shape, "pyrite.NameServer.lookup");
	REQUIRE(lookup && lookup->in.n == 1 && lookup->out.n == 1);
	CHECK_STR(lookup->in.items[0].name, "name");
	CHECK_INT(lookup->in.items[0].type.kind, PYR__STRING);
	CHECK(shape_operation(shape, "pyrite.NameServer.nothing") == NULL);
	REQUIRE(shape_decl(shape, "pyrite.NameEntry") != NULL);
	CHECK_INT(shape_decl(shape, "pyrite.NameEntry")->fields.n, 9);
	free(shape);
}

/* Another interface has no operation of this one: nothing is compatible, nothing differs. */
TEST(an_interface_without_its_operations_is_no_reason)
{
	struct pyr__operation op = table->operations[0];
	struct pyr__interface other = { .name = "pyrite.NameServer", .operations = &op };
	struct shape_verdict *verdict;
	uint32_t i;

	op.name = "pyrite.NameServer.unheard_of";
	other.n_operations = 1;
	verdict = shape_verdict_get(table, shape_packed(&other));
	REQUIRE(verdict != NULL);
	for (i = 0; i < verdict->n; i++)
		CHECK(!verdict->operations[i].is_compatible && !verdict->operations[i].why);
	CHECK(!verdict->differs);
	shape_verdict_unref(verdict);
}

TEST(what_is_no_shape_is_refused)
{
	static uint8_t large[SHAPE_MAX + 1];
	static const uint8_t nothing[] = { 0xff, 0xff, 0xff };

	CHECK(shape_verdict_get(table, (struct span){ NULL, 0 }) == NULL);
	CHECK(shape_verdict_get(table, (struct span){ large, sizeof(large) }) == NULL);
	CHECK(shape_verdict_get(table, (struct span){ nothing, sizeof(nothing) }) == NULL);
}

/* ---- what a peer may send ---- */

static struct span pack(const struct shape *shape, uint8_t *room)
{
	struct codec_problem problem;
	struct codec_packer packer;
	struct arena arena;

	arena_init(&arena, NULL, 0);
	REQUIRE(codec_prepare_value(&shape_codec_type, shape, &arena, &packer, &problem) == 0);
	REQUIRE(packer.size <= SHAPE_MAX);
	codec_pack(&packer, room);
	arena_clear(&arena);
	return (struct span){ room, packer.size };
}

TEST(lists_out_of_order_are_refused)
{
	struct shape_operation ops[2] = { { .name = "b" }, { .name = "a" } };
	struct shape shape = { .operations = { 2, ops } };
	static uint8_t room[SHAPE_MAX];
	struct shape_verdict *verdict;

	ops[0].raises.items = ops[1].raises.items = NULL;
	CHECK(shape_verdict_get(table, pack(&shape, room)) == NULL);
	CHECK(shape_sort(&shape));
	verdict = shape_verdict_get(table, pack(&shape, room));
	CHECK(verdict != NULL);
	shape_verdict_unref(verdict);
	ops[1].name = "a"; /* twice */
	CHECK(!shape_sort(&shape));
	CHECK(shape_verdict_get(table, pack(&shape, room)) == NULL);
}

static uint32_t next(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* A few bytes of a good one changed, many times: an answer or none, no crash, no leak, and bounded
 * in what is kept. */
TEST(changed_shapes_do_no_harm)
{
	struct span good = shape_packed(table);
	static uint8_t bad[SHAPE_MAX];
	struct shape_verdict *verdict;
	uint32_t state = 1, i, j, n_taken = 0;

	for (i = 0; i < 20000; i++) {
		memcpy(bad, good.p, good.n);
		for (j = next(&state) % 4; j < 4; j++)
			bad[next(&state) % good.n] = (uint8_t)next(&state);
		verdict = shape_verdict_get(table, (struct span){ bad, good.n - next(&state) % 3 });
		n_taken += verdict != NULL;
		shape_verdict_unref(verdict);
	}
	CHECK(n_taken > 0 && n_taken < 20000);
}

/* Types inside types, deeper than any IDL: cut off by the codec. */
TEST(deep_types_are_refused)
{
	struct shape_type types[100];
	struct shape_field field = { .id = 1, .name = "name" };
	struct shape_operation op = { .name = "pyrite.NameServer.lookup" };
	struct shape shape = { .operations = { 1, &op } };
	struct codec_problem problem;
	struct codec_packer packer;
	struct arena arena;
	size_t i;

	for (i = 0; i < 100; i++) {
		types[i] = (struct shape_type){ .kind = PYR__SEQUENCE, .name = "" };
		types[i].of.n = i < 99;
		types[i].of.items = &types[i + 1 < 100 ? i + 1 : i];
	}
	field.type = types[0];
	op.in = (struct shape_fields){ 1, &field };
	arena_init(&arena, NULL, 0);
	CHECK(codec_prepare_value(&shape_codec_type, &shape, &arena, &packer, &problem) < 0);
	arena_clear(&arena);
}

TEST(types_are_told_in_the_words_of_the_idl)
{
	struct shape_type inner = { .kind = PYR__INT32, .name = "" };
	struct shape_type pair[2] = { { .kind = PYR__STRING, .name = "", .bound = 8 },
				      { .kind = PYR__SEQUENCE, .name = "", .of = { 1, &inner } } };
	struct shape_type map = { .kind = PYR__MAP, .name = "", .of = { 2, pair } };
	struct shape_type array = {
		.kind = PYR__ARRAY, .name = "", .bound = 6, .of = { 1, &inner }
	};
	struct shape_type bytes = { .kind = PYR__BYTES, .name = "", .bound = 16 };
	struct shape_type strange = { .kind = 77, .name = "" };
	char text[100];

	shape_type_text(&map, text, sizeof(text));
	CHECK_STR(text, "map<string<8>, sequence<int32>>");
	shape_type_text(&array, text, sizeof(text));
	CHECK_STR(text, "int32[6]");
	shape_type_text(&bytes, text, sizeof(text));
	CHECK_STR(text, "sequence<octet, 16>");
	shape_type_text(&strange, text, sizeof(text));
	CHECK_STR(text, "");
	shape_type_text(&map, text, 8);
	CHECK_STR(text, "map<str");
}

struct told {
	int n, n_breaks;
};

static void count_told(const struct shape_difference *difference, void *data)
{
	struct told *told = data;

	told->n++;
	told->n_breaks += difference->breaks;
}

/* A peer's version may have thousands of fields that this end has not. */
TEST(who_asks_whether_it_breaks_hears_the_first_reason_alone)
{
	struct shape_field mine[] = { { .id = 1, .name = "x", .type = { .name = "" } },
				      { .id = 2, .name = "y", .type = { .name = "" } } };
	struct shape_field theirs[] = {
		{ .id = 1, .name = "renamed", .type = { .name = "" } },
		{ .id = 2, .name = "renamed_too", .type = { .name = "" } },
		{ .id = 3, .flags = SHAPE_OPTIONAL, .name = "new", .type = { .name = "" } }
	};
	struct shape_operation a = { .name = "o", .in = { 2, mine } };
	struct shape_operation b = { .name = "o", .in = { 3, theirs } };
	struct shape one = { .operations = { 1, &a } }, other = { .operations = { 1, &b } };
	struct told told = { 0, 0 };
	struct shape_compare compare = {
		.a = &one, .b = &other, .tell = count_told, .data = &told
	};

	REQUIRE(shape_compare_begin(&compare));
	shape_compare_operation(&compare, &a, &b);
	CHECK_INT(told.n, 3);
	CHECK_INT(told.n_breaks, 2);
	told = (struct told){ 0, 0 };
	compare.only_breaks = true;
	shape_compare_operation(&compare, &a, &b);
	CHECK_INT(told.n, 1);
	CHECK_INT(told.n_breaks, 1);
	theirs[0].name = "x";
	theirs[1].name = "y";
	told = (struct told){ 0, 0 };
	shape_compare_operation(&compare, &a, &b);
	CHECK_INT(told.n, 0);
	shape_compare_end(&compare);
}

TESTS(shape, T(an_interface_goes_with_itself), T(what_is_sent_is_what_was_made),
      T(an_interface_without_its_operations_is_no_reason), T(what_is_no_shape_is_refused),
      T(lists_out_of_order_are_refused), T(changed_shapes_do_no_harm), T(deep_types_are_refused),
      T(types_are_told_in_the_words_of_the_idl),
      T(who_asks_whether_it_breaks_hears_the_first_reason_alone))
