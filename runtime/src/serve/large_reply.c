/* SPDX-License-Identifier: MIT */
#include "serve/large_reply.h"

#include <stdlib.h>
#include <string.h>

#include "reference/carried.h"
#include "reference/references.h"

/* In the peer's ring from its first fragment to its last, and freed when it leaves. */
struct large_reply {
	struct outbox out;
	struct peer *peer;
	uint32_t number;
	size_t cost;
	const struct codec_carried *carried; /* kept: a Release of what it brings home goes after */
};

static struct large_reply *of(struct outbox *outbox)
{
	return (struct large_reply *)((char *)outbox - offsetof(struct large_reply, out));
}

static void hold(struct outbox *outbox)
{
	(void)outbox; /* the ring's is the only reference */
}

static void release(struct outbox *outbox)
{
	struct large_reply *reply = of(outbox);

	numtab_remove(&reply->peer->taken.replies, reply->number);
	budget_release(reply->peer->budget, reply->cost);
	outbox_fini(outbox);
	carried_drop(reply->carried);
	free(reply);
}

static const struct outbox_owner owner = { .hold = hold, .release = release };

bool large_reply_put(struct peer *peer, const struct frame *frame, struct span payload,
		     struct block *block, const struct codec_carried *carried)
{
	struct large_reply *reply = NULL;
	bool ok = true;

	if (budget_charge(peer->budget, payload.n) && !(reply = calloc(1, sizeof(*reply))))
		budget_release(peer->budget, payload.n);
	if (!reply)
		return false;
	reply->cost = payload.n;
	reply->out.owner = &owner;
	reply->peer = peer;
	reply->number = frame->number;
	reply->carried = carried_keep(carried, &ok);
	ok = ok && numtab_put(&peer->taken.replies, frame->number, reply) &&
	     outbox_append_fragments(peer, &reply->out, frame, payload, block);
	if (!reply->out.in_ring) /* nothing of it, or the link is gone */
		release(&reply->out);
	else if (!ok)
		outbox_discard(peer, &reply->out);
	return ok;
}

bool large_reply_drop(struct peer *peer, uint32_t number)
{
	struct large_reply *reply = numtab_get(&peer->taken.replies, number);

	if (reply && reply->out.n_taken == 0) /* its first fragment would have told of them */
		references_unsend(peer, reply->carried);
	if (reply)
		outbox_discard(peer, &reply->out);
	return reply;
}
