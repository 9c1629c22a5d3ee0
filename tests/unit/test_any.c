/* SPDX-License-Identifier: MIT */
/* Values of any type: made, read, and refused. */
#include "any_help.h"

/* ---- made and read ---- */

TEST(a_struct_becomes_an_any_and_is_the_same_again)
{
	pyr_any *any = point_any(NULL, 5), *copy;

	REQUIRE(any);
	copy = pyr_any_dup(NULL, any);
	check_point(any, 5);
	check_point(copy, 5);
}

TEST(unions_enums_exceptions_and_collections_become_any_too)
{
	struct values_Point points[] = { { 1, 2 }, { 3, 4 } };
	struct values_Points list = { 2, points }, *points_again;
	struct values_Places_entry entry = { "here", list };
	struct values_Places places = { 1, &entry }, *places_again;
	struct values_Grid grid = { { { 1 }, { 0, 0, 6 } } }, *grid_again;
	struct values_Shape shape = { ._d = values_GREEN, ._u.text = "round" }, *shape_again;
	struct values_Refused refused = { .why = "no", .points = list }, *refused_again;
	enum values_Color color = values_RED;
	pyr_any *all[] = {
		values_Points_to_any(NULL, &list),     values_Places_to_any(NULL, &places),
		values_Grid_to_any(NULL, &grid),       values_Shape_to_any(NULL, &shape),
		values_Refused_to_any(NULL, &refused), values_Color_to_any(NULL, values_BLUE)
	};
	size_t i;

	REQUIRE(values_Points_from_any(all[0], &points_again) == 0);
	CHECK(points_again->n == 2 && points_again->items[1].y == 4);
	REQUIRE(values_Places_from_any(all[1], &places_again) == 0);
	CHECK_STR(places_again->items[0].key, "here");
	CHECK_INT(places_again->items[0].value.items[1].x, 3);
	REQUIRE(values_Grid_from_any(all[2], &grid_again) == 0);
	CHECK_INT(grid_again->items[1][2], 6);
	REQUIRE(values_Shape_from_any(all[3], &shape_again) == 0);
	CHECK_STR(shape_again->_u.text, "round");
	REQUIRE(values_Refused_from_any(all[4], &refused_again) == 0);
	CHECK_STR(refused_again->why, "no");
	CHECK_INT(values_Color_from_any(all[5], &color), 0);
	CHECK_INT(color, values_BLUE);
	pyr_free(points_again);
	pyr_free(places_again);
	pyr_free(grid_again);
	pyr_free(shape_again);
	pyr_free(refused_again);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		pyr_free(all[i]);
}

TEST(values_that_are_zero_or_empty_become_any_too)
{
	struct values_Points none = { 0 }, *points = NULL;
	struct values_Empty empty = { 0 }, *again = NULL;
	enum values_Color color = values_BLUE;
	pyr_any *any[] = { values_Points_to_any(NULL, &none), values_Empty_to_any(NULL, &empty),
			   values_Color_to_any(NULL, values_RED) };

	check_point(point_any(NULL, 0), 0);
	CHECK_INT(values_Points_from_any(any[0], &points), 0);
	CHECK(points && points->n == 0);
	CHECK_INT(values_Empty_from_any(any[1], &again), 0);
	CHECK_INT(values_Color_from_any(any[2], &color), 0);
	CHECK_INT(color, values_RED);
	pyr_free(points);
	pyr_free(again);
	pyr_free(any[0]);
	pyr_free(any[1]);
	pyr_free(any[2]);
	CHECK(values_Point_to_any(NULL, NULL) == NULL);
	CHECK(pyr_any_dup(NULL, NULL) == NULL);
	CHECK_STR(pyr_any_type(NULL), "");
}

