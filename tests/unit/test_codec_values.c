/* SPDX-License-Identifier: MIT */
/* Values of every kind there and back: as parameters, as results, inside structs. */
#include "../codec/codec_help.h"

static struct wire wire, again;

static void check_sample(const struct shapes_All *all)
{
	CHECK(all->scalars.b);
	CHECK_INT(all->scalars.c, (char)0xe9);
	CHECK_INT(all->scalars.i16, -300);
	CHECK(all->scalars.u64 == UINT64_MAX);
	CHECK(all->scalars.d == -2.5);
	CHECK_STR(all->text, "0123456789");
	CHECK_INT(all->blob.n, 3);
	CHECK_INT(all->blob.items[2], 255);
	CHECK_INT(all->point.y, 8);
	CHECK_INT(all->numbers.n, 3);
	CHECK_INT(all->numbers.items[1], -2);
	CHECK_STR(all->names.items[1], "");
	CHECK_INT(all->points.items[2].x, -1);
	CHECK_INT(all->colors.items[2], 99);
	CHECK_INT(all->small.items[0], -128);
	CHECK_INT(all->blobs.items[1].n, 0);
	CHECK(all->blobs.items[1].items != NULL);
	CHECK_INT(all->grid.items[2].items[2], 300);
	CHECK_INT(all->grid.items[1].n, 0);
	CHECK_STR(all->scores.items[0].key, "one");
	CHECK_INT(all->places.items[0].value.y, 4);
	CHECK(all->lists.items[1].key == UINT64_MAX);
	CHECK_INT(all->lists.items[0].value.items[0], 1);
	CHECK_INT(all->matrix[1][2], 6);
	CHECK(all->has_maybe && all->maybe == 0);
	CHECK(all->has_maybe_text);
	CHECK_STR(all->maybe_text, "");
	CHECK_INT(all->maybe_point.x, 9);
	CHECK(all->has_maybe_numbers && all->maybe_numbers.n == 0);
	CHECK(all->has_maybe_blob && all->maybe_blob.n == 0);
	CHECK_INT(all->count, 0);
	CHECK_STR(all->title, "");
	CHECK_STR(all->shape._u.name, "shape");
	CHECK_INT(all->choice._d, 20);
	CHECK_STR(all->choice._u.text, "");
	CHECK_INT(all->shapes.items[3]._u.numbers.items[0], 1);
	CHECK_INT(all->shapes.items[4]._d, -7);
	CHECK(all->shapes.items[4]._u.ratio == 0.25);
	CHECK_INT(all->choices.items[0]._d, 10);
	CHECK_INT(all->choices.items[4]._u.list.items[2], 300);
	CHECK_INT(all->choices.items[5]._d, 0);
	CHECK_INT(all->tree.children.items[1].value, 3);
	CHECK_INT(all->color, shapes_BLUE);
	CHECK(all->flags.items[0] && !all->flags.items[1] && all->flags.items[2]);
	CHECK(all->ratios.items[1] == -1e300);
}

TEST(a_struct_of_everything_comes_back_in_one_block)
{
	struct codec_problem problem;
	void *all;

	CHECK_INT(help_pack_value(&shapes_All_type, &shapes_sample, &wire, &problem), 0);
	REQUIRE(help_unpack_value(&shapes_All_type, wire.data, wire.n, &all, &problem) == 0);
	check_sample(all);
	CHECK_INT(help_pack_value(&shapes_All_type, all, &again, &problem), 0);
	CHECK_INT(again.n, wire.n);
	CHECK(memcmp(again.data, wire.data, wire.n) == 0);
	free(all);
}

TEST(everything_comes_back_as_parameters)
{
	union pyr__slot in[SHAPES_ALL], out[SHAPES_ALL];
	const struct codec_message *request = help_op(SHAPES_ECHO)->request;
	struct codec_problem problem;
	struct wire value;
	struct arena arena;

	shapes_slots(&shapes_sample, in);
	CHECK_INT(help_pack(request, in, &wire, &problem), 0);
	CHECK_INT(help_pack_value(&shapes_All_type, &shapes_sample, &value, &problem), 0);
	CHECK(wire.n == value.n && memcmp(wire.data, value.data, wire.n) == 0);
	arena_init(&arena, NULL, 0);
	REQUIRE(codec_unpack(request, (struct span){ wire.data, wire.n }, false, MAX_MESSAGE,
			     &arena, out, &problem) == 0);
	CHECK_STR(out[F_TEXT].s, "0123456789");
	CHECK_INT(((const struct shapes_Point *)out[F_POINT].p)->x, 7);
	CHECK_INT(*(const int32_t *)out[F_MAYBE].p, 0);
	CHECK_STR(out[F_MAYBE_TEXT].s, "");
	CHECK_INT(out[F_COLOR].i32, shapes_BLUE);
	CHECK_INT(help_pack(request, out, &again, &problem), 0);
	CHECK(again.n == wire.n && memcmp(again.data, wire.data, wire.n) == 0);
	arena_clear(&arena);
}

