/* SPDX-License-Identifier: MIT */
/* Lists of scalars and strings: the direct way, which most calls take. */
#include "test.h"
#include "wire/codec.h"

#include <pthread.h>

enum { MAX_MESSAGE = 64 << 20 }; /* as both ends have it by default */

static const struct pyr__field add_fields[] = {
	{ .id = 1, .name = "x", .kind = PYR__INT32 },
	{ .id = 2, .name = "y", .kind = PYR__INT32 },
	{ .id = 1, .name = "ret", .kind = PYR__INT32 },
};
static const struct pyr__field all_fields[] = {
	{ .id = 1, .name = "b", .kind = PYR__BOOL },
	{ .id = 2, .name = "c", .kind = PYR__CHAR },
	{ .id = 3, .name = "w", .kind = PYR__WCHAR },
	{ .id = 4, .name = "i8", .kind = PYR__INT8 },
	{ .id = 5, .name = "u8", .kind = PYR__UINT8 },
	{ .id = 6, .name = "i16", .kind = PYR__INT16 },
	{ .id = 7, .name = "u16", .kind = PYR__UINT16 },
	{ .id = 8, .name = "i32", .kind = PYR__INT32 },
	{ .id = 9, .name = "u32", .kind = PYR__UINT32 },
	{ .id = 10, .name = "i64", .kind = PYR__INT64 },
	{ .id = 11, .name = "u64", .kind = PYR__UINT64 },
	{ .id = 12, .name = "f", .kind = PYR__FLOAT },
	{ .id = 100, .name = "d", .kind = PYR__DOUBLE },
	{ .id = 14, .name = "s", .kind = PYR__STRING, .bound = 10 },
};
enum { N_ALL = sizeof(all_fields) / sizeof(all_fields[0]) };

static const struct pyr__operation operations[] = {
	{ "example.Server.add", NULL, add_fields, 2, 1, 0, 0, NULL, 0 },
	{ "example.Server.all", NULL, all_fields, N_ALL, 0, 0, 0, NULL, 0 },
	{ "example.Server.all_back", NULL, all_fields, 0, N_ALL, 0, 0, NULL, 0 },
	{ "example.Server.nothing", NULL, NULL, 0, 0, 0, 0, NULL, 0 },
};
enum { ADD, ALL, ALL_BACK, NOTHING };
static const struct pyr__interface interface = {
	PYR_GEN_ABI, "example.Server", operations, 4, 0, NULL, NULL
};

static const union pyr__slot all_values[N_ALL] = {
	{ .b = true },         { .c = (char)0xe9 },
	{ .u32 = 0x1f600 },    { .i8 = -128 },
	{ .u8 = 255 },         { .i16 = -32768 },
	{ .u16 = 65535 },      { .i32 = INT32_MIN },
	{ .u32 = UINT32_MAX }, { .i64 = INT64_MIN },
	{ .u64 = UINT64_MAX }, { .f = -0.5f },
	{ .d = 1e300 },        { .s = "gr\xc3\xbc\xc3\x9f" },
};

static const struct codec_operation *op(int i)
{
	const struct codec_interface *got = codec_interface_get(&interface);

	REQUIRE(got != NULL);
	return &got->operations[i];
}

static size_t pack(const struct codec_message *message, const union pyr__slot *slots, uint8_t *dst)
{
	struct codec_packer packer;
	struct codec_problem problem;
	struct arena arena;

	arena_init(&arena, NULL, 0);
	REQUIRE(codec_prepare(message, slots, &arena, &packer, &problem) == 0);
	codec_pack(&packer, dst);
	arena_clear(&arena);
	return packer.size;
}

static int unpack(const struct codec_message *message, const void *data, size_t n,
		  union pyr__slot *ret, char *text)
{
	struct codec_problem problem = { 0 };
	struct arena arena;
	int status;

	arena_init(&arena, NULL, 0);
	status = codec_unpack(message, (struct span){ data, n }, false, MAX_MESSAGE, &arena, ret,
			      &problem);
	arena_clear(&arena);
	CHECK_INT(problem.code, -status);
	if (text)
		strcpy(text, problem.text);
	return status;
}

