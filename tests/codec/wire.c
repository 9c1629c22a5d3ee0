/* SPDX-License-Identifier: MIT */
/*
 * The codec as a filter, to set beside protoc: "write" prints the sample of shapes.c packed,
 * "repack" reads a shapes.All and packs it again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shapes.h"
#include "wire/codec.h"

enum { LARGEST = 1 << 16 };

static int print_packed(const struct shapes_All *all)
{
	struct codec_problem problem;
	struct codec_packer packer;
	static uint8_t data[LARGEST];
	struct arena arena;
	int status;

	arena_init(&arena, NULL, 0);
	status = codec_prepare_value(&shapes_All_type, all, &arena, &packer, &problem);
	if (status < 0)
		fprintf(stderr, "%s\n", problem.text);
	else if (packer.size > LARGEST)
		status = -1;
	else
		codec_pack(&packer, data);
	arena_clear(&arena);
	return status < 0 || fwrite(data, 1, packer.size, stdout) != packer.size;
}

int main(int argc, char **argv)
{
	static uint8_t data[LARGEST];
	struct codec_problem problem;
	void *all;
	size_t n;
	int failed;

	if (argc == 2 && strcmp(argv[1], "write") == 0)
		return print_packed(&shapes_sample);
	if (argc != 2 || strcmp(argv[1], "repack") != 0)
		return 2;
	n = fread(data, 1, sizeof(data), stdin);
	if (codec_unpack_value(&shapes_All_type, data, n, MAX_MESSAGE, &all, &problem) < 0) {
		fprintf(stderr, "%s\n", problem.text);
		return 1;
	}
	failed = print_packed(all);
	free(all);
	return failed;
}
