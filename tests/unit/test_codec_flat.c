/* SPDX-License-Identifier: MIT */
/*
 * Lists of numbers go a way of their own (codec_flat.c), which nobody must be able to tell from the
 * general one: an operation with the same numbers and a string behind them takes that. Both write
 * the same bytes, and read the same of any bytes.
 */
#include "test.h"
#include "wire/codec_internal.h"

enum { MAX_MESSAGE = 1 << 20, RANDOM = 20000 };

#define NUMBERS                                                                                    \
	{ .id = 1, .name = "b", .kind = PYR__BOOL }, { .id = 2, .name = "c", .kind = PYR__CHAR },  \
		{ .id = 3, .name = "i8", .kind = PYR__INT8 },                                      \
		{ .id = 4, .name = "u8", .kind = PYR__UINT8 },                                     \
		{ .id = 5, .name = "i16", .kind = PYR__INT16 },                                    \
		{ .id = 6, .name = "u16", .kind = PYR__UINT16 },                                   \
		{ .id = 7, .name = "i32", .kind = PYR__INT32 },                                    \
		{ .id = 8, .name = "u32", .kind = PYR__UINT32 },                                   \
		{ .id = 9, .name = "i64", .kind = PYR__INT64 },                                    \
		{ .id = 12, .name = "u64", .kind = PYR__UINT64 },                                  \
		{ .id = 13, .name = "f", .kind = PYR__FLOAT },                                     \
	{                                                                                          \
		.id = 15, .name = "d", .kind = PYR__DOUBLE                                         \
	}

static const struct pyr__field flat_fields[] = { NUMBERS };
static const struct pyr__field same_fields[] = { NUMBERS,
						 { .id = 16, .name = "s", .kind = PYR__STRING } };
enum { N = sizeof(flat_fields) / sizeof(flat_fields[0]) };

static const struct pyr__operation operations[] = {
	{ .name = "test.Flat.flat", .fields = flat_fields, .n_in = N },
	{ .name = "test.Flat.same", .fields = same_fields, .n_in = N + 1 },
	{ .name = "test.Flat.flat_back", .fields = flat_fields, .n_out = N },
};
static const struct pyr__interface interface = {
	.abi = PYR_GEN_ABI, .name = "test.Flat", .operations = operations, .n_operations = 3
};

static const struct codec_operation *op(int i)
{
	const struct codec_interface *got = codec_interface_get(&interface);

	REQUIRE(got != NULL);
	return &got->operations[i];
}