/* Where echo's results go: all pointers but two. */
struct results {
	void *blocks[SHAPES_ALL];
	int32_t count, color;
	void *out[SHAPES_ALL];
};

static void results_init(struct results *results)
{
	int i;

	for (i = 0; i < SHAPES_ALL; i++)
		results->out[i] = &results->blocks[i];
	results->out[F_COUNT] = &results->count;
	results->out[F_COLOR] = &results->color;
	memset(results->blocks, 0, sizeof(results->blocks));
}

static void results_free(struct results *results)
{
	int i;

	for (i = 0; i < SHAPES_ALL; i++)
		free(results->blocks[i]);
}

TEST(each_result_is_a_block_of_its_own)
{
	union pyr__slot slots[SHAPES_ALL];
	const struct codec_operation *echo = help_op(SHAPES_ECHO);
	struct codec_problem problem;
	struct results results;
	int i;

	results_init(&results);
	shapes_slots(&shapes_sample, slots);
	CHECK_INT(help_pack(echo->reply, slots, &wire, &problem), 0);
	REQUIRE(codec_unpack_results(echo->reply, wire.data, wire.n, MAX_MESSAGE, results.out,
				     &problem) == 0);
	for (i = 0; i < SHAPES_ALL; i++) {
		CHECK((results.blocks[i] != NULL) == (i != F_COUNT && i != F_COLOR));
		slots[i].p = results.blocks[i];
	}
	slots[F_COUNT].i32 = results.count;
	slots[F_COLOR].i32 = results.color;
	CHECK_INT(help_pack(echo->reply, slots, &again, &problem), 0);
	CHECK(again.n == wire.n && memcmp(again.data, wire.data, wire.n) == 0);
	results_free(&results);
}

TEST(absent_optional_results_are_NULL_and_unwanted_ones_not_stored)
{
	union pyr__slot slots[SHAPES_ALL];
	const struct codec_operation *echo = help_op(SHAPES_ECHO);
	struct shapes_All value = shapes_sample;
	struct codec_problem problem;
	struct results results;

	value.has_maybe = value.has_maybe_text = value.has_maybe_point = false;
	value.has_maybe_numbers = value.has_maybe_blob = false;
	shapes_slots(&value, slots);
	CHECK_INT(help_pack(echo->reply, slots, &wire, &problem), 0);
	results_init(&results);
	memset(&results.blocks[F_MAYBE], 0x55, 5 * sizeof(void *));
	results.out[F_TREE] = results.out[F_TEXT] = results.out[F_COUNT] = NULL;
	REQUIRE(codec_unpack_results(echo->reply, wire.data, wire.n, MAX_MESSAGE, results.out,
				     &problem) == 0);
	CHECK(results.blocks[F_MAYBE] == NULL);
	CHECK(results.blocks[F_MAYBE_TEXT] == NULL);
	CHECK(results.blocks[F_MAYBE_POINT] == NULL);
	CHECK(results.blocks[F_MAYBE_NUMBERS] == NULL);
	CHECK(results.blocks[F_MAYBE_BLOB] == NULL);
	CHECK(results.blocks[F_TREE] == NULL);
	CHECK(results.blocks[F_SCORES] != NULL);
	results_free(&results);
}

TEST(results_are_all_stored_or_none)
{
	union pyr__slot slots[SHAPES_ALL];
	const struct codec_operation *echo = help_op(SHAPES_ECHO);
	struct codec_problem problem;
	struct results results;
	int i;

	shapes_slots(&shapes_sample, slots);
	CHECK_INT(help_pack(echo->reply, slots, &wire, &problem), 0);
	results_init(&results);
	results.count = results.color = 77;
	memcpy(wire.data + wire.n, "\x4a\x02\x80\x01", 4); /* small = 128: fails after others */
	CHECK_INT(codec_unpack_results(echo->reply, wire.data, wire.n + 4, MAX_MESSAGE, results.out,
				       &problem),
		  -PYR_INVALID_ARGUMENT);
	CHECK_STR(problem.text, "small[3] does not fit int8: 128");
	CHECK_INT(results.count, 77);
	CHECK_INT(results.color, 77);
	for (i = 0; i < SHAPES_ALL; i++)
		CHECK(results.blocks[i] == NULL);
}

