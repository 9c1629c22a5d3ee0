/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: whatever bytes arrive, the codec refuses them or makes a value that it can pack
 * again, into a message that gives the same value.
 */
#include <stdlib.h>
#include <string.h>

#include "../codec/shapes.h"
#include "wire/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Packs a value that came out of the codec: malloc'ed, NULL when it cannot be sent. */
static uint8_t *pack(const void *value, size_t *n)
{
	struct codec_problem problem;
	struct codec_packer packer;
	uint8_t *ret = NULL;
	struct arena arena;

	arena_init(&arena, NULL, 0);
	if (codec_prepare_value(&shapes_All_type, value, &arena, &packer, &problem) == 0) {
		ret = malloc(packer.size + 1);
		if (ret)
			codec_pack(&packer, ret);
		*n = packer.size;
	}
	arena_clear(&arena);
	return ret;
}

static void round_trip(const uint8_t *data, size_t n)
{
	struct codec_problem problem;
	uint8_t *one, *two;
	size_t n_one, n_two;
	void *value;

	if (codec_unpack_value(&shapes_All_type, data, n, MAX_MESSAGE, &value, &problem) < 0)
		return;
	one = pack(value, &n_one);
	free(value);
	if (!one ||
	    codec_unpack_value(&shapes_All_type, one, n_one, MAX_MESSAGE, &value, &problem) < 0)
		abort();
	two = pack(value, &n_two);
	free(value);
	if (!two || n_one != n_two || memcmp(one, two, n_one) != 0)
		abort();
	free(one);
	free(two);
}

static void as_results(const struct codec_message *message, const uint8_t *data, size_t n)
{
	struct codec_problem problem;
	void *blocks[SHAPES_ALL] = { NULL }, *out[SHAPES_ALL];
	int i;

	for (i = 0; i < SHAPES_ALL; i++)
		out[i] = &blocks[i];
	codec_unpack_results(message, data, n, MAX_MESSAGE, out, &problem);
	for (i = 0; i < SHAPES_ALL; i++)
		if (i != F_COUNT && i != F_COLOR)
			free(blocks[i]);
}

static void as_parameters(const struct codec_message *message, const uint8_t *data, size_t n)
{
	union pyr__slot slots[SHAPES_ALL];
	struct codec_problem problem;
	struct arena arena;

	arena_init(&arena, NULL, 0);
	codec_unpack(message, (struct span){ data, n }, n % 2, MAX_MESSAGE, &arena, slots,
		     &problem);
	arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct codec_interface *interface = codec_interface_get(&shapes_interface);

	if (!interface)
		return 0;
	round_trip(data, n);
	as_parameters(interface->operations[SHAPES_ECHO].request, data, n);
	as_results(interface->operations[SHAPES_ECHO].reply, data, n);
	as_parameters(interface->operations[SHAPES_REFS].request, data, n);
	return 0;
}
