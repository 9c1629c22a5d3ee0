/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_GUARD_H
#define PYRITE_TEST_GUARD_H
/*
 * Hooks of a daemon that the tests control and watch. A session whose handshake begins with "no" is
 * refused, one with "wait" is asked about until guard_open(); others are accepted, and answered
 * with what the handshake was, upper case. All waits end by themselves after GUARD_PATIENCE_S.
 */
#include <pyrite/pyrite.h>

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { GUARD_PATIENCE_S = 20, GUARD_LOG = 4096 };

struct guard {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* lock: */
	char log[GUARD_LOG];          /* "+object:handshake " and "-object " */
	char session[64];             /* of the last accepted */
	char peer[128];               /* of the last asked about */
	char lang[64];                /* its annotation of that name */
	bool is_open;                 /* those that wait may go on */
	bool saw_cancel;              /* one that waited saw that nobody waits for it */
	int answers;                  /* bytes to answer with, instead */
	int (*first)(pyr_call *call); /* to be done first; its result is the hook's if not 0 */
};

static inline void guard_init(struct guard *guard)
{
	memset(guard, 0, sizeof(*guard));
	pthread_mutex_init(&guard->lock, NULL);
	pthread_cond_init(&guard->changed, NULL);
	guard->answers = -1;
}

/* With the lock. Waits for a change, until then. */
static inline bool guard_wait(struct guard *guard, time_t until)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (t.tv_sec >= until)
		return false;
	t.tv_nsec += 2000000; /* a cancel wakes nobody */
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	pthread_cond_timedwait(&guard->changed, &guard->lock, &t);
	return true;
}

/* Waits until `part` is in the log. */
static inline bool guard_logged(struct guard *guard, const char *part)
{
	time_t until = time(NULL) + GUARD_PATIENCE_S;
	bool found;

	pthread_mutex_lock(&guard->lock);
	while (!(found = strstr(guard->log, part) != NULL) && guard_wait(guard, until))
		;
	pthread_mutex_unlock(&guard->lock);
	return found;
}

static inline void guard_say(struct guard *guard, const char *format, const char *a, const char *b)
{
	size_t n;

	pthread_mutex_lock(&guard->lock);
	n = strlen(guard->log);
	snprintf(guard->log + n, sizeof(guard->log) - n, format, a, b);
	pthread_cond_broadcast(&guard->changed);
	pthread_mutex_unlock(&guard->lock);
}

static inline void guard_open(struct guard *guard)
{
	pthread_mutex_lock(&guard->lock);
	guard->is_open = true;
	pthread_cond_broadcast(&guard->changed);
	pthread_mutex_unlock(&guard->lock);
}

static inline void guard_keep_who(struct guard *guard, pyr_call *call)
{
	const char *lang = pyr_call_annotation(call, "lang", NULL);

	pthread_mutex_lock(&guard->lock);
	snprintf(guard->session, sizeof(guard->session), "%s", pyr_call_session(call));
	snprintf(guard->peer, sizeof(guard->peer), "%s", pyr_call_peer(call));
	snprintf(guard->lang, sizeof(guard->lang), "%s", lang ? lang : "");
	pthread_mutex_unlock(&guard->lock);
}

static inline void guard_hold(struct guard *guard, pyr_call *call)
{
	time_t until = time(NULL) + GUARD_PATIENCE_S;

	pthread_mutex_lock(&guard->lock);
	while (!guard->is_open && !guard->saw_cancel && guard_wait(guard, until))
		guard->saw_cancel = pyr_call_is_cancelled(call);
	pthread_cond_broadcast(&guard->changed);
	pthread_mutex_unlock(&guard->lock);
}

static inline void guard_answer(const struct guard *guard, pyr_call *call,
				const struct pyr_bytes *handshake, struct pyr_bytes *ret)
{
	size_t i;

	ret->n = guard->answers < 0 ? handshake->n : (size_t)guard->answers;
	ret->items = pyr_call_alloc(call, ret->n + 1);
	for (i = 0; i < ret->n && i < handshake->n; i++)
		ret->items[i] = (uint8_t)toupper(handshake->items[i]);
}

static inline int guard_connect(pyr_call *call, const struct pyr_bytes *handshake,
				struct pyr_bytes *ret_answer, void *data)
{
	struct guard *guard = data;
	char text[64] = "";
	int err;

	if (handshake->n > 0)
		memcpy(text, handshake->items, handshake->n < 32 ? handshake->n : 32);
	guard_keep_who(guard, call);
	guard_say(guard, "+%s:%s ", pyr_call_object(call), text);
	err = guard->first ? guard->first(call) : 0;
	if (err)
		return err;
	if (strncmp(text, "no", 2) == 0)
		return pyr_fail(call, PYR_UNAUTHENTICATED, "%s is not the word", text);
	if (strncmp(text, "wait", 4) == 0)
		guard_hold(guard, call);
	guard_answer(guard, call, handshake, ret_answer);
	return 0;
}

static inline void guard_disconnect(pyr_call *call, void *data)
{
	guard_say(data, "-%s%s ", pyr_call_object(call), "");
}
#endif
