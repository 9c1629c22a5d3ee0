/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SRC_STREAM_H
#define PYRITE_SRC_STREAM_H
/*
 * One end of a call's streams, the caller's or the method's: items that came and were not read yet,
 * and how much may be sent. What carries it (a link, plain gRPC) is its kind. An item waits as a
 * block of its own; how many wait is bounded by the credit given for them.
 */
#include <pthread.h>

#include "link/engine.h"
#include "peer/incall.h"
#include "peer/outbox.h"
#include "peer/stream_kept.h"
#include "wire/codec.h"

enum {
	STREAM_COST = 32,             /* of each frame of items, beside its payload */
	STREAM_WINDOW_FIRST = 131072, /* the least window; and the one before Hello */
	STREAM_WINDOW_NEAR = 262144,  /* on this host */
	STREAM_WINDOW_FAR = 4194304,
	STREAM_TOKEN = 16
};

/* Where the call stands. */
enum stream_state {
	STREAM_OPEN,
	STREAM_DONE, /* it succeeded */
	STREAM_FAILED,
	STREAM_LOST /* the caller's: its link is gone, and it may go on over another */
};

/* An item, or a fragment, on its way. */
struct stream_part {
	uint64_t sequence;
	uint32_t flags, total; /* as in an Item frame */
	struct span payload;
};

struct stream_kind {
	size_t fragment; /* most bytes of one part */
	/* With the lock: */
	enum stream_state (*state)(const pyr_stream *stream);
	/* Queues a part of part->payload.n bytes; returns where they go, NULL when memory is out.
	 */
	uint8_t *(*append)(pyr_stream *stream, const struct stream_part *part);
	void (*grant)(pyr_stream *stream, size_t n); /* tells the other end what was consumed */
	void (*end)(pyr_stream *stream);             /* and that no more comes */
	void (*flush_unlock)(pyr_stream *stream);
	/* Without it: */
	int64_t (*until)(pyr_stream *stream); /* when to look again, if nothing happens */
	void (*expire)(pyr_stream *stream);   /* that time came */
	int (*error)(pyr_stream *stream);     /* sets the last error; returns minus its code */
};

/* The rest of an item that was begun when the link went: goes before the next one. */
struct stream_rest {
	uint8_t *data; /* the whole item, packed; NULL: there is none */
	size_t n, at;
};

struct stream_item {
	struct stream_item *next;
	size_t n, cost;
	uint8_t data[];
};

/* Where a stream was before it went to another link: kept for those who are about to lock it. */
struct stream_former {
	struct stream_former *next;
	struct session *session; /* counted: the caller's; NULL: it is the method's */
	struct peer *peer;       /* counted: the method's */
};

struct pyr_stream {
	atomic_int refs;
	const struct stream_kind *kind;
	/* The peer's, or the plain call's: guards all but wait_lock's. Changed with both locks. */
	pthread_mutex_t *lock;
	const struct codec_operation *operation;
	const struct codec_message *reads, *writes; /* an item each; NULL: not in this direction */
	bool is_callers;
	pyr_call *call;          /* the method's end: whose it is; NULL once that is over */
	struct outcall *outcall; /* the caller's end: the same */
	atomic_size_t *held;     /* bytes that the other end makes us keep, NULL = not counted */
	size_t max_held;         /* the most */
	uint32_t max_item;       /* bytes of one that this end takes */
	uint32_t their_max_item; /* and the other */

	struct stream_item *first, **last; /* whole items, to be read */
	struct stream_item *partial;       /* its rest is to come */
	size_t partial_total;
	uint64_t n_in;  /* number of the last item begun */
	size_t window;  /* given to the other end */
	size_t in_room; /* of it left */
	size_t owed;    /* consumed, and not told yet */
	bool in_ended;
	uint64_t in_parts;    /* Item and End frames that came, ever */
	uint64_t in_consumed; /* cost of what was consumed, ever */

	uint64_t n_out;
	int64_t out_room;   /* credit left */
	int64_t out_window; /* all of it */
	bool out_ended, is_writing;
	bool has_window; /* out_window is not a guess any more */
	struct outbox out;
	struct kept kept;
	uint64_t out_parts, out_cost, out_consumed; /* as in_: sent; told by the other end */

	bool has_token;                /* it can be resumed */
	uint8_t token[STREAM_TOKEN];   /* by this */
	atomic_bool is_detached;       /* its link is gone, and there is no other yet */
	uint32_t attempt;              /* the caller's: Resumes sent */
	bool is_resuming;              /* the caller's: Resume was sent, and not answered */
	struct stream_rest rest;       /* the caller's */
	struct lingering_call *linger; /* the method's; NULL: it ends with its link */
	struct peer *home; /* the method's, counted, if it has a linger: whose lock it is */
	struct stream_former *former; /* the last one first */
	pyr_proxy *proxy;             /* the caller's, counted: finds another link */

	pthread_mutex_t wait_lock; /* a leaf but for the engine's */
	struct engine_waiter *reader, *writer;

