/* SPDX-License-Identifier: MIT */
#include "fuzz_servant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fuzz_caller.h"
#include "talk.h"

static struct servant *servant_of(const pyr_call *call)
{
	return pyr_call_data(call);
}

/* A method has begun. */
static void begin(pyr_call *call, int64_t key)
{
	struct servant *s = servant_of(call);
	unsigned uid = (unsigned)(key >> KEY_SEQ_BITS) & 4095;
	uint32_t seq = (uint32_t)(key & KEY_SEQ);

	fuzz_say("        %s begins, key %llx", pyr_call_operation(call), (long long)key);
	pthread_mutex_lock(&s->lock);
	if (seq < 4096) {
		if ((s->begun[uid][seq / 64] >> seq % 64 & 1) && !atomic_load(s->has_mangled))
			fuzz_finding("the call with key %llx is run twice", (long long)key);
		s->begun[uid][seq / 64] |= UINT64_C(1) << seq % 64;
	}
	if (key_is_ordered(key)) {
		if (s->is_serial && seq < s->last_seq[uid] && !atomic_load(s->has_mangled))
			fuzz_finding("the call with key %llx is run out of its turn",
				     (long long)key);
		s->last_seq[uid] = seq;
	}
	pthread_mutex_unlock(&s->lock);
	(void)pyr_call_is_cancelled(call);
	(void)pyr_call_time_left(call);
}

static void close_tracked(void *resource)
{
	atomic_fetch_sub((atomic_int *)resource, 1);
}

/* Each may be tracked once in a session, so it is one of the counters that a call takes. */
static void track(pyr_call *call, int64_t key)
{
	struct servant *s = servant_of(call);
	atomic_int *counter = &s->tracked[key & KEY_SEQ & 4095];

	atomic_fetch_add(counter, 1);
	if (pyr_call_track(call, counter, close_tracked) < 0)
		fuzz_finding("a resource cannot be tracked: %s", pyr_last_error()->message);
}

static int ask(pyr_call *call, int64_t key, int64_t *ret)
{
	begin(call, key);
	if (key % 11 == 0)
		track(call, key);
	*ret = talk_result(key);
	return 0;
}

/* ---- deferred ---- */

static void complete(pyr_deferred *deferred, int64_t key)
{
	int err = 0;

	fuzz_say("        key %llx is answered late", (long long)key);
	if (key % 5 == 0)
		err = pyr_deferred_fail(deferred, PYR_ABORTED, "as key %llx says", (long long)key);
	else
		err = talk_Server_later_reply(deferred, talk_result(key));
	(void)err; /* whether anybody waits */
}

/* Takes the i-th. With the lock. */
static pyr_deferred *take(struct servant *s, unsigned i, int64_t *ret_key)
{
	pyr_deferred *deferred = s->deferred[i];

	*ret_key = s->keys[i];
	s->n_deferred--;
	s->deferred[i] = s->deferred[s->n_deferred];
	s->keys[i] = s->keys[s->n_deferred];
	return deferred;
}

static void on_cancel(pyr_deferred *deferred, void *data)
{
	struct servant *s = data;
	bool is_there = false;
	int64_t key = 0;
	unsigned i;

	fuzz_say("        a deferred call is cancelled");
	pthread_mutex_lock(&s->lock);
	for (i = 0; i < s->n_deferred && !is_there; i++)
		if (s->deferred[i] == deferred && s->keys[i] % 3 == 0) {
			is_there = true;
			take(s, i, &key);
		}
	pthread_mutex_unlock(&s->lock);
	if (is_there)
		complete(deferred, key);
}

static int later(pyr_call *call, int64_t key, int64_t *ret)
{
	struct servant *s = servant_of(call);
	pyr_deferred *deferred;
	bool is_kept;
	int err;

	(void)ret;
	begin(call, key);
	err = pyr_call_defer(call, &deferred);
	if (err)
		return err;
	if (key % 4 < 3)
		pyr_deferred_set_on_cancel(deferred, on_cancel, s);
	pthread_mutex_lock(&s->lock);
	is_kept = !s->is_finishing && s->n_deferred < 256;
	if (is_kept) {
		s->keys[s->n_deferred] = key;
		s->deferred[s->n_deferred++] = deferred;
	}
	pthread_mutex_unlock(&s->lock);
	if (!is_kept)
		complete(deferred, key);
	return 0;
}

void servant_complete(struct servant *s, bool all)
{
	pyr_deferred *deferred;
	int64_t key;
	bool go_on = true;

	while (go_on) {
		deferred = NULL;
		pthread_mutex_lock(&s->lock);
		s->is_finishing |= all;
		if (s->n_deferred > 0)
			deferred = take(s, s->n_deferred / 2, &key);
		pthread_mutex_unlock(&s->lock);
		if (deferred)
			complete(deferred, key);
		go_on = all && deferred;
	}
}

/* ---- the others ---- */

static int echo(pyr_call *call, int64_t key, const char *text, const char **ret)
{
	begin(call, key);
	*ret = pyr_call_strdup(call, text);
	return 0;
}

static int note(pyr_call *call, int64_t key)
{
	begin(call, key);
	return key % 7 == 0 ? pyr_fail(call, PYR_INTERNAL, "nobody hears it") : 0;
}

static int refuse(pyr_call *call, int64_t key)
{
	begin(call, key);
	return talk_Server_raise_Refused(call, &(struct talk_Refused){ .key = key });
}

static int down(pyr_call *call, int64_t key, int32_t n, int32_t size, pyr_stream *stream)
{
	char *item;
	int32_t i;
	int err = 0;

	begin(call, key);
	for (i = 0; i < n && err == 0; i++) {
		item = talk_item(key, (uint64_t)i, (unsigned)size);
		err = talk_Server_down_yield(stream, item);
		free(item);
	}
	return err;
}