TEST(an_interface_is_built_once)
{
	CHECK(codec_interface_get(&interface) == codec_interface_get(&interface));
	CHECK(op(ADD)->table == &operations[ADD]);
}

static const struct pyr__interface shared = { PYR_GEN_ABI, "example.Shared", operations, 4, 0, NULL,
					      NULL };

static void *get_shared(void *ret)
{
	*(const struct codec_interface **)ret = codec_interface_get(&shared);
	return NULL;
}

TEST(threads_that_ask_at_once_get_the_same)
{
	enum { N = 8 };
	const struct codec_interface *got[N] = { NULL };
	pthread_t threads[N];
	int i;

	for (i = 0; i < N; i++)
		REQUIRE(pthread_create(&threads[i], NULL, get_shared, &got[i]) == 0);
	for (i = 0; i < N; i++)
		CHECK_INT(pthread_join(threads[i], NULL), 0);
	for (i = 0; i < N; i++)
		CHECK(got[i] != NULL && got[i] == got[0]);
}

TEST(add_is_four_bytes_and_comes_back)
{
	static const uint8_t wire[] = { 8, 1, 16, 2 };
	const union pyr__slot in[] = { { .i32 = 1 }, { .i32 = 2 } };
	union pyr__slot out[2];
	uint8_t buf[64];

	CHECK_INT(pack(op(ADD)->request, in, buf), 4);
	CHECK(memcmp(buf, wire, 4) == 0);
	CHECK_INT(unpack(op(ADD)->request, buf, 4, out, NULL), 0);
	CHECK_INT(out[0].i32, 1);
	CHECK_INT(out[1].i32, 2);
}

TEST(every_scalar_comes_back_as_a_parameter)
{
	union pyr__slot out[N_ALL];
	uint8_t buf[256], first[1024];
	struct codec_problem problem;
	struct arena arena;
	size_t n = pack(op(ALL)->request, all_values, buf);
	int i;

	arena_init(&arena, first, sizeof(first));
	CHECK_INT(codec_unpack(op(ALL)->request, (struct span){ buf, n }, false, MAX_MESSAGE,
			       &arena, out, &problem),
		  0);
	CHECK(out[0].b);
	CHECK_INT(out[1].c, (char)0xe9);
	CHECK_INT(out[3].i8, -128);
	CHECK_INT(out[4].u8, 255);
	CHECK_INT(out[5].i16, -32768);
	CHECK_INT(out[6].u16, 65535);
	CHECK_INT(out[2].u32, 0x1f600);
	for (i = 7; i < 13; i++)
		CHECK(memcmp(&out[i], &all_values[i], i == 9 || i == 10 || i == 12 ? 8 : 4) == 0);
	CHECK_STR(out[13].s, all_values[13].s);
	arena_clear(&arena);
}

TEST(every_scalar_comes_back_as_a_result)
{
	struct {
		bool b;
		char c;
		uint32_t w;
		int8_t i8;
		uint8_t u8;
		int16_t i16;
		uint16_t u16;
		int32_t i32;
		uint32_t u32;
		int64_t i64;
		uint64_t u64;
		float f;
		double d;
		char *s;
	} r;
	void *out[N_ALL] = { &r.b,   &r.c,   &r.w,   &r.i8,  &r.u8, &r.i16, &r.u16,
			     &r.i32, &r.u32, &r.i64, &r.u64, &r.f,  &r.d,   &r.s };
	struct codec_problem problem;
	uint8_t buf[256];
	size_t n = pack(op(ALL_BACK)->reply, all_values, buf);

	memset(&r, 0x55, sizeof(r));
	CHECK_INT(codec_unpack_results(op(ALL_BACK)->reply, buf, n, MAX_MESSAGE, out, &problem), 0);
	CHECK(r.b);
	CHECK_INT(r.c, (char)0xe9);
	CHECK_INT(r.w, 0x1f600);
	CHECK_INT(r.i8, -128);
	CHECK_INT(r.u8, 255);
	CHECK_INT(r.i16, -32768);
	CHECK_INT(r.u16, 65535);
	CHECK_INT(r.i32, INT32_MIN);
	CHECK_INT(r.u32, UINT32_MAX);
	CHECK(r.i64 == INT64_MIN);
	CHECK(r.u64 == UINT64_MAX);
	CHECK(r.f == -0.5f);
	CHECK(r.d == 1e300);
	CHECK_STR(r.s, all_values[13].s);
	free(r.s);
}

