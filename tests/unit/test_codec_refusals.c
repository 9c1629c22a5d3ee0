/* SPDX-License-Identifier: MIT */
/* What the codec refuses at both ends, and how it words it; what hostile messages cost. */
#include "../codec/codec_help.h"

static struct wire wire;

static void refuse_all(const struct shapes_All *value, const char *text)
{
	struct codec_problem problem;

	CHECK_INT(help_pack_value(&shapes_All_type, value, &wire, &problem), -PYR_INVALID_ARGUMENT);
	CHECK_STR(problem.text, text);
}

TEST(bounds_are_checked_before_sending)
{
	static int32_t six[6];
	static const char *names[] = { "short", "too long" };
	static struct Scores_entry entries[4] = { { "a", 1 }, { "b", 2 }, { "c", 3 }, { "d", 4 } };
	static struct pyr_bytes blob = { 5, (uint8_t *)"12345" };
	static uint8_t nine[9];
	struct shapes_All v = shapes_sample;

	v.text = "01234567890";
	refuse_all(&v, "member 'text' is longer than 10 bytes");
	v = shapes_sample;
	v.blob = (struct pyr_bytes){ 9, nine };
	refuse_all(&v, "member 'blob' is longer than 8 bytes");
	v = shapes_sample;
	v.numbers = (struct int32_seq){ 6, six };
	refuse_all(&v, "member 'numbers' has 6 items, more than 5");
	v = shapes_sample;
	v.names = (struct string_seq){ 2, names };
	refuse_all(&v, "names[1] is longer than 6 bytes");
	v = shapes_sample;
	v.scalars.w = 0x110000;
	refuse_all(&v, "scalars.w does not fit wchar: 1114112");
	v.scalars.w = 0xdfff;
	refuse_all(&v, "scalars.w does not fit wchar: 57343");
	v = shapes_sample;
	v.blobs = (struct bytes_seq){ 1, &blob };
	refuse_all(&v, "blobs[0] is longer than 4 bytes");
	v = shapes_sample;
	v.scores = (struct Scores){ 4, entries };
	refuse_all(&v, "member 'scores' has 4 items, more than 3");
}

TEST(NULL_is_named_wherever_it_stands)
{
	static const char *names[] = { "a", NULL };
	static struct Scores_entry entry = { NULL, 1 };
	static struct int32_seq rows[] = { { 0, NULL }, { 2, NULL } };
	static struct shapes_Shape shape = { 3, { .name = NULL } };
	struct shapes_All v = shapes_sample;

	v.names = (struct string_seq){ 2, names };
	refuse_all(&v, "names[1] is NULL");
	v = shapes_sample;
	v.points = (struct Point_seq){ 3, NULL };
	refuse_all(&v, "member 'points' has no items");
	v = shapes_sample;
	v.blob.items = NULL;
	refuse_all(&v, "member 'blob' has no items");
	v = shapes_sample;
	v.scores = (struct Scores){ 1, &entry };
	refuse_all(&v, "scores[0].key is NULL");
	v = shapes_sample;
	v.grid = (struct Grid){ 2, rows };
	refuse_all(&v, "grid[1] has no items");
	v = shapes_sample;
	v.shapes = (struct Shape_seq){ 1, &shape };
	refuse_all(&v, "shapes[0].name is NULL");
	v = shapes_sample;
	v.choice._u.text = NULL;
	refuse_all(&v, "choice.text is NULL");
	v = shapes_sample;
	v.maybe_text = NULL;
	refuse_all(&v, "member 'maybe_text' is NULL");
	v = shapes_sample;
	v.title = "\xc3";
	refuse_all(&v, "member 'title' is not valid UTF-8");
}

TEST(a_NULL_parameter_is_named)
{
	union pyr__slot slots[SHAPES_ALL];
	struct codec_problem problem;
	int i;

	for (i = 0; i < SHAPES_ALL; i++) {
		const struct pyr__field *field = &help_op(SHAPES_ECHO)->table->fields[i];
		char text[64];

		shapes_slots(&shapes_sample, slots);
		if (i == F_COUNT || i == F_COLOR)
			continue;
		slots[i].p = NULL;
		snprintf(text, sizeof(text), "parameter '%s' is NULL", field->name);
		if (field->flags & PYR__OPTIONAL) {
			CHECK_INT(help_pack(help_op(SHAPES_ECHO)->request, slots, &wire, &problem),
				  0);
			continue;
		}
		CHECK_INT(help_pack(help_op(SHAPES_ECHO)->request, slots, &wire, &problem),
			  -PYR_INVALID_ARGUMENT);
		CHECK_STR(problem.text, text);
	}
	shapes_slots(&shapes_sample, slots);
	slots[F_POINT].p = NULL;
	CHECK_INT(help_pack(help_op(SHAPES_ECHO)->reply, slots, &wire, &problem),
		  -PYR_INVALID_ARGUMENT);
	CHECK_STR(problem.text, "result 'point' is NULL");
	CHECK_INT(help_pack_value(&shapes_Point_type, NULL, &wire, &problem),
		  -PYR_INVALID_ARGUMENT);
}

