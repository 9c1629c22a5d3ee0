/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SRC_STREAM_H
#define PYRITE_SRC_STREAM_H
/*
 * One end of a call's streams, the caller's or the method's: items that came and were not read yet,
 * and how much may be sent. What carries it (a link, plain gRPC) is its kind. An item waits as a
 * block of its own; how many wait is bounded by the credit given for them.
 *
 * A stream has a lock of its own, taken after its peer's. What carries it may change; `route` says
 * what does, and is exchanged under the lock. So items are read and written with the stream's lock
 * alone, and the peer's is taken only to have something sent (peer_stream.c).
 */
#include <pthread.h>

#include "base/budget.h"
#include "engine/engine.h"
#include "peer/outbox.h"
#include "reference/taker.h"
#include "stream/stream_queue.h"
#include "wire/codec.h"

enum {
	STREAM_WINDOW_MAX = 16777216, /* what another end may make this one have on its way */
	STREAM_TOKEN = 16,
	STREAM_REFERENCES_MAX = 1024, /* of an item */
	STREAM_GRACE_MS = 1000 /* how long a serial daemon's method waits for a lost caller while
				  others wait for the thread */
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
	unsigned n_references;    /* of its first part, */
	struct span list;         /* to be sent: as in an Item frame */
	struct import_list *held; /* that came; taken. NULL: none */
};

/* What it takes of the credit. */
static inline size_t stream_part_cost(const struct stream_part *part)
{
	return part->payload.n + (1 + part->n_references) * (size_t)FRAME_ITEM_COST;
}

struct stream_kind {
	size_t fragment; /* most bytes of one part */
	/* With the lock: */
	enum stream_state (*state)(const pyr_stream *stream);
	/* Queues a part of part->payload.n bytes; returns where they go, NULL when memory is out.
	 */
	uint8_t *(*append)(pyr_stream *stream, const struct stream_part *part);
	void (*grant)(pyr_stream *stream, size_t n); /* tells the other end what was consumed */
	bool (*end)(pyr_stream *stream); /* and that no more comes; false: memory is out */
	/* Has what is to be sent sent: at once if its user is about to wait, else soon. */
	void (*flush_unlock)(pyr_stream *stream, bool waits);
	/* Without it: */
	int64_t (*until)(pyr_stream *stream); /* when to look again, if nothing happens */
	void (*expire)(pyr_stream *stream);   /* that time came */
	/* Waits as engine_wait(). */
	bool (*wait)(pyr_stream *stream, struct engine_waiter *waiter, int64_t until);
	int (*error)(pyr_stream *stream); /* sets the last error; returns minus its code */
	/* References travel in it, which are of this link: it does not go on over another. With the
	 * lock, and that of the peer that carries it. NULL: none travel. */
	void (*stay)(pyr_stream *stream);
	/* Locks that peer, counted; NULL: there is none. Without locks; there where `stay` is. */
	struct peer *(*lock_peer)(pyr_stream *stream);
};

/* The rest of an item that was begun when the link went: goes before the next one. */
struct stream_rest {
	uint8_t *data; /* the whole item, packed; NULL: there is none */
	size_t n, at;
};

struct stream_item {
	struct stream_item *next;
	size_t n, cost, charged;
	struct import_list *held; /* references that it brought; NULL: none */
	uint8_t data[];
};

/* Which link carries a stream, and under which number of its call. */
struct stream_route {
	struct peer *peer; /* counted; NULL: none does, or no more */
	uint32_t number;
};

/* What came and was not read. The stream's lock. */
struct stream_in {
	struct stream_item *first, **last; /* whole items */
	struct stream_item *partial;       /* its rest is to come */
	size_t partial_total;
	uint64_t n_items; /* number of the last one begun */
	size_t window;    /* given to the other end */
	size_t room;      /* of it left */
	size_t owed;      /* consumed, and not told yet */
	bool is_held;     /* an item was taken out, and is to be let go */
	size_t to_grant;  /* a part of the window given: Credit for it is to be queued */
	bool has_ended;
	uint64_t parts;    /* Item and End frames that came, ever */
	uint64_t consumed; /* cost of what was consumed, ever */
};

/* What goes. The stream's lock; box: the peer's. */
struct stream_out {
	struct outbox box; /* its place in the ring */
	uint64_t n_items;
	int64_t room;   /* credit left */
	int64_t window; /* all of it */
	bool has_ended, is_writing;
	bool has_window;           /* window is not a guess any more */
	struct stream_queue queue; /* what is to be sent */
	size_t n_queued;           /* of queue.n, charged */
	bool is_queued;            /* it is in the ring, or somebody is about to put it there */
	bool is_parked;            /* what is queued is not to be sent: the link is ending */
	int64_t flushed_at;        /* when items left that had not been asked to wait for others */
	uint64_t parts, cost, consumed; /* as of what comes: sent; told by the other end */
	struct stream_rest rest;        /* the caller's end */
	int64_t wanted;                 /* room for the item that was tried last */
};

/* outcall's and proxy's: the caller's end. The stream's lock. */
struct stream_caller {
	struct outcall *call; /* whose it is; constant */
	pyr_proxy *proxy;     /* counted: finds another link */
	bool has_token;       /* it can be resumed, */
	uint8_t token[STREAM_TOKEN];
	uint32_t attempt;  /* Resumes sent */
	struct buf unsent; /* of a lost one, the frame of its Call that never left */
	bool stays;        /* it is of the link that carries it */
};

/* incall's and serve's: the method's end. The stream's lock; what is of the item read last, and how
 * long to wait: its reader's. */
