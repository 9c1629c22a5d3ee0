/* SPDX-License-Identifier: MIT */
#include "base/thread_key.h"

static bool make(struct thread_key *key)
{
	if (atomic_load_explicit(&key->is_made, memory_order_acquire))
		return true;
	pthread_mutex_lock(&key->lock);
	if (!key->is_made && pthread_key_create(&key->key, key->destroy) == 0)
		atomic_store_explicit(&key->is_made, true, memory_order_release);
	pthread_mutex_unlock(&key->lock);
	return key->is_made;
}

bool thread_key_set(struct thread_key *key, void *value)
{
	if (value)
		return make(key) && pthread_setspecific(key->key, value) == 0;
	if (key->is_made)
		(void)pthread_setspecific(key->key, NULL);
	return true;
}