#define MATRIX "\x7a\x06\0\0\0\0\0\0"
#define REFUSE(bytes, text)                                                                        \
	help_refuse(&shapes_All_type, MATRIX bytes, sizeof(MATRIX bytes) - 1,                      \
		    PYR_INVALID_ARGUMENT, text)

TEST(bounds_are_checked_on_arrival)
{
	REFUSE("\x12\x0b"
	       "01234567890",
	       "member 'text' is longer than 10 bytes");
	REFUSE("\x1a\x09"
	       "123456789",
	       "member 'blob' is longer than 8 bytes");
	REFUSE("\x2a\x06\1\2\3\4\5\6", "member 'numbers' has 6 items, more than 5");
	REFUSE("\x32\x01"
	       "a"
	       "\x32\x07"
	       "1234567",
	       "names[1] is longer than 6 bytes");
	REFUSE("\x52\x05"
	       "12345",
	       "blobs[0] is longer than 4 bytes");
	REFUSE("\x62\x05\x0a\x01"
	       "a\x10\x01\x62\x05\x0a\x01"
	       "b\x10\x01"
	       "\x62\x05\x0a\x01"
	       "c\x10\x01\x62\x05\x0a\x01"
	       "d\x10\x01",
	       "member 'scores' has 4 items, more than 3");
	REFUSE("\x7a\x01\x07", "member 'matrix' has 7 items, not 6");
	help_refuse(&shapes_All_type, NULL, 0, PYR_INVALID_ARGUMENT,
		    "member 'matrix' has 0 items, not 6");
	REFUSE("\x0a\x02\x20\x7f"
	       "\x0a\x03\x30\xff\xff\x03",
	       "the message is malformed (not protobuf)");
	REFUSE("\x0a\x04\x30\xff\xff\x03", "scalars.i16 does not fit int16: 65535");
	REFUSE("\x4a\x03\x01\x80\x01", "small[1] does not fit int8: 128");
	REFUSE("\x0a\x04\x18\x80\x80\x44", "scalars.w does not fit wchar: 1114112");
	REFUSE("\x0a\x04\x18\x80\xb0\x03", "scalars.w does not fit wchar: 55296"); /* a surrogate */
}

TEST(bad_text_is_named_on_arrival)
{
	REFUSE("\x32\x01"
	       "a"
	       "\x32\x02"
	       "\xc3(",
	       "names[1] is not valid UTF-8, or has a NUL inside");
	REFUSE("\x62\x05\x0a\x01"
	       "\0"
	       "\x10\x01",
	       "scores[0].key is not valid UTF-8, or has a NUL inside");
	REFUSE("\xca\x01\x02\x08\x01"
	       "\xca\x01\x05\x08\x02\x1a\x01\xff",
	       "shapes[1].name is not valid UTF-8, or has a NUL inside");
	REFUSE("\xc2\x01\x03\x12\x01\x80", "choice.text is not valid UTF-8, or has a NUL inside");
}

static void refuse_reference(int which, const struct shapes_Refs *refs, void *one, const char *text)
{
	union pyr__slot slots[] = { { .p = one }, { .p = refs } };
	struct codec_problem problem;

	CHECK_INT(help_pack(which ? help_op(SHAPES_REFS)->reply : help_op(SHAPES_REFS)->request,
			    slots, &wire, &problem),
		  text ? -PYR_UNIMPLEMENTED : 0);
	CHECK_STR(problem.text, text ? text : "");
}

