/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LARGE_REPLY_H
#define PYRITE_LARGE_REPLY_H
/*
 * Replies that leave in fragments: each in an outbox of its own, which takes turns with sessions
 * and streams. So 64 MiB stand before no small reply, credit, cancel or Pong. All with the peer's
 * lock.
 */
#include "peer/peer.h"

/* Queues one, whose payload lies in a block; frame: what its first fragment says. What it carries
 * is kept until it has left. Returns false, with nothing queued, when memory is out, or the budget
 * has no room. */
bool large_reply_put(struct peer *peer, const struct frame *frame, struct span payload,
		     struct block *block, const struct codec_carried *carried);
/* Nobody waits for it any more. Returns false if there is none of that number. */
bool large_reply_drop(struct peer *peer, uint32_t number);
#endif
