/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SESSION_H
#define PYRITE_SESSION_H
/* Sessions as the binding end has them: one proxy's connection to one object. */
#include "link/link_process.h"
#include "peer/peer.h"
#include "reference/references.h"

/* A thread in session_bind(); on its stack. */
struct session_binder {
	struct engine_waiter waiter;
	struct session_binder *next;
};

enum session_state { SESSION_NEW, SESSION_SENT, SESSION_EQUAL, SESSION_DIFFERS, SESSION_FAILED };

/* What the other end says of an operation, when its interface is another version. */
struct remote_operation {
	bool is_known, may_be_called;
	char *signature;
};

/* What a proxy says when it binds, and asks. Counted; constant. */
struct session_ways {
	atomic_int refs;
	struct buf handshake;   /* bytes */
	struct buf annotations; /* of its calls, encoded as a Bind's */
	pyr_handshake_cb on_handshake;
	pyr_annotate_cb on_call;
	pyr_reply_cb on_reply;
	void *data; /* of all of them */
};
/* ways: NULL, or counted. */
struct session_ways *session_ways_ref(struct session_ways *ways);
void session_ways_unref(struct session_ways *ways);

/*
 * Of a session that is opened for another end, by who hands its calls on: what that end says when
 * it binds, instead of a table, and who is told what comes of it.
 */
struct session_relay {
	struct span interface, shape; /* they last as long as the session is bound */
	uint64_t fingerprint;
	/* Once, with the peer's lock. bound: NULL: the link is gone. */
	void (*bound)(struct session_relay *relay, const struct frame *bound);
};

struct session {
	atomic_int refs;
	struct peer *peer; /* counted */
	const struct codec_interface *interface;
	char *object;
	struct import *import;     /* that it is bound to; counted. NULL: to an object's id */
	struct session_ways *ways; /* counted; NULL: nothing is said or asked */
	/* peer->lock, from the first on: until it was told, or the session is unbound; else NULL */
	struct session_relay *relay;
	/* Its other end is in this process, and this leads there; NULL: it is not, or not known.
	 * Set once, in the leader. */
	struct link_gift *_Atomic gift;
	atomic_uint n_sent; /* calls whose frames come to the other end, or will; written with
			       peer->lock */
	/* peer->lock: */
	uint32_t number;
	atomic_uint n_calls; /* unanswered; read without it */
	enum session_state state;
	struct remote_operation *operations; /* SESSION_DIFFERS: interface->table->n_operations */
	struct shape_verdict *verdict;       /* on those that differ; counted */
	struct outbox out;                   /* its frames */
	bool is_unbound;                     /* no more calls */
	bool is_released;                    /* and those that ran were cancelled */
	int code;                            /* SESSION_FAILED: why */
	char *text;
	struct buf answer;              /* to the handshake, if the ways ask for it */
	struct buf notes;               /* annotations of that, encoded */
	struct session_binder *binders; /* wait in session_bind() */
};

/* "Operations" of every interface: a batch of calls. */
enum {
	SESSION_BATCH = -1,
	SESSION_BATCH_ONEWAY = -2,
	SESSION_BATCH_IDEMPOTENT = -3,
	SESSION_BATCH_ONEWAY_IDEMPOTENT = -4
};
/* What the table says of an operation, or of one of those. */
const struct pyr__operation *session_operation(const struct codec_interface *interface,
					       unsigned operation);

struct session *session_new(struct peer *peer, const char *object,
			    const struct codec_interface *interface, struct session_ways *ways);
void session_ref(struct session *session);
void session_unref(struct session *session);
/* Binds now, and waits for the answer. chain: of the call inside which it is done; NULL: of none.
 * Returns 0, or a status with the text of why not. */
int session_bind(struct session *session, const uint8_t *chain, int64_t until, char *text,
		 size_t n);
/* The same without waiting. */
int session_bind_soon(struct session *session, const uint8_t *chain, char *text, size_t n);
/* The other end is known to be a plain gRPC server. */
bool session_is_plain(struct session *session);
/* With the lock. */
void session_wake_binders(struct session *session);
/* The link is gone. With the lock. */
void session_end(struct session *session);

/* ---- with the peer's lock ---- */
/* Calls may still be made in it, if it has not failed. */
static inline bool session_is_open(const struct session *session)
{
	return !session->is_unbound && !session->peer->is_closed && !session->peer->is_ending;
}
/* Why the link is gone, in Pyro's words. */
void session_loss(const struct peer *peer, char *text, size_t n, bool had_left);
void session_put_bind(struct session *session, const uint8_t *chain);
/* Queues a frame. Returns where its payload goes, NULL when memory is out. */
uint8_t *session_append(struct session *session, const struct frame *frame, size_t n_payload);
/* The same of a payload in fragments, as outbox_append_fragments(). */
bool session_append_fragments(struct session *session, const struct frame *frame,
			      struct span payload, struct block *block);
/* Why an operation cannot be called because the other end's interface differs. Returns 0 if it can.
 */
int session_check_version(const struct session *session, unsigned operation, char *text, size_t n);
/* A frame that comes. */
void peer_on_bound(struct peer *peer, const struct frame *frame);
#endif