TEST(references_are_refused_where_nobody_takes_them)
{
	static const char nowhere[] = "references cannot be passed here yet: ";
	struct shapes_Refs refs;
	struct codec_problem problem;
	void *object = &problem, *block, *out[] = { &object };
	struct arena arena;
	union pyr__slot slots[2];
	char text[128];

	memset(&refs, 0, sizeof(refs));
	refuse_reference(0, &refs, NULL, NULL);
	refuse_reference(1, NULL, NULL, NULL);
	CHECK_INT(codec_unpack_results(help_op(SHAPES_REFS)->reply, wire.data, wire.n, MAX_MESSAGE,
				       out, &problem),
		  0);
	CHECK(object == NULL);
	arena_init(&arena, NULL, 0);
	CHECK_INT(codec_unpack(help_op(SHAPES_REFS)->request,
			       (struct span){ (const uint8_t *)"\x0a\x00", 2 }, false, MAX_MESSAGE,
			       &arena, slots, &problem),
		  0); /* nil */
	CHECK_INT(codec_unpack(help_op(SHAPES_REFS)->request,
			       (struct span){ (const uint8_t *)"\x0a\x01x", 3 }, false, MAX_MESSAGE,
			       &arena, slots, &problem),
		  -PYR_UNIMPLEMENTED);
	snprintf(text, sizeof(text), "%sparameter 'one'", nowhere);
	CHECK_STR(problem.text, text);
	arena_clear(&arena);
	CHECK_INT(help_unpack_value(&shapes_Refs_type, "\x12\x01x", 3, &block, &problem),
		  -PYR_UNIMPLEMENTED);
}

TEST(an_any_is_nil_or_well_formed)
{
	struct codec_problem problem;
	void *block;

	REQUIRE(help_unpack_value(&shapes_Refs_type, "\x1a\x00", 2, &block, &problem) == 0);
	CHECK(((struct shapes_Refs *)block)->any == NULL);
	free(block);
	help_refuse(&shapes_Refs_type, "\x1a\x01x", 3, PYR_INVALID_ARGUMENT,
		    "member 'any' is malformed (not protobuf)");
}

enum { DEEPEST = 64 }; /* messages inside the first */

static size_t nest(uint8_t *end, size_t levels)
{
	size_t i, n = 0, width, length;

	for (i = 0; i < levels; i++) { /* from the innermost outwards: children { ... } */
		length = n;
		width = length < 128 ? 1 : length < 16384 ? 2 : 3;
		n += width + 1;
		*(end - n) = 0x12;
		for (size_t k = 0; k < width; k++)
			*(end - n + 1 + k) =
				(uint8_t)((length >> (7 * k) & 0x7f) | (k + 1 < width ? 0x80 : 0));
	}
	return n;
}

TEST(values_may_nest_64_deep_and_no_deeper)
{
	struct shapes_Node nodes[DEEPEST + 2];
	struct codec_problem problem;
	void *block;
	size_t i, n;

	for (i = 0; i < DEEPEST + 2; i++)
		nodes[i] =
			(struct shapes_Node){ (int32_t)i, { i > 0, i > 0 ? nodes + i - 1 : NULL } };
	CHECK_INT(help_pack_value(&shapes_Node_type, &nodes[DEEPEST], &wire, &problem), 0);
	CHECK_INT(help_unpack_value(&shapes_Node_type, wire.data, wire.n, &block, &problem), 0);
	CHECK_INT(((struct shapes_Node *)block)->children.items[0].value, DEEPEST - 1);
	free(block);
	CHECK_INT(help_pack_value(&shapes_Node_type, &nodes[DEEPEST + 1], &wire, &problem),
		  -PYR_INVALID_ARGUMENT);
	CHECK_STR(problem.text, "the message is nested deeper than 64 levels");
	n = nest(wire.data + WIRE_MAX, DEEPEST);
	CHECK_INT(
		help_unpack_value(&shapes_Node_type, wire.data + WIRE_MAX - n, n, &block, &problem),
		0);
	free(block);
	n = nest(wire.data + WIRE_MAX, DEEPEST + 1);
	help_refuse(&shapes_Node_type, wire.data + WIRE_MAX - n, n, PYR_INVALID_ARGUMENT,
		    "the message is nested deeper than 64 levels");
	n = nest(wire.data + WIRE_MAX, 10000);
	help_refuse(&shapes_Node_type, wire.data + WIRE_MAX - n, n, PYR_INVALID_ARGUMENT,
		    "the message is nested deeper than 64 levels");
}

TEST(a_value_that_holds_itself_is_refused)
{
	struct shapes_Node node = { 1, { 1, NULL } };
	struct codec_problem problem;

	node.children.items = &node;
	CHECK_INT(help_pack_value(&shapes_Node_type, &node, &wire, &problem),
		  -PYR_INVALID_ARGUMENT);
}

