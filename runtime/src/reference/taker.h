/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TAKER_H
#define PYRITE_TAKER_H
/*
 * References that come, made into values while their message is unpacked. They are the taker's
 * until it is told what becomes of them: the caller of an operation gets its results, those inside
 * a block with the block; a method's arguments live as long as its call.
 */
#include "peer/peer.h"
#include "reference/reference.h"

/* Values that are freed together. All zero: none. */
struct taken {
	void **values;
	size_t n, room;
	struct budget *budget; /* counted: of the connection that they came over; NULL: of none */
	size_t cost;           /* charged there */
};
/* Adds a value, which is freed if there is no memory for it: returns false. */
bool taken_add(struct taken *taken, void *value);
/* Frees them. They may be proxies: without locks. */
void taken_free(struct taken *taken);

struct import_list;

struct taker {
	struct codec_taker base;
	const struct import_list *held; /* borrowed: what it brought; NULL: nothing */
	unsigned cursor;                /* in it */
	const struct codec_carried
		*carried;      /* borrowed: the same of what was not sent, or is kept */
	struct budget *budget; /* borrowed: what they are charged to; NULL: nobody */
	struct peer *from;     /* borrowed: what they came over; NULL: not known */
	struct taken taken;
	size_t n_settled;  /* of them: it is known where they lie */
	struct hung *hung; /* which lie in blocks; NULL: none do */
};

/* carried, budget, from: set by who has such. */
void taker_init(struct taker *taker, const struct import_list *held);
/* The results were stored: what lies in a block goes with that, the rest is their owner's. */
void taker_give(struct taker *taker);
/* They come to nothing. */
void taker_drop(struct taker *taker);
/* They live as long as the others. Returns false, with nothing moved, when memory is out. */
bool taker_move(struct taker *taker, struct taken *to);
#endif
