/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_STREAM_KEPT_H
#define PYRITE_STREAM_KEPT_H
/*
 * What one end of a stream has sent and the other has not consumed: kept, so that it can be sent
 * again on another link. Frames lie as they were sent, in chunks; so an item costs no copy and no
 * block of its own, and what is kept is at most the window and a chunk. An outbox's queue is the
 * chunk that is being sent, or the last one: `sent` are before it, `later` behind. All with the
 * peer's lock.
 */
#include "peer/outbox.h"

/* Where in the stream a run of frames ends. */
struct kept_end {
	uint64_t n_parts; /* Item and End frames up to there, ever */
	uint64_t cost;    /* theirs; UINT64_MAX: no credit tells that the last ones came */
};

struct kept_chunk {
	struct kept_chunk *next;
	struct buf frames;
	struct kept_end end;
};

struct kept {
	bool is_on;                      /* else what was sent is forgotten */
	uint64_t n_forgotten;            /* parts that are kept no more: the first ones */
	struct kept_chunk *sent, *later; /* oldest first */
	struct kept_chunk *last;         /* of `later`; NULL: the queue is the last */
	struct kept_chunk *spare;        /* for the next one */
	struct kept_end end;             /* of `outbox`'s queue */
};

/* Where the next frame goes: for an outbox_owner. */
struct buf *kept_place(struct kept *kept, struct outbox *outbox);
/* The queue was taken: for an outbox_owner. */
void kept_sent(struct kept *kept, struct outbox *outbox);
/* A frame was queued, after which the stream ends there. */
void kept_mark(struct kept *kept, struct kept_end end);
/* So much was consumed. */
void kept_forget(struct kept *kept, struct outbox *outbox, uint64_t consumed);
/* Bytes of frames that are kept or wait. */
size_t kept_size(const struct kept *kept, const struct outbox *outbox);
/* Takes all out of an outbox that was parked, oldest first: kept_free(). NULL with *ok false
 * when memory is out. */
struct kept_chunk *kept_take(struct kept *kept, struct outbox *outbox, bool *ok);
void kept_free(struct kept_chunk *chunks);
/* Forgets everything, also what waits in an outbox that is in no ring. */
void kept_clear(struct kept *kept, struct outbox *outbox);
#endif
