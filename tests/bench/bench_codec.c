/* SPDX-License-Identifier: MIT */
/*
 * What packing and unpacking costs: ns a call, best of ten runs, for the request of add(int32,
 * int32), its result at the caller, and a struct of five fields with a string and a sequence of
 * ten.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "wire/codec.h"

enum { MAX_MESSAGE = 64 << 20 }; /* as both ends have it by default */

enum { RUNS = 10, ROUNDS = 100000 };

struct numbers {
	size_t n;
	int32_t *items;
};
struct order {
	int64_t id;
	const char *name;
	struct numbers lines;
	double price;
	bool paid;
};

static const struct pyr__field item[] = { { .id = 1, .name = "items", .kind = PYR__INT32 } };
static const struct pyr__type numbers_type = { .kind = PYR__SEQUENCE,
					       .name = "bench.Numbers",
					       .size = sizeof(struct numbers),
					       .n_fields = 1,
					       .fields = item };
static const struct pyr__field order_fields[] = {
	{ .id = 1, .name = "id", .kind = PYR__INT64, .offset = offsetof(struct order, id) },
	{ .id = 2, .name = "name", .kind = PYR__STRING, .offset = offsetof(struct order, name) },
	{ .id = 3,
	  .name = "lines",
	  .kind = PYR__SEQUENCE,
	  .offset = offsetof(struct order, lines),
	  .type = &numbers_type },
	{ .id = 4, .name = "price", .kind = PYR__DOUBLE, .offset = offsetof(struct order, price) },
	{ .id = 5, .name = "paid", .kind = PYR__BOOL, .offset = offsetof(struct order, paid) },
};
static const struct pyr__type order_type = { .kind = PYR__STRUCT,
					     .name = "bench.Order",
					     .size = sizeof(struct order),
					     .n_fields = 5,
					     .fields = order_fields };
static const struct pyr__field fields[] = {
	{ .id = 1, .name = "x", .kind = PYR__INT32 },
	{ .id = 2, .name = "y", .kind = PYR__INT32 },
	{ .id = 1, .name = "ret", .kind = PYR__INT32 },
	{ .id = 1, .name = "order", .kind = PYR__STRUCT, .type = &order_type },
	{ .id = 1, .name = "ret", .kind = PYR__STRUCT, .type = &order_type },
};
static const struct pyr__operation operations[] = {
	{ "bench.Server.add", NULL, fields, 2, 1, 0, 0, NULL, 0 },
	{ "bench.Server.put", NULL, fields + 3, 1, 1, 0, 0, NULL, 0 },
};
static const struct pyr__interface interface = { PYR_GEN_ABI, "bench.Server", operations, 2,
						 0,           NULL,           NULL };

static uint8_t wire[256];
static size_t wire_size;
static _Alignas(16) uint8_t first[2048];

static void stop(const struct codec_problem *problem)
{
	fprintf(stderr, "bench_codec: %s\n", problem->text);
	exit(1);
}

static void pack(const struct codec_message *message, const union pyr__slot *slots)
{
	struct codec_problem problem;
	struct codec_packer packer;
	struct arena arena;

	arena_init(&arena, first, sizeof(first));
	if (codec_prepare(message, slots, &arena, &packer, &problem) < 0)
		stop(&problem);
	codec_pack(&packer, wire);
	wire_size = packer.size;
	arena_clear(&arena);
}

static void unpack(const struct codec_message *message, const union pyr__slot *unused)
{
	struct codec_problem problem;
	union pyr__slot slots[2];
	struct arena arena;

	(void)unused;
	arena_init(&arena, first, sizeof(first));
	if (codec_unpack(message, (struct span){ wire, wire_size }, false, MAX_MESSAGE, &arena,
			 slots, &problem) < 0)
		stop(&problem);
	arena_clear(&arena);
}

static void number(const struct codec_message *message, const union pyr__slot *unused)
{
	struct codec_problem problem;
	int32_t ret;
	void *out[] = { &ret };

	(void)unused;
	if (codec_unpack_results(message, wire, wire_size, MAX_MESSAGE, out, &problem) < 0)
		stop(&problem);
}

static void block(const struct codec_message *message, const union pyr__slot *unused)
{
	struct codec_problem problem;
	void *ret, *out[] = { &ret };

	(void)unused;
	if (codec_unpack_results(message, wire, wire_size, MAX_MESSAGE, out, &problem) < 0)
		stop(&problem);
	free(ret);
}

static void measure(const char *name,
		    void (*run)(const struct codec_message *, const union pyr__slot *),
		    const struct codec_message *message, const union pyr__slot *slots)
{
	struct timespec from, to;
	double ns, best = 1e9;
	int i, k;

	for (k = 0; k < RUNS; k++) {
		clock_gettime(CLOCK_MONOTONIC, &from);
		for (i = 0; i < ROUNDS; i++)
			run(message, slots);
		clock_gettime(CLOCK_MONOTONIC, &to);
		ns = (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
		if (ns / ROUNDS < best)
			best = ns / ROUNDS;
	}
	printf("%-28s %4zu bytes %7.1f ns\n", name, wire_size, best);
}

int main(void)
{
	int32_t lines[10] = { 1, 20, 300, 4000, 50000, 6, 7, 8, 9, 10 };
	const struct order order = { 4711, "a name of some length", { 10, lines }, 9.99, true };
	const union pyr__slot add[] = { { .i32 = 1 }, { .i32 = 2 } }, put[] = { { .p = &order } };
	const struct codec_interface *codec = codec_interface_get(&interface);

	if (!codec)
		return 1;
	measure("add: pack request", pack, codec->operations[0].request, add);
	measure("add: unpack request", unpack, codec->operations[0].request, NULL);
	measure("add: pack reply", pack, codec->operations[0].reply, add);
	measure("add: unpack result", number, codec->operations[0].reply, NULL);
	measure("struct: pack request", pack, codec->operations[1].request, put);
	measure("struct: unpack request", unpack, codec->operations[1].request, NULL);
	measure("struct: unpack result", block, codec->operations[1].reply, NULL);
	return 0;
}
