/* SPDX-License-Identifier: MIT */
/*
 * How much memory a value may take is counted in the same way by who sends it and by who gets it,
 * and does not depend on what is in it: what one may send the other may take.
 */
#include "../codec/codec_help.h"

#include <time.h>

enum { MANY = 100000 };

static uint8_t data[8 << 20];

/* Packs into data; a failure ends the test. */
static struct codec_packer pack(const struct shapes_All *value)
{
	struct codec_packer packer;
	struct codec_problem problem;
	struct arena arena;

	arena_init(&arena, NULL, 0);
	REQUIRE(codec_prepare_value(&shapes_All_type, value, &arena, &packer, &problem) == 0);
	REQUIRE(packer.size <= sizeof(data));
	codec_pack(&packer, data);
	arena_clear(&arena);
	return packer;
}

/* Whether an end that takes messages of max bytes takes it; it says the same before and after. */
static bool is_taken(const struct codec_packer *packer, uint32_t max)
{
	struct codec_problem problem = { 0 };
	char text[128] = "";
	void *block = NULL;
	bool goes = !codec_is_too_large(packer, max, text, sizeof(text));
	int status =
		codec_unpack_value(&shapes_All_type, data, packer->size, max, &block, &problem);

	CHECK_INT(status, goes ? 0 : -PYR_RESOURCE_EXHAUSTED);
	CHECK((text[0] == '\0') == goes);
	free(block);
	return goes;
}

/* The least max_message that lets a value of that memory through; the bytes on the wire are few. */
static uint32_t least_max(const struct codec_packer *packer)
{
	size_t over = packer->memory - codec_memory_max(0);

	REQUIRE(packer->memory > codec_memory_max(0) && packer->size < over / 4);
	return (uint32_t)((over + 3) / 4);
}

/* Much memory and little on the wire, so that memory decides. */
static struct shapes_Node ballast[4 * MANY];

static void check_both_ends_agree(const struct shapes_All *value)
{
	struct shapes_All v = *value;
	struct codec_packer packer;
	uint32_t max;

	v.tree.children = (struct Node_seq){ 4 * MANY, ballast };
	packer = pack(&v);
	max = least_max(&packer);

	CHECK(is_taken(&packer, MAX_MESSAGE));
	CHECK(is_taken(&packer, max));
	CHECK(!is_taken(&packer, max - 2)); /* 8 bytes less */
}

/* Items that are all zero, so that each takes two bytes on the wire. */
static struct shapes_Shape shapes[MANY];
static struct shapes_Choice choices[MANY];
static struct int32_seq rows[MANY];
static struct Lists_entry lists[MANY];
static struct pyr_bytes blobs[MANY];
static const char *names[MANY];

TEST(lists_of_zeros_and_empty_values_are_counted_alike_at_both_ends)
{
	struct shapes_All v = shapes_sample;
	int i;

	for (i = 0; i < MANY; i++) {
		shapes[i] = (struct shapes_Shape){ 1, { .point = { 0, 0 } } };
		lists[i].key = (uint64_t)i % 3; /* of one key the last stays */
	}
	v.shapes = (struct Shape_seq){ MANY, shapes };
	check_both_ends_agree(&v);
	v = shapes_sample;
	v.choices = (struct Choice_seq){ MANY, choices };
	check_both_ends_agree(&v);
	v = shapes_sample;
	v.grid = (struct Grid){ MANY, rows };
	check_both_ends_agree(&v);
	v = shapes_sample;
	v.lists = (struct Lists){ MANY, lists };
	check_both_ends_agree(&v);
	check_both_ends_agree(&shapes_sample);
}

TEST(empty_strings_and_bytes_are_counted_alike_and_cost_their_pointers)
{
	struct shapes_All v = shapes_sample;
	struct codec_packer packer;
	size_t before = pack(&v).memory;
	int i;

	for (i = 0; i < MANY; i++)
		names[i] = "";
	v.names = (struct string_seq){ MANY, names };
	packer = pack(&v);
	CHECK(packer.memory <= before + MANY * sizeof(char *));
	v.blobs = (struct bytes_seq){ MANY, blobs };
	check_both_ends_agree(&v);
}

TEST(what_values_hold_does_not_decide_whether_they_go)
{
	static struct shapes_Point points[MANY];
	struct shapes_All v = shapes_sample;
	struct codec_packer zeros, ones;
	int i;

	v.points = (struct Point_seq){ MANY, points };
	zeros = pack(&v);
	CHECK(is_taken(&zeros, MAX_MESSAGE));
	for (i = 0; i < MANY; i++)
		points[i] = (struct shapes_Point){ 1, 1 };
	ones = pack(&v);
	CHECK(ones.size > zeros.size);
	CHECK_INT(ones.memory, zeros.memory);
}

TEST(empty_values_are_never_NULL)
{
	const char *two[] = { "", "" };
	struct shapes_All v = shapes_sample, *got;
	struct codec_problem problem;
	struct codec_packer packer;
	void *block = NULL;

	v.text = "";
	v.blob = (struct pyr_bytes){ 0, NULL };
	v.names = (struct string_seq){ 2, two };
	packer = pack(&v);
	REQUIRE(codec_unpack_value(&shapes_All_type, data, packer.size, MAX_MESSAGE, &block,
				   &problem) == 0);
	got = block;
	CHECK_STR(got->text, "");
	CHECK(got->blob.items != NULL);
	CHECK_STR(got->names.items[1], "");
	free(block);
}

