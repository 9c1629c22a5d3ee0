/* SPDX-License-Identifier: MIT */
#include "protocol/protocol.h"

#include "outcall/outcall_stream.h"
#include "serve/peer_in.h"
#include "serve/peer_linger.h"
#include "serve/serve_stream.h"

/* Both ends of a stream send items and credit: to the caller's end, or to the method's. */
static void on_item(struct peer *peer, const struct frame *frame)
{
	if (frame->to_caller)
		outcall_on_item(peer, frame);
	else
		serve_on_item(peer, frame);
}

static void on_credit(struct peer *peer, const struct frame *frame)
{
	if (frame->to_caller)
		outcall_on_credit(peer, frame);
	else
		serve_on_credit(peer, frame);
}

/* Callers send it, nobody else. */
static void on_end(struct peer *peer, const struct frame *frame)
{
	if (!frame->to_caller)
		serve_on_end(peer, frame);
}

const struct peer_handlers protocol = {
	.frame = {
		[FRAME_BIND] = peer_on_bind,
		[FRAME_BOUND] = peer_on_bound,
		[FRAME_UNBIND] = peer_on_unbind,
		[FRAME_CALL] = peer_on_call,
		[FRAME_REPLY] = peer_on_answer,
		[FRAME_ERROR] = peer_on_answer,
		[FRAME_CANCEL] = peer_on_cancel,
		[FRAME_ITEM] = on_item,
		[FRAME_END] = on_end,
		[FRAME_CREDIT] = on_credit,
		[FRAME_RESUME] = peer_on_resume,
		[FRAME_RESUMED] = peer_on_resumed,
	},
	.hello = peer_on_hello_out,
	.end_made = peer_end_out,
	.end_taken = peer_end_in,
};