TEST(two_million_empty_messages_are_refused_for_their_memory)
{
	enum { N = 2000000 };
	uint8_t *data = malloc(2 * N);
	struct codec_problem problem;
	void *block = NULL;
	size_t i;

	REQUIRE(data != NULL);
	for (i = 0; i < N; i++)
		memcpy(data + 2 * i, "\x12\x00", 2);
	CHECK_INT(codec_unpack_value(&shapes_Node_type, data, 2 * N, 2 * N, &block, &problem),
		  -PYR_RESOURCE_EXHAUSTED);
	CHECK_STR(problem.text, "the message takes more than 17048576 bytes of memory");
	CHECK(block == NULL);
	free(data);
}

TEST(two_million_unknown_fields_cost_no_memory)
{
	enum { N = 2000000 };
	uint8_t *data = malloc(3 * N + 2), first[4096];
	struct codec_problem problem;
	union pyr__slot slots[3];
	struct arena arena;
	size_t i;

	REQUIRE(data != NULL);
	for (i = 0; i < N; i++)
		memcpy(data + 3 * i, "\xf8\x06\x01", 3);
	memcpy(data + 3 * N, "\x18\x05", 2); /* times = 5 */
	arena_init(&arena, first, sizeof(first));
	CHECK_INT(codec_unpack(help_op(SHAPES_GREET)->request, (struct span){ data, 3 * N + 2 },
			       false, MAX_MESSAGE, &arena, slots, &problem),
		  -PYR_INVALID_ARGUMENT);
	CHECK_STR(problem.text, "parameter 'board' has 0 items, not 6");
	CHECK(arena.used < 4096);
	arena_clear(&arena);
	free(data);
}

TEST(long_lists_of_small_things_are_no_attack)
{
	enum { N = 100000 };
	static struct shapes_Point points[N];
	static struct Places_entry places[N];
	static const char *names[N];
	static uint8_t data[4000000];
	struct shapes_All all = shapes_sample;
	struct codec_problem problem;
	struct codec_packer packer;
	struct arena arena;
	void *block = NULL;
	int i;

	for (i = 0; i < N; i++) {
		points[i] = (struct shapes_Point){ i, 1 };
		places[i].key = i;
		names[i] = "abcd";
	}
	all.points = (struct Point_seq){ N, points };
	all.places = (struct Places){ N, places };
	all.names = (struct string_seq){ N, names };
	arena_init(&arena, NULL, 0);
	REQUIRE(codec_prepare_value(&shapes_All_type, &all, &arena, &packer, &problem) == 0);
	REQUIRE(packer.size <= sizeof(data));
	codec_pack(&packer, data);
	arena_clear(&arena);
	REQUIRE(codec_unpack_value(&shapes_All_type, data, packer.size, MAX_MESSAGE, &block,
				   &problem) == 0);
	CHECK_INT(((struct shapes_All *)block)->points.items[N - 1].x, N - 1);
	CHECK_INT(((struct shapes_All *)block)->places.n, N);
	CHECK_STR(((struct shapes_All *)block)->names.items[N - 1], "abcd");
	free(block);
}

TEST(a_message_cut_or_bent_anywhere_is_survived)
{
	struct codec_problem problem;
	size_t i, n, refused = 0;
	void *block;
	uint8_t keep;

	CHECK_INT(help_pack_value(&shapes_All_type, &shapes_sample, &wire, &problem), 0);
	n = wire.n;
	for (i = 0; i < n; i++) {
		block = NULL;
		if (help_unpack_value(&shapes_All_type, wire.data, i, &block, &problem) < 0)
			refused++;
		free(block);
	}
	CHECK(refused > n / 2 && refused < n);
	for (i = 0; i < n * 8; i++) {
		keep = wire.data[i / 8];
		wire.data[i / 8] ^= (uint8_t)(1 << i % 8);
		block = NULL;
		if (help_unpack_value(&shapes_All_type, wire.data, n, &block, &problem) == 0)
			free(block);
		else
			CHECK(problem.text[0] != '\0');
		wire.data[i / 8] = keep;
	}
}

TESTS(codec_refusals, T(bounds_are_checked_before_sending), T(NULL_is_named_wherever_it_stands),
      T(a_NULL_parameter_is_named), T(bounds_are_checked_on_arrival),
      T(bad_text_is_named_on_arrival), T(references_are_refused_where_nobody_takes_them),
      T(an_any_is_nil_or_well_formed), T(values_may_nest_64_deep_and_no_deeper),
      T(a_value_that_holds_itself_is_refused),
      T(two_million_empty_messages_are_refused_for_their_memory),
      T(two_million_unknown_fields_cost_no_memory), T(long_lists_of_small_things_are_no_attack),
      T(a_message_cut_or_bent_anywhere_is_survived))