static void check_item(const struct servant *s, int64_t key, uint64_t i, const char *item)
{
	char *wanted = talk_item(key, i, talk_size_up(key, i));

	if (strcmp(item, wanted) != 0 && !atomic_load(s->has_mangled))
		fuzz_finding("the method with key %llx reads another item than its %lluth: %.60s",
			     (long long)key, (unsigned long long)i, item);
	free(wanted);
}

static int up(pyr_call *call, int64_t key, pyr_stream *stream, int64_t *ret)
{
	const char *item;
	int64_t n = 0;
	int got;

	begin(call, key);
	while ((got = talk_Server_up_read(stream, &item)) > 0)
		check_item(servant_of(call), key, (uint64_t)n++, item);
	*ret = n;
	return got;
}

static int both(pyr_call *call, int64_t key, pyr_stream *stream)
{
	const char *item;
	uint64_t n = 0;
	int got, err = 0;

	begin(call, key);
	while (err == 0 && (got = talk_Server_both_read(stream, &item)) > 0) {
		check_item(servant_of(call), key, n++, item);
		err = talk_Server_both_yield(stream, item);
	}
	return err ? err : got;
}

static void register_again(struct servant *s, const char *id)
{
	int err = pyr_daemon_unregister(s->daemon, id);

	(void)err; /* it may be gone already */
	servant_register(s, id);
}

/* Does something to the daemon, from one of its methods. */
static int meddle(pyr_call *call, int64_t key, int64_t *ret)
{
	struct servant *s = servant_of(call);

	begin(call, key);
	servant_complete(s, false);
	if (key % 3 == 0)
		register_again(s, "b");
	*ret = talk_result(key);
	return 0;
}

static int another(pyr_call *call, int64_t key, struct talk_Server **ret);

static int same(pyr_call *call, int64_t key, struct talk_Server *x, struct talk_Server **ret)
{
	begin(call, key);
	*ret = x;
	return 0;
}

static const struct talk_Server_methods methods = {
	.ask = ask,
	.later = later,
	.echo = echo,
	.note = note,
	.refuse = refuse,
	.down = down,
	.up = up,
	.both = both,
	.meddle = meddle,
	.another = another,
	.same = same,
};

static void on_release(void *data)
{
	struct servant *s = data;

	fuzz_say("        an object is released");
	atomic_fetch_sub(&s->n_made, 1);
}

static int another(pyr_call *call, int64_t key, struct talk_Server **ret)
{
	struct servant *s = servant_of(call);
	struct talk_Server *made;

	begin(call, key);
	atomic_fetch_add(&s->n_made, 1);
	made = talk_Server_object(key % 3 ? s->daemon : NULL, &methods, s, on_release);
	*ret = talk_Server_give(call, made);
	if (!*ret)
		fuzz_finding("there is no other: %s", pyr_last_error()->message);
	return 0;
}

void servant_register(struct servant *s, const char *id)
{
	(void)talk_Server_register(s->daemon, id, &methods, s); /* two at a time: one is too late */
}

void servant_init(struct servant *s, pyr_daemon *daemon, bool is_serial,
		  const atomic_bool *has_mangled)
{
	s->has_mangled = has_mangled;
	s->daemon = daemon;
	s->is_serial = is_serial;
	servant_register(s, "a");
	servant_register(s, "b");
}

/* Sessions that end when their daemon is gone have the callback thread close what they tracked. */
static bool is_closed_in_time(const atomic_int *counter)
{
	static const struct timespec pause = { .tv_nsec = ENGINE_MS };
	int64_t until = engine_now() + 10000 * (int64_t)ENGINE_MS;

	while (atomic_load(counter) != 0 && engine_now() < until)
		nanosleep(&pause, NULL);
	return atomic_load(counter) == 0;
}

void servant_fini(struct servant *s)
{
	unsigned i;

	for (i = 0; i < 4096; i++)
		if (!is_closed_in_time(&s->tracked[i]))
			fuzz_finding("%d tracked resources of number %u are not closed",
				     atomic_load(&s->tracked[i]), i);
	if (!is_closed_in_time(&s->n_made))
		fuzz_finding("%d objects are not released", atomic_load(&s->n_made));
	if (atomic_load(&s->n_accepted) != atomic_load(&s->n_left))
		fuzz_finding("%d sessions were accepted, %d have ended",
			     atomic_load(&s->n_accepted), atomic_load(&s->n_left));
	pthread_mutex_destroy(&s->lock);
}

/* ---- hooks ---- */

static int on_connect(pyr_call *call, const struct pyr_bytes *handshake,
		      struct pyr_bytes *ret_answer, void *data)
{
	struct servant *s = data;

	fuzz_say("        on_connect to %s: %.*s", pyr_call_object(call), (int)handshake->n,
		 (const char *)handshake->items);
	if (handshake->n > 0 && handshake->items[0] == 'n')
		return pyr_fail(call, PYR_PERMISSION_DENIED, "it says so");
	*ret_answer = *handshake;
	atomic_fetch_add(&s->n_accepted, 1);
	return 0;
}

static void on_disconnect(pyr_call *call, void *data)
{
	struct servant *s = data;

	fuzz_say("        on_disconnect from %s", pyr_call_object(call));
	atomic_fetch_add(&s->n_left, 1);
}

static void on_answer(pyr_call *call, void *data)
{
	(void)data;
	(void)pyr_call_set_annotation(call, "FUZZ", "abcd", 4);
}

void servant_hooks(struct servant *s, struct pyr_daemon_options *options)
{
	options->on_connect = on_connect;
	options->on_disconnect = on_disconnect;
	options->on_answer = on_answer;
	options->hook_data = s;
}
