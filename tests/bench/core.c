/* SPDX-License-Identifier: MIT */
#include "core.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>

#include <string.h>

#define INT(name, number)                                                                          \
	{                                                                                          \
		.type = GRPC_ARG_INTEGER, .key = (char *)(name), .value.integer = (number)         \
	}

static grpc_arg plain[] = {
	INT("grpc.use_local_subchannel_pool", 1),
	INT("grpc.max_receive_message_length", -1),
	INT("grpc.enable_http_proxy", 0),
};

/* What Pyrite sets and what costs or saves something where nothing goes wrong. */
static grpc_arg lean[] = {
	INT("grpc.use_local_subchannel_pool", 1),
	INT("grpc.max_receive_message_length", -1),
	INT("grpc.enable_http_proxy", 0),
	INT("grpc.enable_retries", 0),
	INT("grpc.compression_enabled_algorithms_bitset", 1),
	INT("grpc.http2.bdp_probe", 0),
};

const grpc_channel_args *core_args(const struct bench_options *options)
{
	static const grpc_channel_args all_plain = { sizeof(plain) / sizeof(plain[0]), plain };
	static const grpc_channel_args all_lean = { sizeof(lean) / sizeof(lean[0]), lean };

	return options->lean ? &all_lean : &all_plain;
}

grpc_byte_buffer *core_pack(const int32_t *numbers, size_t n)
{
	grpc_slice slice =
		grpc_slice_from_copied_buffer((const char *)numbers, n * sizeof(*numbers));
	grpc_byte_buffer *message = grpc_raw_byte_buffer_create(&slice, 1);

	grpc_slice_unref(slice);
	return message;
}

bool core_unpack(grpc_byte_buffer *message, int32_t *numbers, size_t n)
{
	grpc_byte_buffer_reader reader;
	grpc_slice slice;
	bool fits;

	if (!message || !grpc_byte_buffer_reader_init(&reader, message))
		return false;
	slice = grpc_byte_buffer_reader_readall(&reader);
	fits = GRPC_SLICE_LENGTH(slice) == n * sizeof(*numbers);
	if (fits)
		memcpy(numbers, GRPC_SLICE_START_PTR(slice), n * sizeof(*numbers));
	grpc_slice_unref(slice);
	grpc_byte_buffer_reader_destroy(&reader);
	return fits;
}

void *core_next(grpc_completion_queue *queue, bool *ret_ok)
{
	grpc_event event =
		grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);

	*ret_ok = event.type == GRPC_OP_COMPLETE && event.success;
	return event.type == GRPC_OP_COMPLETE ? event.tag : NULL;
}

void core_batch(grpc_call *call, const grpc_op *ops, size_t n, void *tag)
{
	grpc_call_error err = grpc_call_start_batch(call, ops, n, tag, NULL);

	if (err != GRPC_CALL_OK)
		bench_fail("core refuses a batch: %s", grpc_call_error_to_string(err));
}
