/* SPDX-License-Identifier: MIT */
/* Reads a shapes.All and packs it again, as codec-wire repack does, by the generator's tables. */
#include <stdio.h>
#include <stdlib.h>

#include "generated.h"
#include "wire/codec.h"

enum { MAX_MESSAGE = 64 << 20 }; /* as both ends have it by default */

enum { LARGEST = 1 << 16 };

static int print_packed(const struct shapes_All *all)
{
	struct codec_problem problem;
	struct codec_packer packer;
	static uint8_t data[LARGEST];
	struct arena arena;
	int failed = 1;

	arena_init(&arena, NULL, 0);
	if (codec_prepare_value(&shapes_All_type, all, &arena, &packer, &problem) < 0) {
		fprintf(stderr, "%s\n", problem.text);
	} else if (packer.size <= LARGEST) {
		codec_pack(&packer, data);
		failed = fwrite(data, 1, packer.size, stdout) != packer.size;
	}
	arena_clear(&arena);
	return failed;
}

int main(void)
{
	static uint8_t data[LARGEST];
	struct codec_problem problem;
	size_t n = fread(data, 1, sizeof(data), stdin);
	void *all;
	int failed;

	if (codec_unpack_value(&shapes_All_type, data, n, MAX_MESSAGE, &all, &problem) < 0) {
		fprintf(stderr, "%s\n", problem.text);
		return 1;
	}
	failed = print_packed(all);
	free(all);
	return failed;
}
