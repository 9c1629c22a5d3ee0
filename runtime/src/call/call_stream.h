/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CALL_STREAM_H
#define PYRITE_CALL_STREAM_H
/* The streams of calls: what makes, carries, keeps and ends them. */
#include "call/incall.h"
#include "peer/peer.h"
#include "stream/stream.h"

/* ---- over a link: peer_stream.c; with the peer's lock ---- */
struct peer;
struct outcall;
/* Locks the peer that carries it, which it goes on doing while that is locked: counted for the
 * caller. NULL, nothing locked, if none does. Without locks. */
struct peer *stream_lock_peer(pyr_stream *stream);
/* The method's end of a call just taken. Returns false when memory is out. */
bool peer_stream_serve(struct peer *peer, pyr_call *call, const struct frame *frame);
/* Queues the last frame of a call behind the items that wait. Returns false if none do, and nothing
 * is kept. With the stream's lock too, or if no link carries it, alone. */
bool peer_stream_last(pyr_call *call, const struct frame *frame, struct span payload);
/* The method's end: what it queued is sent, and what it consumed told. With both locks. */
void peer_stream_settle(struct peer *peer, pyr_stream *stream);
/* The method has no more to say or to read: it was answered, or nobody wants it. */
void peer_stream_close(pyr_stream *stream);
/* It leaves the link. drops: with nothing that it would send; else that waits for another. */
void peer_stream_leave(struct peer *peer, pyr_stream *stream, bool drops);
/* A link carries it; with both locks. */
void peer_stream_enter(struct peer *peer, pyr_stream *stream, uint32_t number);
void peer_on_item(struct peer *peer, const struct frame *frame);
void peer_on_end(struct peer *peer, const struct frame *frame);
void peer_on_credit(struct peer *peer, const struct frame *frame);
/* The other end's Hello came: its window is known. */
void peer_stream_hello(struct peer *peer, const struct frame *frame);
/* A method's end, as far as it is the same whatever carries it. */
bool stream_is_wanted(const pyr_stream *stream); /* not cancelled, too late or left alone */
int64_t stream_method_until(pyr_stream *stream);
void stream_method_expire(pyr_stream *stream);
/* Waits as engine_wait(). In a serial daemon not for long for a caller without a link while others
 * wait for the thread: then the call ends. */
bool stream_wait_method(pyr_stream *stream, struct engine_waiter *waiter, int64_t until);
/* Why a method's end that is not open cannot be used: sets the last error. */
int stream_method_error(pyr_stream *stream);
/* The method's end is over: the call is gone. With or without the lock. */
void stream_release(pyr_stream *stream);
/* The caller's end of a call about to be made in a session. */
struct session;
void peer_stream_call(pyr_stream *stream, struct session *session);
/* The same call has a number now. */
void peer_stream_started(pyr_stream *stream, uint32_t number);
/* What its Call says of it. */
void peer_stream_describe(const struct outcall *call, const struct pyr__operation *table,
			  struct frame *frame);
/* The caller's end: the call was answered or given up. With the lock of the peer that carries it,
 * if one does. */
void peer_stream_over(pyr_stream *stream);
/* The caller's end: the link is gone. Returns whether the call may go on over another; */
bool peer_stream_may_detach(const pyr_stream *stream);
/* then, its number given back, it waits for that: the call is the user's from then on. */
void peer_stream_detach(struct peer *peer, pyr_stream *stream);
/* Ends a caller's call that waits so. Returns false if it does not. Without the stream's lock. */
bool peer_stream_end_lost(pyr_stream *stream, int code, const char *text);
/* The caller's end of one that is detached: goes on in a session on another link. Without locks. */
void peer_stream_resume(pyr_stream *stream, struct session *session);
void peer_on_resumed(struct peer *peer, const struct frame *frame);
/* The other end refused to resume, for it does not know how: fails the call with what it had
 * before. Returns false if it is another error. */
bool peer_resume_refused(struct outcall *call, const struct frame *frame);
/* The caller's end: the answer came; the other end need not keep it. */
void peer_stream_through(pyr_stream *stream);
/* Queues again what the other end, which tells what it has, did not receive. Returns false if that
 * is not possible. With the stream's lock alone. */
bool peer_stream_resend(pyr_stream *stream, uint32_t number, const struct frame *told);
/* A caller's call waits so; has ended. */
bool peer_stream_is_lost(pyr_stream *stream);
bool peer_stream_is_over(pyr_stream *stream);
/* The session that a caller's call is in, counted. Without locks. */
struct session *peer_stream_session(pyr_stream *stream);
#endif
