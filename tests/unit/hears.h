/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_HEARS_H
#define PYRITE_TEST_HEARS_H
/* What callbacks of futures tell the test that waits for them. */
#include <pyrite/pyrite.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { HEARS_MS = 20000 };

/* What a callback has to tell. Waits in it end with HEARS_MS. */
struct heard {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int n, n_errors;    /* calls of then and of on_error */
	int code;           /* what the last one's future came to */
	int32_t value;      /* its result */
	char text[256];     /* or the error */
	pthread_t thread;   /* that called */
	bool keep;          /* then() takes nothing */
	bool is_held;       /* a callback waits until it is released */
	bool has_ended;     /* and is through */
	pyr_future *future; /* what another thread frees */
};

static inline void heard_init(struct heard *heard)
{
	pthread_condattr_t attr;

	memset(heard, 0, sizeof(*heard));
	pthread_mutex_init(&heard->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&heard->changed, &attr);
	pthread_condattr_destroy(&attr);
}

static inline int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline struct timespec patience(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += HEARS_MS / 1000;
	return t;
}

/* Waits until n callbacks have been called. */
static inline bool hears(struct heard *heard, int n)
{
	struct timespec until = patience();
	bool has;

	pthread_mutex_lock(&heard->lock);
	while (heard->n + heard->n_errors < n &&
	       pthread_cond_timedwait(&heard->changed, &heard->lock, &until) == 0)
		;
	has = heard->n + heard->n_errors == n;
	pthread_mutex_unlock(&heard->lock);
	return has;
}

static inline void tell(struct heard *heard, int code, int32_t value, int *count)
{
	struct timespec until = patience();

	pthread_mutex_lock(&heard->lock);
	heard->code = code;
	heard->value = value;
	if (code < 0)
		snprintf(heard->text, sizeof(heard->text), "%s", pyr_errmsg());
	heard->thread = pthread_self();
	++*count;
	pthread_cond_broadcast(&heard->changed);
	while (heard->is_held && pthread_cond_timedwait(&heard->changed, &heard->lock, &until) == 0)
		;
	heard->has_ended = true;
	pthread_mutex_unlock(&heard->lock);
}

#endif
