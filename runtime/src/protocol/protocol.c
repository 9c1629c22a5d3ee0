/* SPDX-License-Identifier: MIT */
#include "protocol/protocol.h"

#include <pthread.h>

#include "object/object.h"
#include "outcall/outcall_stream.h"
#include "reference/references.h"
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

static void end_taken(struct peer *peer)
{
	peer_end_in(peer);
	references_end(peer);
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
		[FRAME_RELEASE] = references_on_release,
		[FRAME_LOST] = references_on_lost,
		[FRAME_RESUME] = peer_on_resume,
		[FRAME_RESUMED] = peer_on_resumed,
		[FRAME_AUTH] = peer_on_auth,
	},
	.hello = peer_on_hello_out,
	.end_made = peer_end_out,
	.end_taken = end_taken,
	.freed = references_free,
};

/* It has no objects but those that were passed, whose executors are their own. */
static struct {
	pthread_mutex_t lock;
	struct object_table objects;
	struct peer_host host;
	bool is_there; /* lock; what it has does not change from then on */
} here = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void init_here(void)
{
	here.host.handlers = &protocol;
	here.host.objects = &here.objects;
	here.host.is_process = true;
	here.host.address = "this end";
	here.host.limits.max_calls = PEER_MAX_CALLS;
	here.is_there = objects_init(&here.objects) == 0;
}

/* Without memory it is tried again the next time. */
struct peer_host *protocol_here(void)
{
	bool is_there;

	pthread_mutex_lock(&here.lock);
	if (!here.is_there)
		init_here();
	is_there = here.is_there;
	pthread_mutex_unlock(&here.lock);
	return is_there ? &here.host : NULL;
}