/* Messages that nobody would send: two bytes for each item of the largest kind there is. */
TEST(what_a_small_message_may_become_is_bounded_by_what_the_end_takes)
{
	static const uint8_t item[2] = { 0xca, 0x01 }; /* shapes: an empty one is 00 */
	struct codec_problem problem;
	void *block = NULL;
	size_t i, n = 3 * (sizeof(data) / 3);

	memcpy(data, "\x7a\x06\0\0\0\0\0\0", 8); /* the matrix has to be there */
	for (i = 8; i + 3 <= n; i += 3) {
		memcpy(data + i, item, 2);
		data[i + 2] = 0;
	}
	CHECK_INT(codec_unpack_value(&shapes_All_type, data, i, 1 << 20, &block, &problem),
		  -PYR_RESOURCE_EXHAUSTED);
	CHECK_STR(problem.text, "the message takes more than 5242880 bytes of memory");
	CHECK(block == NULL);
}

/* ---- lists whose elements are mixed ---- */

enum { LISTS = 2000, MIXED = 1000000 };

struct int32s {
	size_t n;
	int32_t *items;
};

static uint8_t *put_element(uint8_t *p, unsigned list, int32_t value)
{
	uint32_t tag = (list + 1) << 3;

	for (; tag > 127; tag >>= 7)
		*p++ = (uint8_t)(tag | 128);
	*p++ = (uint8_t)tag;
	*p++ = (uint8_t)value;
	return p;
}

static struct pyr__field fields[LISTS];

/* The same as parameters. */
static void check_parameters(size_t n)
{
	static const struct pyr__operation op = {
		.name = "t.I.f", .fields = fields, .n_in = LISTS, .fingerprint = 1
	};
	static const struct pyr__interface table = {
		.abi = PYR_GEN_ABI, .name = "t.I", .n_operations = 1, .operations = &op
	};
	const struct codec_interface *interface = codec_interface_get(&table);
	union pyr__slot *slots = calloc(LISTS, sizeof(*slots));
	const struct int32s *list;
	struct codec_problem problem;
	struct arena arena;
	unsigned i;

	REQUIRE(interface && slots);
	arena_init(&arena, NULL, 0);
	REQUIRE(codec_unpack(interface->operations[0].request, (struct span){ data, n }, true,
			     16 << 20, &arena, slots, &problem) == 0);
	for (i = 0; i < LISTS; i++) {
		list = slots[i].p;
		REQUIRE(list->n >= 2 && list->items[0] == 1 && list->items[list->n - 1] == 3);
	}
	arena_clear(&arena);
	free(slots);
}

/* Each list begins at the beginning and ends at the end, with a million elements in between: list
 * by list it would be 2,000 times the message. */
TEST(lists_that_are_mixed_are_read_once)
{
	static const struct pyr__field item = { .id = 1, .name = "items", .kind = PYR__INT32 };
	static const struct pyr__type list = {
		.kind = PYR__SEQUENCE, .size = sizeof(struct int32s), .n_fields = 1, .fields = &item
	};
	static struct pyr__type type = { .kind = PYR__STRUCT,
					 .name = "t.Lists",
					 .n_fields = LISTS };
	uint8_t *p = data;
	struct codec_problem problem;
	clock_t before = clock();
	struct int32s *all;
	void *block;
	unsigned i;

	REQUIRE(sizeof(data) > 4 * (2 * LISTS + MIXED));
	for (i = 0; i < LISTS; i++) {
		fields[i] = (struct pyr__field){ .id = i + 1, .name = "l", .kind = PYR__SEQUENCE };
		fields[i].type = &list;
		fields[i].offset = i * (uint32_t)sizeof(struct int32s);
		p = put_element(p, i, 1);
	}
	type.fields = fields;
	type.size = LISTS * (uint32_t)sizeof(struct int32s);
	for (i = 0; i < MIXED; i++)
		p = put_element(p, i % 15, 2);
	for (i = 0; i < LISTS; i++)
		p = put_element(p, LISTS - 1 - i, 3);
	REQUIRE(codec_unpack_value(&type, data, (size_t)(p - data), 16 << 20, &block, &problem) ==
		0);
	all = block;
	for (i = 0; i < LISTS; i++) {
		REQUIRE(all[i].n == 2 + (i < 15 ? (MIXED + 14 - i) / 15 : 0));
		REQUIRE(all[i].items[0] == 1 && all[i].items[all[i].n - 1] == 3);
		REQUIRE(all[i].n == 2 || all[i].items[1] == 2);
	}
	pyr_free(block);
	check_parameters((size_t)(p - data));
	CHECK(clock() - before < 5 * CLOCKS_PER_SEC);
}

TESTS(codec_bounds, T(lists_of_zeros_and_empty_values_are_counted_alike_at_both_ends),
      T(empty_strings_and_bytes_are_counted_alike_and_cost_their_pointers),
      T(what_values_hold_does_not_decide_whether_they_go), T(empty_values_are_never_NULL),
      T(what_a_small_message_may_become_is_bounded_by_what_the_end_takes),
      T(lists_that_are_mixed_are_read_once))