#define NUMBER(noun, c_type, number)                                                               \
	do {                                                                                       \
		pyr_any *any_ = pyr_##noun##_to_any(NULL, number);                                 \
		c_type ret_ = 0;                                                                   \
		CHECK_INT(pyr_##noun##_from_any(any_, &ret_), 0);                                  \
		CHECK(ret_ == (number));                                                           \
		pyr_free(any_);                                                                    \
	} while (0)

TEST(numbers_texts_and_bytes_become_any_by_the_runtime)
{
	struct pyr_bytes bytes = { 3, (uint8_t *)"a\0b" }, *bytes_again = NULL;
	pyr_any *text = pyr_string_to_any(NULL, "grüezi"), *blob = pyr_bytes_to_any(NULL, &bytes);
	char *text_again = NULL;

	NUMBER(bool, bool, true);
	NUMBER(int32, int32_t, INT32_MIN);
	NUMBER(uint32, uint32_t, UINT32_MAX);
	NUMBER(int64, int64_t, INT64_MIN);
	NUMBER(uint64, uint64_t, UINT64_MAX);
	NUMBER(float, float, 0.5f);
	NUMBER(double, double, -1e300);
	CHECK_STR(pyr_any_type(text), "google.protobuf.StringValue");
	CHECK_INT(pyr_string_from_any(text, &text_again), 0);
	CHECK_STR(text_again, "grüezi");
	CHECK_INT(pyr_bytes_from_any(blob, &bytes_again), 0);
	CHECK(bytes_again && bytes_again->n == 3 && memcmp(bytes_again->items, "a\0b", 3) == 0);
	refuses(pyr_int64_from_any(text, &(int64_t){ 0 }), PYR_INVALID_ARGUMENT,
		"the any is not of type google.protobuf.Int64Value: it is a "
		"google.protobuf.StringValue");
	pyr_free(text);
	pyr_free(text_again);
	pyr_free(blob);
	pyr_free(bytes_again);
}

/* ---- refused ---- */

TEST(an_any_of_another_type_is_refused_with_both_names)
{
	struct values_Shape *shape = NULL;
	pyr_any *any = point_any(NULL, 1);

	refuses(values_Shape_from_any(any, &shape), PYR_INVALID_ARGUMENT,
		"the any is not of type values.Shape: it is a values.Point");
	refuses(values_Shape_from_any(NULL, &shape), PYR_INVALID_ARGUMENT,
		"the any is not of type values.Shape: it is nil");
	refuses(values_Point_from_any(any, NULL), PYR_INVALID_ARGUMENT, "ret is NULL");
	CHECK(shape == NULL);
	pyr_free(any);
}

TEST(a_value_that_cannot_be_sent_becomes_no_any_and_its_member_is_named)
{
	struct values_Node leaf = { .name = NULL }, node = { .name = "x" };
	struct values_Names names = { 1, (const char *[]){ "\xff" } };
	static uint8_t much[MAX + 1];

	node.children.n = 1;
	node.children.items = &leaf;
	CHECK(values_Node_to_any(NULL, &node) == NULL);
	refuses(-pyr_last_error()->code, PYR_INVALID_ARGUMENT,
		"cannot make an any of this values.Node: children[0].name is NULL");
	CHECK(values_Names_to_any(NULL, &names) == NULL);
	refuses(-pyr_last_error()->code, PYR_INVALID_ARGUMENT,
		"values.Names[0] is not valid UTF-8");
	CHECK(pyr_bytes_to_any(NULL, &(struct pyr_bytes){ sizeof(much), much }) == NULL);
	refuses(-pyr_last_error()->code, PYR_RESOURCE_EXHAUSTED, "MessageTooLarge");
}

static void count_release(void *data)
{
	atomic_fetch_add((atomic_int *)data, 1);
}

TEST(references_in_a_value_are_the_anys_until_it_is_freed)
{
	static const struct values_Thing_methods none;
	struct values_Held held = { .name = "held" }, *again = NULL;
	pyr_any *any = values_Held_to_any(NULL, &held), *copy;
	atomic_int n_released = 0;
	int i;

	CHECK(any != NULL); /* nil is no reference */
	pyr_free(any);
	held.thing = values_Thing_object(NULL, &none, &n_released, count_release);
	REQUIRE(held.thing);
	any = values_Held_to_any(NULL, &held);
	copy = pyr_any_dup(NULL, any);
	REQUIRE(any && copy);
	values_Thing_free(held.thing);
	pyr_free(any);
	CHECK_INT(values_Held_from_any(copy, &again), 0);
	pyr_free(copy);
	REQUIRE(again != NULL);
	CHECK(again->thing == held.thing); /* the object itself, which is there */
	CHECK_INT(n_released, 0);
	pyr_free(again);
	for (i = 0; i < 20000 && atomic_load(&n_released) == 0; i++)
		(void)pyr_sleep(1);
	CHECK_INT(n_released, 1);
}

/* ---- as they come from a peer ---- */

static void node_refused(uint64_t fingerprint, const void *value, size_t n, const char *text)
{
	struct values_Carrier *carrier = made("x/values.Node", fingerprint, value, n);
	struct values_Node *node = NULL;

	refuses(values_Node_from_any(carrier->one, &node), PYR_INVALID_ARGUMENT, text);
	CHECK(node == NULL);
	pyr_free(carrier);
}

TEST(bytes_that_are_no_such_value_are_refused_by_name_and_place)
{
	uint64_t right = values_Node_type.fingerprint;
	uint8_t deep[1024], inner[1024];
	size_t i, n = 0;

	CHECK(right != 0);
	node_refused(right, "\x0a\x02\xff\xff", 4,
		     "the any is not of type values.Node: member 'name' is not valid UTF-8");
	node_refused(right, "\x12\x03\x0a\x01\xff", 5, "children[0].name is not valid UTF-8");
	node_refused(right, "\x0a\x05", 2, "the message is malformed (not protobuf)");
	node_refused(right + 1, "\x0a\x01x", 3, "it is of another version of the type");
	for (i = 0; i < 65; i++) {
		memcpy(inner, deep, n);
		n = put(deep, 2, inner, n);
	}
	node_refused(right, deep, n, "nested deeper than 64 levels");
}

TEST(an_any_without_a_fingerprint_is_read_as_grpc_reads_it)
{
	struct values_Carrier *carrier =
		made("type.googleapis.com/values.Point", 0, "\x08\x07\x10\x01", 4);
	struct values_Point *point = NULL;

	CHECK_INT(values_Point_from_any(carrier->one, &point), 0);
	CHECK(point && point->x == 7 && point->y == 1);
	pyr_free(point);
	pyr_free(carrier);
}

TEST(an_any_within_an_any_is_opened_one_by_one)
{
	struct values_Carrier carrier = { .topic = "outermost" }, *opened;
	pyr_any *any = point_any(NULL, 9), *next;
	int i;

	for (i = 0; i < 200; i++) { /* deeper than messages may be */
		carrier.one = any;
		next = values_Carrier_to_any(NULL, &carrier);
		REQUIRE(next);
		pyr_free(any);
		any = next;
	}
	for (i = 0; i < 200; i++) {
		REQUIRE(values_Carrier_from_any(any, &opened) == 0);
		pyr_free(any);
		any = pyr_any_dup(NULL, opened->one);
		pyr_free(opened);
	}
	check_point(any, 9);
}

static void not_taken(const void *encoded, size_t n, const char *text)
{
	struct values_Carrier *carrier;
	struct codec_problem problem;

	CHECK_INT(take_carrier(encoded, n, &carrier, &problem), -PYR_INVALID_ARGUMENT);
	CHECK_STR(problem.text, text);
	CHECK(carrier == NULL);
}

TEST(what_is_no_any_is_refused_when_it_comes)
{
	not_taken("\x0a", 1, "member 'one' is malformed (not protobuf)");
	not_taken("\x12\x01x", 3, "member 'one' has no type name");
	not_taken("\x0a\x02x/", 4, "member 'one' has no type name");
	not_taken("\x0a\x03x/\xff", 5,
		  "member 'one' has a type name that is not text, or too long");
	not_taken("\x0a\x03x/\0", 5, "member 'one' has a type name that is not text, or too long");
}

TEST(what_an_any_becomes_is_bounded_as_what_a_message_becomes)
{
	static uint8_t empty[MAX / 2]; /* structs of two bytes, each of which takes hundreds here */
	struct values_Carrier *carrier;
	struct values_Many *many = NULL;
	size_t i;

	for (i = 0; i < sizeof(empty); i += 2)
		empty[i] = 0x0a;
	carrier = made("x/values.Many", 0, empty, sizeof(empty));
	refuses(values_Many_from_any(carrier->one, &many), PYR_RESOURCE_EXHAUSTED,
		"takes more than 2097152 bytes of memory");
	pyr_free(carrier);
}

TEST(an_any_that_nobody_reads_is_passed_on_byte_by_byte)
{
	/* a field 3 that nobody has, and one sent twice */
	static const char came[] = "\x0a\x09x/no.Such\x1a\x02hi\x12\x01x\x12\x01y";
	struct values_Carrier *carrier, *copy;
	struct codec_problem problem = { 0 };
	struct codec_packer packer;
	uint8_t message[64];
	struct arena arena;
	size_t n = sizeof(came) - 1;

	REQUIRE(take_carrier(came, n, &carrier, &problem) == 0);
	copy = values_Carrier_dup(NULL, carrier);
	pyr_free(carrier);
	REQUIRE(copy);
	CHECK_STR(pyr_any_type(copy->one), "no.Such");
	arena_init(&arena, NULL, 0);
	copy->topic = "";
	REQUIRE(codec_prepare_value(&values_Carrier_type, copy, &arena, &packer, &problem) == 0);
	REQUIRE(packer.size == n + 2);
	codec_pack(&packer, message);
	CHECK(memcmp(message + 2, came, n) == 0);
	arena_clear(&arena);
	pyr_free(copy);
}

TESTS(any, T(a_struct_becomes_an_any_and_is_the_same_again),
      T(unions_enums_exceptions_and_collections_become_any_too),
      T(values_that_are_zero_or_empty_become_any_too),
      T(numbers_texts_and_bytes_become_any_by_the_runtime),
      T(an_any_of_another_type_is_refused_with_both_names),
      T(a_value_that_cannot_be_sent_becomes_no_any_and_its_member_is_named),
      T(references_in_a_value_are_the_anys_until_it_is_freed),
      T(bytes_that_are_no_such_value_are_refused_by_name_and_place),
      T(an_any_without_a_fingerprint_is_read_as_grpc_reads_it),
      T(an_any_within_an_any_is_opened_one_by_one), T(what_is_no_any_is_refused_when_it_comes),
      T(what_an_any_becomes_is_bounded_as_what_a_message_becomes),
      T(an_any_that_nobody_reads_is_passed_on_byte_by_byte))
