/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PEER_LINGER_OWN_H
#define PYRITE_PEER_LINGER_OWN_H
/* Lingering calls from the inside, for the files peer_linger*.c. */
#include "serve/peer_linger.h"

enum { LINGER_BUCKETS = 256 };

struct lingering_call {
	atomic_int refs; /* one for the table, of which `stream->linger` is part */
	uint8_t token[STREAM_TOKEN];
	struct lingering *table;
	struct object *object; /* counted */
	bool has_credentials;
	uint32_t uid;
	char *identity;     /* by TLS; NULL: none */
	pyr_stream *stream; /* counted */
	/* the stream's lock: */
	pyr_call *call; /* counted; NULL: it was answered */
	/* table->lock: */
	struct lingering_call *next;           /* in its bucket */
	struct lingering_call *sooner, *later; /* in the row */
	bool is_in_row;
	int64_t until;
	size_t n_bytes;
	uint32_t attempt; /* the last Resume that was taken */
};

struct lingering {
	pthread_mutex_t lock; /* a leaf but for the timers' */
	int64_t patience;
	uint64_t key[2]; /* random: who chooses tokens does not choose their bucket */
	struct engine_timer timer;
	struct lingering_call *buckets[LINGER_BUCKETS];
	struct lingering_call *first, *last; /* the row */
	size_t n, n_bytes;                   /* in it */
	bool is_closed;
};

/* With the table's lock. */
struct lingering_call **lingering_find(struct lingering *table, const uint8_t *token);
void lingering_leave_row(struct lingering *table, struct lingering_call *l);
/* With the stream's. */
void lingering_leave_table(struct lingering_call *l);
/* Nobody came for one that was taken out of the table, and that no link carries: ends the call.
 * Without locks. */
void lingering_abandon(struct lingering_call *l);

/* ---- a Resume (peer_linger_resume.c); in the leader ---- */

struct taken_session;
/* Takes the call that it names to this link, or refuses. With the peer's lock, which is dropped
 * meanwhile. The session was accepted. */
void lingering_resume(struct peer *peer, const struct taken_session *session,
		      const struct frame *frame);
/* Ends that call instead, if who asks may have it. Without locks. */
void lingering_end(const struct taken_session *session, const struct frame *frame);
/* With the peer's lock. */
void lingering_refuse(struct peer *peer, uint32_t number);
/* The call of that token, counted; NULL: there is none, or it was answered. A peer's lock may be
 * held. */
pyr_call *lingering_method(struct lingering *table, struct span token);
#endif