/* matrix = 0 0 0 0 0 0: the one thing that may not be absent */
#define MATRIX "\x7a\x06\0\0\0\0\0\0"

TEST(what_is_absent_is_empty_or_its_default)
{
	struct codec_problem problem;
	struct shapes_All *all;
	void *block;

	REQUIRE(help_unpack_value(&shapes_All_type, MATRIX, 8, &block, &problem) == 0);
	all = block;
	CHECK_STR(all->text, "");
	CHECK(all->blob.n == 0 && all->blob.items);
	CHECK_INT(all->numbers.n, 0);
	CHECK_INT(all->scores.n, 0);
	CHECK(!all->has_maybe && !all->has_maybe_text && !all->has_maybe_point);
	CHECK(!all->has_maybe_numbers && !all->has_maybe_blob);
	CHECK_INT(all->count, 42);
	CHECK_STR(all->title, "untitled");
	CHECK_INT(all->shape._d, 0);
	CHECK(all->shape._u.ratio == 0);
	CHECK_INT(all->choice._d, 0);
	CHECK_INT(all->tree.children.n, 0);
	CHECK_INT(all->color, 0);
	free(block);
}

TEST(a_zeroed_struct_can_be_sent_but_for_its_strings)
{
	struct shapes_All zero;
	struct codec_problem problem;
	void *block;

	memset(&zero, 0, sizeof(zero));
	CHECK_INT(help_pack_value(&shapes_All_type, &zero, &wire, &problem), -PYR_INVALID_ARGUMENT);
	CHECK_STR(problem.text, "member 'text' is NULL");
	zero.text = zero.title = "";
	CHECK_INT(help_pack_value(&shapes_All_type, &zero, &wire, &problem), 0);
	REQUIRE(help_unpack_value(&shapes_All_type, wire.data, wire.n, &block, &problem) == 0);
	CHECK_INT(((struct shapes_All *)block)->count, 0); /* sent, so not the default */
	CHECK_STR(((struct shapes_All *)block)->title, "");
	free(block);
}

TEST(of_equal_map_keys_the_last_counts)
{
	/* scores: a=1 b=2 a=3 c=4 (bound 3, after duplicates) */
	static const char data[] = MATRIX "\x62\x05\x0a\x01"
					  "a\x10\x01"
					  "\x62\x05\x0a\x01"
					  "b\x10\x02"
					  "\x62\x05\x0a\x01"
					  "a\x10\x03"
					  "\x62\x05\x0a\x01"
					  "c\x10\x04"
					  "\x6a\x04\x08\x05\x12\x00" /* places: 5={} 5={1,0} */
					  "\x6a\x06\x08\x05\x12\x02\x08\x01";
	struct codec_problem problem;
	struct shapes_All *all;
	void *block;

	REQUIRE(help_unpack_value(&shapes_All_type, data, sizeof(data) - 1, &block, &problem) == 0);
	all = block;
	CHECK_INT(all->scores.n, 3);
	CHECK_STR(all->scores.items[0].key, "b");
	CHECK_STR(all->scores.items[1].key, "a");
	CHECK_INT(all->scores.items[1].value, 3);
	CHECK_STR(all->scores.items[2].key, "c");
	CHECK_INT(all->places.n, 1);
	CHECK_INT(all->places.items[0].value.x, 1);
	free(block);
}

TEST(of_several_members_of_a_oneof_the_last_counts)
{
	struct codec_problem problem;
	struct shapes_Choice *choice;
	void *block;

	/* number=1, point={2}, text="z", blob="", text="ab" */
	static const char data[] = "\x08\x01\x1a\x02\x08\x02\x12\x01z\x22\x00\x12\x02"
				   "ab";

	REQUIRE(help_unpack_value(&shapes_Choice_type, data, sizeof(data) - 1, &block, &problem) ==
		0);
	choice = block;
	CHECK_INT(choice->_d, 20);
	CHECK_STR(choice->_u.text, "ab");
	free(block);
}

