/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_ETCD_SEEN_H
#define PYRITE_TEST_ETCD_SEEN_H
/* What a watch has told, for a test that waits for it. */
#include "etcd_place.h"

struct seen {
	struct told told; /* its lock protects all */
	size_t n, n_deletes;
	uint64_t revision, last; /* last: of an event */
	bool is_lost, is_wrong;  /* wrong: not in order, or twice */
	char text[ETCD_TEXT_SIZE], key[64], value[64];
};

#define SEEN_NEW                                                                                   \
	{                                                                                          \
		.told = TOLD_NEW                                                                   \
	}

static inline void seen_event(struct seen *seen, const struct etcd_event *event)
{
	seen->is_wrong |= event->kv.mod_revision < seen->last;
	seen->last = event->kv.mod_revision;
	seen->n++;
	seen->n_deletes += event->is_delete;
	snprintf(seen->key, sizeof(seen->key), "%.*s", (int)event->kv.key.n, event->kv.key.p);
	snprintf(seen->value, sizeof(seen->value), "%.*s", (int)event->kv.value.n,
		 event->kv.value.p);
}

static inline void seen_news(const struct etcd_news *news, void *data)
{
	struct seen *seen = data;
	size_t i;

	pthread_mutex_lock(&seen->told.lock);
	for (i = 0; i < news->n_events; i++)
		seen_event(seen, &news->events[i]);
	seen->is_wrong |= news->revision < seen->revision;
	seen->revision = news->revision;
	seen->is_lost = news->is_lost;
	if (news->is_lost)
		snprintf(seen->text, sizeof(seen->text), "%s", news->text);
	pthread_cond_broadcast(&seen->told.more);
	pthread_mutex_unlock(&seen->told.lock);
}
#endif
