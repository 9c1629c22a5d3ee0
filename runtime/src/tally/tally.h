/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TALLY_H
#define PYRITE_TALLY_H
/*
 * How often the operations of a daemon's objects were called, how that ended, and how long it took:
 * for each interface one tally, which its objects share. A daemon that nobody can ask for that has
 * none, and its calls pay for a look at one pointer. Else a call costs two looks at the clock, and
 * three additions without locks.
 */
#include <pyrite/gen.h>

#include <stdatomic.h>
#include <stdint.h>

enum {
	TALLY_TIMES = 22, /* buckets of a histogram, the last one for all that is slower */
	TALLY_CODES = 17  /* enum pyr_status */
};

/* What the buckets go up to, in ns, but for the last. */
extern const int64_t tally_bounds[TALLY_TIMES - 1];

/* All are read and written in no order: numbers of one moment need not fit each other. */
struct tally_operation {
	atomic_uint_fast64_t n_begun;
	atomic_uint_fast64_t n_in[TALLY_TIMES];     /* answered within that time */
	atomic_uint_fast64_t ns;                    /* of all of them */
	atomic_uint_fast64_t n_failed[TALLY_CODES]; /* of these, by their code */
};

struct tally {
	struct tally *next;
	atomic_int refs;
	/* Its own: names and flags of operations alone. Tables may go with their library. */
	const struct pyr__interface *interface;
	struct tally_operation operations[]; /* n_operations */
};

/* Of a daemon. */
struct tallies;
struct tallies *tallies_new(void); /* NULL when memory is out */
void tallies_free(struct tallies *tallies);

/* A reference to that of the interface, or of one that looks alike; NULL for NULL, or when memory
 * is out. */
struct tally *tallies_get(struct tallies *tallies, const struct pyr__interface *interface);
void tally_unref(struct tally *tally); /* NULL: nothing */

/* Each once, in no order, at one moment; the tallies stay as long as all of them. */
void tallies_each(struct tallies *tallies, void (*fn)(void *data, const struct tally *tally),
		  void *data);

/* A method begins. Returns when: for tally_end(). */
int64_t tally_begin(struct tally *tally, unsigned operation);
/* It was answered with that code. */
void tally_end(struct tally *tally, unsigned operation, int64_t begun_ns, int code);
#endif
