/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SRC_STREAM_H
#define PYRITE_SRC_STREAM_H
/*
 * One end of a call's streams, the caller's or the method's: items that came and were not read yet,
 * and how much may be sent. What carries it (a link, plain gRPC) is its kind. An item waits as a
 * block of its own; how many wait is bounded by the credit given for them.
 */
#include <pthread.h>

#include "codec.h"
#include "engine.h"
#include "incall.h"
#include "outbox.h"

enum {
	STREAM_COST = 32,             /* of each frame of items, beside its payload */
	STREAM_WINDOW_FIRST = 131072, /* the least window; and the one before Hello */
	STREAM_WINDOW_NEAR = 262144,  /* on this host */
	STREAM_WINDOW_FAR = 4194304
};

/* Where the call stands. */
enum stream_state { STREAM_OPEN, STREAM_DONE /* it succeeded */, STREAM_FAILED };

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

struct stream_item {
	struct stream_item *next;
	size_t n, cost;
	uint8_t data[];
};

struct pyr_stream {
	atomic_int refs;
	const struct stream_kind *kind;
	pthread_mutex_t *lock; /* the peer's, or the plain call's: guards all but wait_lock's */
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

	uint64_t n_out;
	int64_t out_room;   /* credit left */
	int64_t out_window; /* all of it */
	bool out_ended, is_writing;
	struct outbox out;

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

/* Something has changed: who waits looks again. With or without the lock. */
void stream_wake(pyr_stream *stream);

/* ---- what comes; with the lock ---- */
/* Returns 0, or a status with the text of what is wrong with it. */
int stream_take(pyr_stream *stream, const struct stream_part *part, char *text, size_t n);
/* Returns false if it had ended already. */
bool stream_take_end(pyr_stream *stream);
void stream_take_credit(pyr_stream *stream, uint64_t n);
/* Forgets what was not read. */
void stream_drop_items(pyr_stream *stream);

/* ---- the user's side; without the lock, the thread waits ---- */
/* Returns 1 with an item (free()), 0 at the end, or minus a status. */
int stream_get(pyr_stream *stream, struct stream_item **ret);
int stream_put(pyr_stream *stream, const struct codec_packer *packer);
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
bool peer_stream_serve(struct peer *peer, pyr_call *call);
/* Queues the last frame of a call behind the items that wait. Returns false if none do. */
bool peer_stream_last(pyr_call *call, const struct frame *frame);
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
/* The caller's end: the call was answered or given up. */
void peer_stream_over(pyr_stream *stream);
/* The window that an end gives on a link. */
uint32_t peer_stream_window(bool is_local);
#endif
