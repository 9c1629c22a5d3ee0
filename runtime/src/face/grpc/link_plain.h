/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_PLAIN_H
#define PYRITE_LINK_PLAIN_H
/*
 * A link to a server that is no Pyrite: link_plain.c reads the frames that are written to it and
 * answers in the server's name, plain_out.c makes a gRPC call of each Call. So sessions, proxies
 * and futures need not know. What a server without sessions cannot do is refused there.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "base/numtab.h"
#include "engine/core_api.h"
#include "engine/engine.h"
#include "link/link.h"
#include "wire/frame.h"

struct plain_link {
	struct link link;
	atomic_int refs; /* the owner's, and one for each batch, watch and hook in flight */
	uint32_t max_message;
	struct engine_event watched; /* the channel's state is another */
	struct engine_hook deliver;  /* what is in inbox, and the end */
	struct buf out;              /* leader: frames on their way to the owner */
	bool is_finished;            /* leader: closed() was called */
	pthread_mutex_t lock;        /* after the owner's; before core's and the engine's */
	/* lock: */
	grpc_channel *channel; /* NULL once it is closing */
	grpc_connectivity_state state;
	struct numtab sessions; /* struct plain_session by number */
	struct numtab calls;    /* struct plain_out by number: somebody waits for the answer */
	unsigned n_calls;       /* with a batch in flight, those that ask why included */
	uint64_t window;        /* of a stream that the owner receives */
	struct buf inbox;       /* frames for the owner that were not made by the leader */
	bool is_tunneled;       /* the connection is ours, not core's */
	bool will_deliver;
	bool has_lost;    /* a frame for the caller, for want of memory: the link ends */
	bool is_watching; /* the channel's state; or, through a tunnel, the connection */
	bool is_connected, is_leaving, is_closing;
	bool is_refusal; /* so it was closed: nobody was let in */
	int close_code;
	char close_text[256];
};

/* What a Bind said, and where its calls go. */
struct plain_session {
	const char *path;   /* "/example.Server/" */
	const char *object; /* "pyrite-object" */
	const char *needs;  /* what cannot be had without a session; NULL: nothing */
};

struct plain_out;

void plain_link_ref(struct plain_link *l);
void plain_link_unref(struct plain_link *l);
/* Gives the owner whole frames, and forgets them. In the leader. */
void plain_link_tell(struct plain_link *l, struct buf *frames);
/* A frame for the owner. Until it is connected, frames wait: the Hello is among them. With the
 * lock.
 */
void plain_link_put(struct plain_link *l, const struct frame *frame);
/* The leader gives the owner what is in the inbox. With the lock. */
void plain_link_deliver_soon(struct plain_link *l);
/* A frame that the owner has written. With the lock. */
void plain_link_take(struct plain_link *l, const struct frame *frame);
/* Answers a call as failed: a frame in the inbox. found_here: no server said so. With the lock. */
void plain_link_fail(struct plain_link *l, uint32_t number, int code, const char *text);
/* There has been an answer: what waits for the connection may go to the owner. With the lock. */
void plain_link_connected(struct plain_link *l);
/* What is in the inbox goes before what follows in `out`. In the leader, with the lock. */
void plain_link_take_inbox(struct plain_link *l);
/* Ends it: no more calls; those that run are ended if code is not 0. */
void plain_link_end(struct plain_link *l, int code, const char *text);
/* Whether the connection is there. With the lock. */
bool plain_link_stands(const struct plain_link *l);
/* There is no connection to be had: its end. text: core's, why. */
void plain_link_unconnected(struct plain_link *l, const char *text);
/* A batch is through: perhaps it was the last of a link that ends. In the leader. */
void plain_link_ended(struct plain_link *l);

/* A Call frame that begins a call; what is wrong with it is answered. With the lock. */
void plain_out_start(struct plain_link *l, const struct plain_session *session,
		     const struct frame *frame);
/* One that continues it. With the lock. */
void plain_out_continue(struct plain_out *out, const struct frame *frame);
/* A part of a stream's item, the end of the items, room for n more bytes of the owner's. With the
 * lock; frames for the owner are in the inbox then. */
void plain_out_item(struct plain_out *out, const struct frame *frame);
void plain_out_end(struct plain_out *out);
void plain_out_credit(struct plain_out *out, uint64_t n);
/* Ends it: no answer will come, which also takes it out of the table. With the lock. */
void plain_out_cancel(struct plain_out *out);
#endif