TEST(a_union_takes_the_member_its_discriminator_selects)
{
	struct codec_problem problem;
	struct shapes_Shape *shape;
	void *block;

	/* discriminator 2, but point={1} sent: name is empty */
	REQUIRE(help_unpack_value(&shapes_Shape_type, "\x08\x02\x12\x02\x08\x01", 6, &block,
				  &problem) == 0);
	shape = block;
	CHECK_INT(shape->_d, 2);
	CHECK_STR(shape->_u.name, "");
	free(block);
	help_refuse(&shapes_Shape_type, "\x08\x80\x80\x02", 4, PYR_INVALID_ARGUMENT,
		    "member 'discriminator' does not fit int16: 32768");
}

TEST(repeated_scalars_come_packed_or_not)
{
	static const char data[] = MATRIX "\x28\x01\x2a\x02\x02\x03\x28\x04\xe8\x01\x01"
					  "\xea\x01\x02\x00\x01";
	struct codec_problem problem;
	struct shapes_All *all;
	void *block;

	REQUIRE(help_unpack_value(&shapes_All_type, data, sizeof(data) - 1, &block, &problem) == 0);
	all = block;
	CHECK_INT(all->numbers.n, 4);
	CHECK_INT(all->numbers.items[1], 2);
	CHECK_INT(all->numbers.items[3], 4);
	CHECK_INT(all->flags.n, 3);
	CHECK(all->flags.items[0] && !all->flags.items[1] && all->flags.items[2]);
	free(block);
}

TEST(unknown_fields_are_left_out_at_every_level)
{
	/* tree { value=1, 99="xyz", children { 98: fixed32, value=2, 97 {} } }, 96=5 */
	static const char data[] = MATRIX "\xda\x01\x15\x08\x01\x9a\x06\x03xyz\x12\x0b\x95\x06"
					  "1234\x08\x02\x8a\x06\x00\x80\x06\x05";
	struct codec_problem problem;
	struct shapes_All *all;
	void *block;

	REQUIRE(help_unpack_value(&shapes_All_type, data, sizeof(data) - 1, &block, &problem) == 0);
	all = block;
	CHECK_INT(all->tree.value, 1);
	CHECK_INT(all->tree.children.n, 1);
	CHECK_INT(all->tree.children.items[0].value, 2);
	free(block);
}

TEST(a_bool_that_is_neither_0_nor_1_is_true)
{
	struct codec_problem problem;
	uint8_t byte = 2; /* a bool as careless C may leave it */
	struct shapes_Scalars scalars = { .c = 'c' };
	void *block;

	memcpy(&scalars.b, &byte, 1);
	CHECK_INT(help_pack_value(&shapes_Scalars_type, &scalars, &wire, &problem), 0);
	REQUIRE(help_unpack_value(&shapes_Scalars_type, wire.data, wire.n, &block, &problem) == 0);
	CHECK(((struct shapes_Scalars *)block)->b);
	free(block);
}

TEST(an_operation_is_shown_in_the_words_of_the_idl)
{
	char text[128], cut[10];

	codec_signature(help_op(SHAPES_GREET)->table, text, sizeof(text));
	CHECK_STR(text, "(string<9>, int32[6], @optional int32) -> "
			"(map<string, int32, 3>, shapes.Color)");
	codec_signature(help_op(SHAPES_REFS)->table, text, sizeof(text));
	CHECK_STR(text, "(shapes.Server, shapes.Refs) -> Object");
	codec_signature(help_op(SHAPES_GREET)->table, cut, sizeof(cut));
	CHECK_STR(cut, "(string<9");
}

TESTS(codec_values, T(a_struct_of_everything_comes_back_in_one_block),
      T(everything_comes_back_as_parameters), T(each_result_is_a_block_of_its_own),
      T(absent_optional_results_are_NULL_and_unwanted_ones_not_stored),
      T(results_are_all_stored_or_none), T(what_is_absent_is_empty_or_its_default),
      T(a_zeroed_struct_can_be_sent_but_for_its_strings), T(of_equal_map_keys_the_last_counts),
      T(of_several_members_of_a_oneof_the_last_counts),
      T(a_union_takes_the_member_its_discriminator_selects), T(repeated_scalars_come_packed_or_not),
      T(unknown_fields_are_left_out_at_every_level), T(a_bool_that_is_neither_0_nor_1_is_true),
      T(an_operation_is_shown_in_the_words_of_the_idl))