TEST(results_nobody_wants_are_not_stored)
{
	void *out[N_ALL] = { NULL };
	struct codec_problem problem;
	uint8_t buf[256];
	size_t n = pack(op(ALL_BACK)->reply, all_values, buf);

	CHECK_INT(codec_unpack_results(op(ALL_BACK)->reply, buf, n, MAX_MESSAGE, out, &problem), 0);
}

TEST(an_empty_message_is_zero_and_empty_strings)
{
	union pyr__slot out[N_ALL];
	char *s = NULL;
	void *results[N_ALL] = { [13] = &s };
	struct codec_problem problem;
	uint8_t first[1024];
	struct arena arena;

	arena_init(&arena, first, sizeof(first));
	memset(out, 0x55, sizeof(out));
	CHECK_INT(codec_unpack(op(ALL)->request, (struct span){ 0 }, false, MAX_MESSAGE, &arena,
			       out, &problem),
		  0);
	CHECK(!out[0].b);
	CHECK_INT(out[5].i16, 0);
	CHECK(out[12].d == 0);
	CHECK_STR(out[13].s, "");
	arena_clear(&arena);
	CHECK_INT(
		codec_unpack_results(op(ALL_BACK)->reply, NULL, 0, MAX_MESSAGE, results, &problem),
		0);
	CHECK_STR(s, "");
	free(s);
}

TEST(a_void_operation_packs_to_nothing)
{
	uint8_t buf[1];

	CHECK_INT(pack(op(NOTHING)->request, NULL, buf), 0);
	CHECK_INT(unpack(op(NOTHING)->request, NULL, 0, NULL, NULL), 0);
	CHECK_INT(unpack(op(NOTHING)->request, "\x08\x01", 2, NULL, NULL), 0);
}

static void refuse_string(const char *s, const char *expected)
{
	union pyr__slot in[N_ALL];
	struct codec_packer packer;
	struct codec_problem problem;
	struct arena arena;

	memcpy(in, all_values, sizeof(in));
	in[13].s = s;
	arena_init(&arena, NULL, 0);
	CHECK_INT(codec_prepare(op(ALL)->request, in, &arena, &packer, &problem),
		  -PYR_INVALID_ARGUMENT);
	CHECK_INT(problem.code, PYR_INVALID_ARGUMENT);
	CHECK_STR(problem.text, expected);
	arena_clear(&arena);
}

TEST(a_bad_string_names_its_parameter)
{
	refuse_string(NULL, "parameter 's' is NULL");
	refuse_string("12345678901", "parameter 's' is longer than 10 bytes");
	refuse_string("a\xff", "parameter 's' is not valid UTF-8");
	refuse_string("\xed\xa0\x80", "parameter 's' is not valid UTF-8");
	refuse_string("\xc0\x80", "parameter 's' is not valid UTF-8");
}

static void refuse_wire(const char *data, size_t n, const char *expected)
{
	union pyr__slot out[N_ALL];
	char text[256];

	CHECK_INT(unpack(op(ALL)->request, data, n, out, text), -PYR_INVALID_ARGUMENT);
	CHECK_STR(text, expected);
}

TEST(a_number_that_does_not_fit_names_its_field)
{
	refuse_wire("\x20\xac\x02", 3, "parameter 'i8' does not fit int8: 300");
	refuse_wire("\x20\xff\xfe\xff\xff\xff\xff\xff\xff\xff\x01", 11,
		    "parameter 'i8' does not fit int8: -129");
	refuse_wire("\x10\x80\x02", 3, "parameter 'c' does not fit char: 256");
	refuse_wire("\x28\x80\x02", 3, "parameter 'u8' does not fit uint8: 256");
	refuse_wire("\x30\x80\x80\x02", 4, "parameter 'i16' does not fit int16: 32768");
	refuse_wire("\x38\x80\x80\x04", 4, "parameter 'u16' does not fit uint16: 65536");
}

