/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SPARES_H
#define PYRITE_SPARES_H
/*
 * Objects of one size that come and go in crowds, in any threads: some of those that were given
 * back are kept. malloc() would give the memory of a crowd back to the system, and have it mapped
 * anew for the next. Where memory is checked (a sanitizer) nothing is kept.
 */
#include <pthread.h>
#include <stddef.h>

struct spares {
	size_t size;          /* of one */
	unsigned n_max;       /* that are kept */
	pthread_mutex_t lock; /* a leaf; guards: */
	unsigned n;
	void *first; /* each begins with the next */
};

#define SPARES(type, n)                                                                            \
	{                                                                                          \
		.size = sizeof(type), .n_max = (n), .lock = PTHREAD_MUTEX_INITIALIZER              \
	}

/* Not zeroed; NULL when memory is out. */
void *spares_take(struct spares *spares);
void spares_put(struct spares *spares, void *object);
#endif