	uint32_t lifetime_ms; /* the method's: how long to wait for its caller; 0: for ever */
	atomic_bool is_left;  /* it waited so long */
	struct arena arena;   /* the method's: of the item read last */
};

/* Makes an end with one reference; kind, lock and limits are the caller's to set. NULL when memory
 * is out. */
pyr_stream *stream_new(const struct codec_operation *operation, bool is_callers);
void stream_ref(pyr_stream *stream);
void stream_unref(pyr_stream *stream);

/* Takes stream->lock, which may become another's meanwhile. */
void stream_lock(pyr_stream *stream);
/* Gives it another lock and remembers where it was. With both locks. former: taken. */
void stream_move(pyr_stream *stream, pthread_mutex_t *lock, struct stream_former *former);

/* Something has changed: who waits looks again. With or without the lock. */
void stream_wake(pyr_stream *stream);

/* ---- what comes; with the lock ---- */
/* Returns 0, or a status with the text of what is wrong with it. */
int stream_take(pyr_stream *stream, const struct stream_part *part, char *text, size_t n);
/* Returns false if it had ended already. */
bool stream_take_end(pyr_stream *stream);
void stream_take_credit(pyr_stream *stream, uint64_t n);
/* Tells all that was consumed. */
void stream_grant_all(pyr_stream *stream);
/* Forgets what was not read. */
void stream_drop_items(pyr_stream *stream);

/* ---- the user's side; without the lock, the thread waits ---- */
/* Returns 1 with an item (free()), 0 at the end, or minus a status. */
int stream_get(pyr_stream *stream, struct stream_item **ret);
int stream_put(pyr_stream *stream, const struct codec_packer *packer);
/* Waits until the call is over or its link is lost; for one that reads no items. */
enum stream_state stream_wait_over(pyr_stream *stream);
/* No more comes. */
int stream_end(pyr_stream *stream);
/* Packs and puts one item. */
int stream_put_slot(pyr_stream *stream, const struct pyr__operation *operation, pyr__in *item,
		    const char *what);
/* Whether a generated function is for this stream; sets the last error if not. */
bool stream_is_of(const pyr_stream *stream, const struct pyr__operation *operation,
		  const struct codec_message *item, bool is_callers, const char *what);

/* ---- over a link: peer_stream.c; with the peer's lock ---- */
struct peer;
struct outcall;
/* The method's end of a call just taken. Returns false when memory is out. */
bool peer_stream_serve(struct peer *peer, pyr_call *call, const struct frame *frame);
/* Queues the last frame of a call behind the items that wait. Returns false if none do, and nothing
 * is kept. */
bool peer_stream_last(pyr_call *call, const struct frame *frame, struct span payload);
/* Whose lock it is: the method's end. */
struct peer *peer_stream_home(const pyr_stream *stream);
void peer_on_item(struct peer *peer, const struct frame *frame);
void peer_on_end(struct peer *peer, const struct frame *frame);
void peer_on_credit(struct peer *peer, const struct frame *frame);
/* The other end's Hello came: its window is known. */
void peer_stream_hello(struct peer *peer, const struct frame *frame);
/* A method's end, as far as it is the same whatever carries it. */
bool stream_is_wanted(const pyr_stream *stream); /* not cancelled, too late or left alone */
int64_t stream_method_until(pyr_stream *stream);
void stream_method_expire(pyr_stream *stream);
/* Why a method's end that is not open cannot be used: sets the last error. */
int stream_method_error(pyr_stream *stream);
/* The method's end is over: the call is gone. With or without the lock. */
void stream_release(pyr_stream *stream);
/* The caller's end of a call about to be made in a session. */
struct session;
void peer_stream_call(pyr_stream *stream, struct session *session);
/* What its Call says of it. */
void peer_stream_describe(const struct outcall *call, const struct pyr__operation *table,
			  struct frame *frame);
/* The caller's end: the call was answered or given up. */
void peer_stream_over(pyr_stream *stream);
/* The caller's end: the link is gone. Returns false if the call ends with it. */
bool peer_stream_detach(pyr_stream *stream);
/* The caller's end of one that is detached: goes on in a session on another link. Without locks. */
void peer_stream_resume(pyr_stream *stream, struct session *session);
void peer_on_resumed(struct peer *peer, const struct frame *frame);
/* The other end refused to resume, for it does not know how: fails the call with what it had
 * before. Returns false if it is another error. */
bool peer_resume_refused(struct outcall *call, const struct frame *frame);
/* The caller's end: the answer came; the other end need not keep it. */
void peer_stream_through(pyr_stream *stream);
/* Sends again what the other end, which tells what it has, did not receive. Returns false if that
 * is not possible. */
bool peer_stream_resend(struct peer *peer, pyr_stream *stream, uint32_t number,
			const struct frame *told);
/* The window that an end gives on a link. */
uint32_t peer_stream_window(bool is_local);
#endif