TEST(remote_text_is_checked)
{
	refuse_wire("\x72\x02"
		    "a\xff",
		    4, "parameter 's' is not valid UTF-8, or has a NUL inside");
	refuse_wire("\x72\x03"
		    "a\0b",
		    5, "parameter 's' is not valid UTF-8, or has a NUL inside");
	refuse_wire("\x72\x0b"
		    "12345678901",
		    13, "parameter 's' is longer than 10 bytes");
}

TEST(malformed_messages_are_refused)
{
	static const struct {
		const char *data;
		size_t n;
	} bad[] = {
		{ "\x08", 1 },
		{ "\x08\x80", 2 },
		{ "\x00\x01", 2 },
		{ "\x72\x05"
		  "abc",
		  5 },
		{ "\x72\xff\xff\xff\xff\x0f", 6 },
		{ "\x72\x80\x80\x80\x80\x80\x01", 7 },
		{ "\x65\x00\x00", 3 },
		{ "\x0b\x0c", 2 },
		{ "\x0f", 1 },
		{ "\x80\x80\x80\x80\x80\x01\x00", 7 },
		{ "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12 },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuse_wire(bad[i].data, bad[i].n, "the message is malformed (not protobuf)");
}

TEST(unknown_fields_and_wrong_wire_types_are_skipped)
{
	/* 200: varint, i32 (8) as a string, i32 = 7, 3 as 64 bits */
	static const char data[] = "\xc0\x0c\x05"
				   "\x42\x01z"
				   "\x40\x07"
				   "\x19"
				   "12345678";
	union pyr__slot out[N_ALL];

	CHECK_INT(unpack(op(ALL)->request, data, sizeof(data) - 1, out, NULL), 0);
	CHECK_INT(out[7].i32, 7);
	CHECK_INT(out[2].u32, 0);
}

TEST(a_message_cut_anywhere_is_refused_or_shorter)
{
	union pyr__slot out[N_ALL];
	struct codec_problem problem;
	uint8_t buf[256];
	size_t n = pack(op(ALL)->request, all_values, buf), i, refused = 0;
	uint8_t *cut;

	for (i = 0; i < n; i++) {
		struct arena arena;

		cut = malloc(i + 1); /* exact, so that a read beyond it is seen */
		REQUIRE(cut != NULL);
		memcpy(cut + 1, buf, i);
		arena_init(&arena, NULL, 0);
		if (codec_unpack(op(ALL)->request, (struct span){ cut + 1, i }, false, MAX_MESSAGE,
				 &arena, out, &problem) < 0) {
			CHECK_INT(problem.code, PYR_INVALID_ARGUMENT);
			refused++;
		}
		arena_clear(&arena);
		free(cut);
	}
	CHECK_INT(refused, n - N_ALL);
}

TEST(the_last_of_a_field_sent_twice_counts)
{
	union pyr__slot out[2];

	CHECK_INT(unpack(op(ADD)->request, "\x08\x01\x08\x05", 4, out, NULL), 0);
	CHECK_INT(out[0].i32, 5);
}

TESTS(codec, T(an_interface_is_built_once), T(threads_that_ask_at_once_get_the_same),
      T(add_is_four_bytes_and_comes_back), T(every_scalar_comes_back_as_a_parameter),
      T(every_scalar_comes_back_as_a_result), T(results_nobody_wants_are_not_stored),
      T(an_empty_message_is_zero_and_empty_strings), T(a_void_operation_packs_to_nothing),
      T(a_bad_string_names_its_parameter), T(a_number_that_does_not_fit_names_its_field),
      T(remote_text_is_checked), T(malformed_messages_are_refused),
      T(unknown_fields_and_wrong_wire_types_are_skipped),
      T(a_message_cut_anywhere_is_refused_or_shorter), T(the_last_of_a_field_sent_twice_counts))
