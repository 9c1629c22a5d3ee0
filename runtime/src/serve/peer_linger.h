/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PEER_LINGER_H
#define PYRITE_PEER_LINGER_H
/*
 * Calls with streams that outlive their link: what a daemon keeps of each until its caller has the
 * answer. When the link is lost, such a call is not cancelled but waits, for a while, to be taken
 * to another link by who knows its token.
 */
#include "incall/incall.h"
#include "stream/peer_stream.h"

enum {
	LINGER_MAX = 1024,           /* calls without a link in a daemon */
	LINGER_MAX_BYTES = 64 << 20, /* that they hold, when their link goes or they are answered */
	LINGER_COST = 1024           /* of one, beside what was sent: charged to its connection */
};

/* ---- of a daemon ---- */
struct lingering;
struct lingering_call;
/* ms: how long they wait. NULL when memory is out. */
struct lingering *lingering_new(uint32_t ms);
/* Ends those that wait as CANCELLED; no more are kept. Without locks. */
void lingering_close(struct lingering *lingering);
/* Once it is closed, and all links are gone. */
void lingering_free(struct lingering *lingering);
/* How many wait. */
size_t lingering_count(struct lingering *lingering);

/* ---- one of them; with the lock of the peer that carries it ---- */
/* A call was taken; token: of its caller. Does nothing if it is none, or memory is out: then the
 * call ends with its link. */
void peer_linger_begin(struct peer *peer, pyr_call *call, struct span token);
/* A call ends otherwise, or the caller is through with it: nothing is kept, or sent any more. A
 * method that looks is to know why: what runs is cancelled before. stream: may be NULL. */
void peer_linger_end(struct peer *peer, pyr_stream *stream);
/* The link is gone, and the call not among those taken any more. Returns false if it is to end with
 * it. */
bool peer_linger_detach(struct peer *peer, pyr_call *call);
/* The caller goes to another link: the call is no more among those taken, which gave up their
 * reference. Returns false if it may not, and nothing was done. */
bool peer_linger_leave(struct peer *peer, pyr_call *call);
/* The link is gone, and so are the answered ones, or they wait. */
void peer_linger_end_all(struct peer *peer);
/* Frames that come. peer_on_resume() drops the lock meanwhile. */
void peer_on_resume(struct peer *peer, const struct frame *frame);
void peer_on_through(struct peer *peer, const struct frame *frame);

/* ---- with the stream's lock; and with that of the peer that carries it, if one does ---- */
/* Whether the call waits for its caller to come back. */
bool peer_linger_waits(const pyr_stream *stream);
/* Whether an answer of n bytes may be kept by one that does. */
bool peer_linger_has_room(pyr_stream *stream, size_t n);
/* Its answer was queued: from then on it is kept without the call, whose reference is returned. */
pyr_call *peer_linger_answered(pyr_stream *stream);
/* Of a call on a link that was not answered: too much is kept. From now on it ends with its link.
 */
void peer_linger_forgo(pyr_stream *stream);
/* Of a call that waits, whose answer cannot be kept: its caller is refused when it comes back. */
void peer_linger_lose(pyr_stream *stream);

void peer_linger_drop(struct lingering_call *l);

/* Others wait for what the method holds: if its caller is away, the call ends. Without locks. */
void peer_linger_give_way(pyr_stream *stream);
#endif
