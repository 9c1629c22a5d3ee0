/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_THREAD_KEY_H
#define PYRITE_THREAD_KEY_H
/* What each thread has, and frees when it ends: a pthread_key_t that is made when it is first
 * needed, and tried again if it could not be made. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct thread_key {
	void (*destroy)(void *value);
	pthread_mutex_t lock;
	atomic_bool is_made; /* written with the lock */
	pthread_key_t key;
};

#define THREAD_KEY(destroy_)                                                                       \
	{                                                                                          \
		.destroy = (destroy_), .lock = PTHREAD_MUTEX_INITIALIZER                           \
	}

/* The value of this thread; NULL: none any more. Returns false if it cannot be kept. */
bool thread_key_set(struct thread_key *key, void *value);
#endif
