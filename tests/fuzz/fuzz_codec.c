/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: whatever bytes arrive, the codec refuses them or makes a value that it can pack
 * again, into a message that gives the same value. fuzz_values.c does likewise with JSON.
 */
#include <stdlib.h>
#include <string.h>

#include "../codec/shapes.h"
#include "fuzz_values.h"
#include "wire/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Packs a value that came out of the codec: malloc'ed, NULL when it cannot be sent. */
static uint8_t *pack(const struct pyr__type *type, const void *value, size_t *n)
{
	struct codec_problem problem;
	struct codec_packer packer;
	uint8_t *ret = NULL;
	struct arena arena;

	arena_init(&arena, NULL, 0);
	if (codec_prepare_value(type, value, &arena, &packer, &problem) == 0) {
		ret = malloc(packer.size + 1);
		if (ret)
			codec_pack(&packer, ret);
		*n = packer.size;
	}
	arena_clear(&arena);
	return ret;
}

/* Replaces a value by a copy of it. */
static void *copied(const struct pyr__type *type, void *value)
{
	struct codec_problem problem;
	struct codec_dup dup = { 0 };

	if (codec_dup(type, value, &dup, &problem) < 0)
		abort();
	dup.block = calloc(1, dup.size);
	if (!dup.block || codec_dup(type, value, &dup, &problem) < 0 || dup.used != dup.size)
		abort();
	free(value);
	return dup.block;
}

static void round_trip(const struct pyr__type *type, const uint8_t *data, size_t n)
{
	struct codec_problem problem;
	uint8_t *one, *two;
	size_t n_one, n_two;
	void *value;

	if (codec_unpack_value(type, data, n, MAX_MESSAGE, &value, &problem) < 0)
		return;
	one = pack(type, value, &n_one);
	free(value);
	if (!one || codec_unpack_value(type, one, n_one, MAX_MESSAGE, &value, &problem) < 0)
		abort();
	value = copied(type, value);
	fuzz_through_json(type, value);
	two = pack(type, value, &n_two);
	free(value);
	if (!two || n_one != n_two || memcmp(one, two, n_one) != 0)
		abort();
	free(one);
	free(two);
}

/* google.protobuf.Any of a shapes.All with these bytes, in the third field of shapes.Refs, n <
 * 16384. Returns its size. */
static size_t wrap(uint8_t *to, const uint8_t *data, size_t n)
{
	static const uint8_t url[] = "\x0a\x0cx/shapes.All";
	size_t n_any = sizeof(url) - 1 + 4 + n;
	uint8_t *p = to;

	*p++ = 0x1a;
	*p++ = (uint8_t)(n_any | 0x80);
	*p++ = (uint8_t)(n_any >> 7 | 0x80);
	*p++ = (uint8_t)(n_any >> 14);
	p = (uint8_t *)memcpy(p, url, sizeof(url) - 1) + sizeof(url) - 1;
	*p++ = 0x12;
	*p++ = (uint8_t)(n | 0x80);
	*p++ = (uint8_t)(n >> 7 | 0x80);
	*p++ = (uint8_t)(n >> 14);
	memcpy(p, data, n);
	return (size_t)(p - to) + n;
}

/* What is in an any is taken where it is taken by itself, and becomes the same. */
static void as_any(const uint8_t *data, size_t n)
{
	struct codec_problem problem;
	struct codec_any_packer packer;
	int alone, inside;
	uint8_t *message = malloc(n + 64);
	void *value = NULL, *refs = NULL, *any;
	struct arena arena;

	if (!message || n >= 16384 ||
	    codec_unpack_value(&shapes_Refs_type, message, wrap(message, data, n), MAX_MESSAGE,
			       &refs, &problem) < 0)
		abort();
	free(message);
	alone = codec_unpack_value(&shapes_All_type, data, n, MAX_MESSAGE, &value, &problem);
	free(value);
	inside = codec_any_take(((struct shapes_Refs *)refs)->any, &shapes_All_type, NULL,
				MAX_MESSAGE, &value, &problem);
	free(refs);
	if (alone != inside)
		abort();
	if (inside < 0)
		return;
	arena_init(&arena, NULL, 0);
	if (codec_any_prepare(&shapes_All_type, value, &arena, &packer, &problem) < 0)
		abort();
	any = malloc(packer.n_head + packer.n_encoded);
	if (!any || strcmp(codec_any_type(codec_any_pack(&packer, any)), "shapes.All") != 0)
		abort();
	arena_clear(&arena);
	free(any);
	free(value);
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
	round_trip(&shapes_All_type, data, n);
	round_trip(&shapes_Refs_type, data, n);
	if (n < 8192)
		as_any(data, n);
	as_parameters(interface->operations[SHAPES_ECHO].request, data, n);
	as_results(interface->operations[SHAPES_ECHO].reply, data, n);
	as_parameters(interface->operations[SHAPES_REFS].request, data, n);
	fuzz_text(data, n);
	fuzz_description(data, n);
	return 0;
}
