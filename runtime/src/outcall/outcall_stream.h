/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_OUTCALL_STREAM_H
#define PYRITE_OUTCALL_STREAM_H
/* The caller's end of a stream over a link: outcall_stream.c, and of one that goes on over another:
 * outcall_resume.c. */
#include "outcall/outcall.h"
#include "stream/peer_stream.h"

/* The caller's end of a call about to be made in a session. */
void peer_stream_call(pyr_stream *stream, struct session *session);
/* The same call has a number now. */
void peer_stream_started(pyr_stream *stream, uint32_t number);
/* What its Call says of it. */
void peer_stream_describe(const struct outcall *call, const struct pyr__operation *table,
			  struct frame *frame);
/* The call was answered or given up. With the lock of the peer that carries it, if one does. */
void peer_stream_over(pyr_stream *stream);
/* The answer came; the other end need not keep it. */
void peer_stream_through(pyr_stream *stream);
/* The session that the call is in, counted. Without locks. */
struct session *peer_stream_session(pyr_stream *stream);
/* The other end's Hello came: its window is known. */
void peer_stream_hello(struct peer *peer, const struct frame *frame);
void outcall_on_item(struct peer *peer, const struct frame *frame);
void outcall_on_credit(struct peer *peer, const struct frame *frame);

/* The link is gone: returns whether the call may go on over another. One that has not left yet is
 * kept, and made there. */
bool peer_stream_may_detach(pyr_stream *stream);
/* Then, its number given back, it waits for that: the call is the user's from then on. */
void peer_stream_detach(struct peer *peer, pyr_stream *stream);
/* Whether it waits so; is over. */
bool peer_stream_is_lost(pyr_stream *stream);
bool peer_stream_is_over(pyr_stream *stream);
/* Ends a call that waits so. Returns false if it does not. Without the stream's lock. */
bool peer_stream_end_lost(pyr_stream *stream, int code, const char *text);
/* One that is detached goes on in a session on another link. Without locks. */
void peer_stream_resume(pyr_stream *stream, struct session *session);
void peer_on_resumed(struct peer *peer, const struct frame *frame);
/* The other end refused to resume, for it does not know how: fails the call with what it had
 * before. Returns false if it is another error. */
bool peer_resume_refused(struct outcall *call, const struct frame *frame);
#endif
