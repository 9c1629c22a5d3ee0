/* SPDX-License-Identifier: MIT */
#include "call/protocol.h"

#include "call/call_stream.h"
#include "call/outcall.h"
#include "call/peer_in.h"
#include "call/peer_linger.h"
#include "call/peer_stream.h"

const struct peer_handlers protocol = {
	.frame = {
		[FRAME_BIND] = peer_on_bind,
		[FRAME_BOUND] = peer_on_bound,
		[FRAME_UNBIND] = peer_on_unbind,
		[FRAME_CALL] = peer_on_call,
		[FRAME_REPLY] = peer_on_answer,
		[FRAME_ERROR] = peer_on_answer,
		[FRAME_CANCEL] = peer_on_cancel,
		[FRAME_ITEM] = peer_on_item,
		[FRAME_END] = peer_on_end,
		[FRAME_CREDIT] = peer_on_credit,
		[FRAME_RESUME] = peer_on_resume,
		[FRAME_RESUMED] = peer_on_resumed,
	},
	.hello = peer_on_hello_out,
	.end_made = peer_end_out,
	.end_taken = peer_end_in,
};