/* xorshift: the same numbers in each run. */
static uint64_t draw(void)
{
	static uint64_t state = 88172645463325252U;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Of any size, often 0 or one off a power of two. */
static union pyr__slot draw_slot(unsigned kind)
{
	uint64_t word = draw() >> (draw() % 64);
	union pyr__slot slot = { .u64 = 0 };

	if (draw() % 4 == 0)
		word = (UINT64_C(1) << (draw() % 64)) - draw() % 2;
	if (draw() % 4 == 0)
		word = 0;
	if (draw() % 4 == 0)
		word = 0 - word;
	if (kind == PYR__FLOAT)
		slot.u32 = (uint32_t)word;
	else if (kind == PYR__DOUBLE)
		slot.u64 = word;
	else if (kind == PYR__BOOL)
		slot.b = word & 1;
	else
		memcpy(&slot, &word,
		       codec_natural_size(&(struct pyr__field){ .kind = (uint8_t)kind }));
	return slot;
}

static size_t pack(int operation, const union pyr__slot *slots, uint8_t *dst)
{
	struct codec_packer packer;
	struct codec_problem problem;
	struct arena arena;

	arena_init(&arena, NULL, 0);
	REQUIRE(codec_prepare(op(operation)->request, slots, &arena, &packer, &problem) == 0);
	codec_pack(&packer, dst);
	arena_clear(&arena);
	return packer.size;
}

static int unpack(int operation, const uint8_t *data, size_t n, union pyr__slot *ret,
		  struct codec_problem *problem)
{
	struct arena arena;
	int status;

	*problem = (struct codec_problem){ 0 };
	arena_init(&arena, NULL, 0);
	status = codec_unpack(op(operation)->request, (struct span){ data, n }, false, MAX_MESSAGE,
			      &arena, ret, problem);
	arena_clear(&arena);
	return status;
}

/* Both read the same of it, be it what it may. */
static void compare(const uint8_t *data, size_t n)
{
	union pyr__slot flat[N], same[N + 1];
	struct codec_problem flat_problem, same_problem;
	int status = unpack(0, data, n, flat, &flat_problem);

	CHECK_INT(unpack(1, data, n, same, &same_problem), status);
	CHECK_STR(flat_problem.text, same_problem.text);
	if (status == 0)
		CHECK(memcmp(flat, same, sizeof(flat)) == 0);
}

TEST(numbers_alone_take_the_short_way)
{
	CHECK(op(0)->request->flat);
	CHECK(!op(1)->request->flat);
	CHECK(op(2)->reply->flat);
}

TEST(both_ways_write_the_same_bytes_and_read_them)
{
	uint8_t a[256], b[256];
	union pyr__slot slots[N + 1], back[N];
	struct codec_problem problem;
	size_t n;
	int i, k;

	for (i = 0; i < RANDOM; i++) {
		for (k = 0; k < N; k++)
			slots[k] = draw_slot(flat_fields[k].kind);
		slots[N].s = "";
		n = pack(0, slots, a);
		CHECK_INT(pack(1, slots, b), n);
		CHECK(memcmp(a, b, n) == 0);
		CHECK_INT(unpack(0, a, n, back, &problem), 0);
		for (k = 0; k < N; k++) /* -0.0 comes back as 0.0, either way */
			if (slots[k].u64 != back[k].u64 && flat_fields[k].kind != PYR__FLOAT &&
			    flat_fields[k].kind != PYR__DOUBLE)
				CHECK_INT(back[k].u64, slots[k].u64);
		compare(a, n);
	}
}

TEST(both_ways_read_the_same_of_bytes_that_are_bent)
{
	uint8_t bytes[512];
	union pyr__slot slots[N];
	size_t n, from;
	int i, k;

	for (i = 0; i < RANDOM; i++) {
		for (k = 0; k < N; k++)
			slots[k] = draw_slot(flat_fields[k].kind);
		n = pack(0, slots, bytes);
		if (n == 0)
			continue;
		switch (draw() % 4) {
		case 0: /* cut */
			n = draw() % n;
			break;
		case 1: /* another byte */
			bytes[draw() % n] = (uint8_t)draw();
			break;
		case 2: /* twice, so that all come twice and out of order */
			memcpy(bytes + n, bytes, n);
			n *= 2;
			break;
		default: /* some of it once more */
			from = draw() % n;
			memcpy(bytes + n, bytes + from, n - from);
			n += n - from;
		}
		compare(bytes, n);
	}
}

TEST(a_field_that_is_unknown_or_of_another_kind_is_skipped)
{
	static const uint8_t unknown[] = { 7 << 3, 42, 14 << 3 | 2, 1, 'x', 8 << 3, 9 };
	static const uint8_t other[] = { 7 << 3 | 5, 1, 2, 3, 4, 8 << 3, 9 };
	static const uint8_t long_tag[] = { 0xb8, 0x00, 42 }; /* 7 << 3, in two bytes */
	union pyr__slot slots[N];
	struct codec_problem problem;

	compare(unknown, sizeof(unknown));
	compare(other, sizeof(other));
	compare(long_tag, sizeof(long_tag));
	CHECK_INT(unpack(0, unknown, sizeof(unknown), slots, &problem), 0);
	CHECK_INT(slots[6].i32, 42);
	CHECK_INT(slots[7].u32, 9);
}

TEST(results_are_stored_where_they_are_wanted)
{
	static const uint8_t reply[] = { 1 << 3, 1, 5 << 3, 7, 9 << 3, 0x80, 0x01 };
	static const uint8_t wrong[] = { 1 << 3, 1, 6 << 3, 0xff, 0xff, 0x04 };
	bool b = false;
	int16_t i16 = -1;
	int64_t i64 = -1;
	void *out[N] = { &b, NULL, NULL, NULL, &i16, NULL, NULL, NULL, &i64, NULL, NULL, NULL };
	struct codec_problem problem = { 0 };

	CHECK_INT(codec_unpack_results(op(2)->reply, reply, sizeof(reply), MAX_MESSAGE, out,
				       &problem),
		  0);
	CHECK(b);
	CHECK_INT(i16, 7);
	CHECK_INT(i64, 128);
	b = false;
	CHECK_INT(codec_unpack_results(op(2)->reply, wrong, sizeof(wrong), MAX_MESSAGE, out,
				       &problem),
		  -PYR_INVALID_ARGUMENT);
	CHECK(!b); /* nothing is stored */
	CHECK_STR(problem.text, "result 'u16' does not fit uint16: 81919");
}

TESTS(codec_flat, T(numbers_alone_take_the_short_way),
      T(both_ways_write_the_same_bytes_and_read_them),
      T(both_ways_read_the_same_of_bytes_that_are_bent),
      T(a_field_that_is_unknown_or_of_another_kind_is_skipped),
      T(results_are_stored_where_they_are_wanted))
