/* SPDX-License-Identifier: MIT */
#include "face/grpc/link_plain_why.h"

#include <stdlib.h>

#include "base/tsan.h"
#include "engine/core_api.h"
#include "engine/engine.h"
#include "wire/plain_text.h"

struct why {
	struct engine_event event; /* the first member */
	why_told *told;
	void *data;
	grpc_call *call;
	grpc_metadata_array initial, trailing;
	grpc_status_code status;
	grpc_slice text;
};

static void free_why(struct why *why)
{
	grpc_call_unref(why->call);
	grpc_metadata_array_destroy(&why->initial);
	grpc_metadata_array_destroy(&why->trailing);
	grpc_slice_unref(why->text);
	free(why);
}

static void on_ended(struct engine_event *event, bool ok)
{
	struct why *why = (struct why *)event;
	char text[512];

	(void)ok; /* with the status, it is always */
	plain_text_copy(text, sizeof(text), core_span(&why->text));
	why->told(why->data, text);
	free_why(why);
}

static bool start(struct why *why)
{
	grpc_op ops[3] = { { .op = GRPC_OP_SEND_INITIAL_METADATA },
			   { .op = GRPC_OP_RECV_INITIAL_METADATA },
			   { .op = GRPC_OP_RECV_STATUS_ON_CLIENT } };

	ops[1].data.recv_initial_metadata.recv_initial_metadata = &why->initial;
	ops[2].data.recv_status_on_client.trailing_metadata = &why->trailing;
	ops[2].data.recv_status_on_client.status = &why->status;
	ops[2].data.recv_status_on_client.status_details = &why->text;
	TSAN_RELEASE(&why->event);
	return grpc_call_start_batch(why->call, ops, 3, &why->event, NULL) == GRPC_CALL_OK;
}

bool why_ask(grpc_channel *channel, why_told *told, void *data)
{
	struct why *why = calloc(1, sizeof(*why));

	if (!why)
		return false;
	why->event.done = on_ended;
	why->told = told;
	why->data = data;
	why->text = grpc_empty_slice();
	grpc_metadata_array_init(&why->initial);
	grpc_metadata_array_init(&why->trailing);
	why->call = grpc_channel_create_call(channel, NULL, GRPC_PROPAGATE_DEFAULTS, engine_queue(),
					     grpc_slice_from_static_string("/pyrite.Link/Connect"),
					     NULL, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
	if (start(why))
		return true;
	free_why(why);
	return false;
}
