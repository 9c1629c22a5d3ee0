/* SPDX-License-Identifier: MIT */
/* What a plain gRPC call asks of core: to do something, and for the bytes of its request. */
#include "face/grpc/plain_call.h"

#include "base/stack.h"
#include "base/tsan.h"
#include "engine/core_api.h"

/* Core needs more room than a task has. */
struct batch {
	grpc_call *call;
	const grpc_op *ops;
	size_t n;
	void *tag;
	grpc_call_error error;
};

static void start_batch(void *data)
{
	struct batch *b = data;

	b->error = grpc_call_start_batch(b->call, b->ops, b->n, b->tag, NULL);
}

bool plain_start(struct plain_call *pc, const grpc_op *ops, size_t n, struct engine_event *event)
{
	struct batch batch = { pc->call, ops, n, event, GRPC_CALL_OK };

	atomic_fetch_add(&pc->refs, 1);
	TSAN_RELEASE(event);
	stack_call(start_batch, &batch);
	if (batch.error == GRPC_CALL_OK)
		return true;
	atomic_fetch_sub(&pc->refs, 1);
	return false;
}

struct span plain_payload(struct plain_call *pc)
{
	grpc_byte_buffer_reader reader;
	grpc_slice *only;
	bool is_read;

	if (!grpc_byte_buffer_reader_init(&reader, pc->request))
		return (struct span){ 0 };
	is_read = pc->request->data.raw.slice_buffer.count == 1 &&
		  grpc_byte_buffer_reader_peek(&reader, &only);
	if (!is_read) {
		pc->whole = grpc_byte_buffer_reader_readall(&reader);
		only = &pc->whole;
	}
	grpc_byte_buffer_reader_destroy(&reader);
	return core_span(only);
}