struct stream_method {
	pyr_call *call;                /* whose it is; NULL once that is over */
	struct lingering_call *linger; /* NULL: it ends with its link */
	int64_t lost_at;               /* when its link was */
	uint32_t lifetime_ms;          /* how long to wait for its caller; 0: for ever */
	atomic_bool is_left;           /* it waited so long */
	struct arena arena;            /* of the item read last */
	size_t n_unpacked;             /* of it, charged */
	struct taken taken;            /* references in it */
};

/* Who waits for nothing, but hands items on: told that something has changed, in any thread and
 * with any lock. */
struct stream_watch {
	void (*changed)(struct stream_watch *watch);
};

/* Who waits for items or for credit. A lock of its own, a leaf but for the engine's. */
struct stream_waits {
	pthread_mutex_t lock;
	struct stream_watch *watch; /* NULL: nobody */
	struct engine_waiter *reader, *writer;
	struct stream_room *room; /* who is told that there is room; NULL: nobody */
};

struct pyr_stream {
	atomic_int refs;
	const struct stream_kind *kind;
	pthread_mutex_t lock;      /* after a peer's; guards all but the constants and `waits` */
	struct stream_route route; /* changed with the peer's lock too, of the one that is there */
	void *plain;               /* struct plain_stream: what carries it instead */
	enum stream_state state;   /* over a link; a method's is never LOST but has no route */
	bool is_resuming;          /* the caller's: Resume was sent, and not answered */
	const struct codec_operation *operation;
	const struct codec_message *reads, *writes; /* an item each; NULL: not in this direction */
	bool is_callers;
	struct budget *budget;   /* counted: of what the other end makes us keep; NULL: no bound */
	size_t charged;          /* to it, by this stream: stream_charge() */
	uint32_t max_item;       /* bytes of one that this end takes */
	uint32_t their_max_item; /* and the other */
	struct stream_in in;
	struct stream_out out;
	struct stream_caller caller;
	struct stream_method method;
	struct stream_waits waits;
};

/* Makes an end with one reference; kind, lock and limits are the caller's to set. NULL when memory
 * is out. */
pyr_stream *stream_new(const struct codec_operation *operation, bool is_callers);
void stream_ref(pyr_stream *stream);
void stream_unref(pyr_stream *stream);

/* The other end makes this one keep n bytes more, or fewer: charged to its connection. The one
 * place that counts. Returns false if that is more than it may. With the lock. */
bool stream_charge(pyr_stream *stream, ptrdiff_t n);
/* From now on, with what is charged so far, to another connection; budget: NULL for none. */
void stream_charge_to(pyr_stream *stream, struct budget *budget);
/* The queue has grown or shrunk. The same. */
bool stream_charge_queue(pyr_stream *stream);

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
/* The first whole item; it counts as not read until it is consumed. NULL: there is none. */
struct stream_item *stream_unlink(pyr_stream *stream);
void stream_consume(pyr_stream *stream, const struct stream_item *item);
/* Forgets what was not read. */
void stream_drop_items(pyr_stream *stream);

/* ---- the user's side; without the lock, the thread waits ---- */
/* Returns 1 with an item (stream_item_free()), 0 at the end, or minus a status. */
int stream_get(pyr_stream *stream, struct stream_item **ret);
void stream_item_free(struct stream_item *item);
/* Waits until the call is over or its link is lost; for one that reads no items. */
enum stream_state stream_wait_over(pyr_stream *stream);
/* No more comes. */
int stream_end(pyr_stream *stream);
/* Packs and puts one item. try: without waiting; returns 1, and the item was not taken, if there is
 * no room now. */
int stream_put_slot(pyr_stream *stream, const struct pyr__operation *operation, pyr__in *item,
		    const char *what);
int stream_try_slot(pyr_stream *stream, const struct pyr__operation *operation, pyr__in *item,
		    const char *what);

/* ---- stream_relay.c: items that are handed on as they came, by who does not wait ---- */
/* watch: NULL: nobody is told any more. */
void stream_set_watch(pyr_stream *stream, struct stream_watch *watch);
/* Takes the next item out, if one is there: it counts as not read until stream_let_go_item(), which
 * frees it. *has_ended: no more comes. What is to be sent is sent. */
struct stream_item *stream_take_item(pyr_stream *stream, bool *has_ended);
void stream_let_go_item(pyr_stream *stream, struct stream_item *item);
/* Puts as many parts of an item, from byte *at on, as may go now. Returns 0 when all are put, 1 if
 * there is no room for the rest, -PYR_CANCELLED if nobody wants it any more, or minus another
 * status with the last error set. */
int stream_hand_on(pyr_stream *stream, const struct stream_item *item, size_t *at);
/* What was put leaves now. */
void stream_flush(pyr_stream *stream);

/* ---- stream_room.c ---- */
/* Whether an item of n bytes, with so many references, may go now, all of it: 0, 1 if not, or minus
 * a status if it never may; 0 if none may any more. With the lock. */
int stream_look_for_room(pyr_stream *stream, size_t n, unsigned n_references);
/* Whoever waits for room is told: something has changed; if there is room, with the lock. */
void stream_tell_room(pyr_stream *stream);
void stream_tell_if_room(pyr_stream *stream);
/* Nobody is told any more. */
void stream_forget_room(pyr_stream *stream);
/* Whether a generated function is for this stream; sets the last error if not. */
bool stream_is_of(const pyr_stream *stream, const struct pyr__operation *operation,
		  const struct codec_message *item, bool is_callers, const char *what);
#endif
