/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_STREAM_QUEUE_H
#define PYRITE_STREAM_QUEUE_H
/*
 * What one end of a stream has to send, and what it has sent and the other has not consumed: that
 * is kept, if the stream can be resumed, to be sent again on another link. A plain queue: frames
 * are put at its end, sent from `at` on, and forgotten from the front. They lie as they are sent,
 * in chunks; so an item costs no copy and no block of its own, and what is kept is at most the
 * window and a chunk. On another link frames have another number: they get it when they are sent,
 * so that going there costs the same however much is kept. All with the stream's lock.
 */
#include "base/buf.h"
#include "reference/carried.h"
#include "wire/frame.h"

/* Where in the stream a run of frames ends. */
struct queue_end {
	uint64_t n_parts; /* Item and End frames up to there, ever */
	uint64_t cost;    /* theirs; UINT64_MAX: no credit tells that the last ones came */
};

struct queue_chunk {
	struct queue_chunk *next;
	struct buf frames;
	uint32_t number; /* which they have here */
	struct queue_end end;
};

struct stream_queue {
	bool keeps;                        /* else what was sent is forgotten */
	uint32_t number;                   /* under which frames are sent */
	uint64_t n_forgotten;              /* parts that are kept no more: the first ones */
	struct queue_chunk *first, **last; /* last: where the next one is linked */
	struct queue_chunk *at;            /* the first with frames to send; NULL: none has */
	size_t offset;                     /* in it: where they begin */
	size_t n, n_unsent;                /* bytes, as they lie here: all; those to send */
	struct queue_chunk *spare;         /* for the next one */
	struct carried_queue holds;        /* references of frames to send, by n_put */
	uint64_t n_put, n_sent;            /* such bytes, ever */
};

void queue_init(struct stream_queue *queue);
/* Puts a frame, after which the stream ends there. Returns where its payload goes, NULL when memory
 * is out. */
uint8_t *queue_put(struct stream_queue *queue, const struct frame *frame, size_t n_payload,
		   struct queue_end end);
/* The frame put last carries references, which are kept: taken. */
void queue_hold(struct stream_queue *queue, const struct codec_carried *kept);
/* What came with the first `received` parts is not sent again, all else is: under that number. */
void queue_rewind(struct stream_queue *queue, uint32_t number, uint64_t received);
/* Appends whole frames that are to be sent, at most n bytes, to wire. Returns how many bytes. */
size_t queue_take(struct stream_queue *queue, struct buf *wire, size_t n);
/* So much was consumed by the other end. */
void queue_forget(struct stream_queue *queue, uint64_t consumed);
/* From now on nothing is kept that was sent, nor what was so far. */
void queue_keep_nothing(struct stream_queue *queue);
/* References of frames that are not sent, and will not be: one at a time, to be dropped. NULL: no
 * more. */
const struct codec_carried *queue_unhold(struct stream_queue *queue);
/* Forgets everything; nothing is kept any more. */
void queue_clear(struct stream_queue *queue);
#endif
