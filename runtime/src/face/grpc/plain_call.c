/* SPDX-License-Identifier: MIT */
/* What a plain gRPC call asks of core: to do something, and for the bytes of its request. */
#include "face/grpc/plain_call.h"

#include "base/stack.h"
#include "base/tsan.h"
#include "engine/core_api.h"

#define FAR_FUTURE_S 1000000000 /* a deadline that is none */
#define NS_PER_S     1000000000

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

/* Core's monotonic clock need not begin where ours does: what is left is carried over. */
int64_t plain_deadline(gpr_timespec deadline)
{
	gpr_timespec left;

	if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0)
		return ENGINE_FOREVER;
	left = gpr_time_sub(gpr_convert_clock_type(deadline, GPR_CLOCK_MONOTONIC),
			    gpr_now(GPR_CLOCK_MONOTONIC));
	if (left.tv_sec > FAR_FUTURE_S)
		return ENGINE_FOREVER;
	if (left.tv_sec < 0)
		return engine_now();
	return engine_now() + left.tv_sec * NS_PER_S + left.tv_nsec;
}
