/* SPDX-License-Identifier: MIT */
/* What stands for the tables of calls that are handed on as they came: bytes in, bytes out. */
#include "wire/codec_internal.h"

static const struct pyr__operation table = { .name = "<handed on>" };
static const struct pyr__interface interface = {
	.abi = PYR_GEN_ABI, .name = "", .operations = &table, .n_operations = 1
};
static const struct codec_message bytes = { .role = "item" };
static struct codec_operation calls[] = { { .table = &table } };

const struct codec_interface codec_as_it_came = { &interface, calls };

const struct codec_operation *codec_stream_as_it_came(bool in, bool out)
{
	static const struct codec_operation streams[] = {
		{ .table = &table },
		{ .table = &table, .in_item = &bytes },
		{ .table = &table, .out_item = &bytes },
		{ .table = &table, .in_item = &bytes, .out_item = &bytes },
	};

	return &streams[in + 2 * out];
}
