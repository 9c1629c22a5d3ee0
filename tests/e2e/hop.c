/* SPDX-License-Identifier: MIT */
#include "hop.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t hop_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* What is waited for are counts of the methods here; the API has no event for them. */
static void look_again(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
}

bool hop_reaches(atomic_int *number, int n)
{
	int64_t until = hop_now() + (int64_t)HOP_PATIENCE_MS * HOP_MS;

	while (atomic_load(number) != n && hop_now() < until)
		look_again();
	return atomic_load(number) == n;
}

int hop_code(struct hop *hop)
{
	int64_t until = hop_now() + (int64_t)HOP_PATIENCE_MS * HOP_MS;

	while (atomic_load(&hop->nested_code) == 0 && hop_now() < until)
		look_again();
	return atomic_load(&hop->nested_code);
}

void hop_log(struct hop *hop, const char *format, ...)
{
	va_list args;
	size_t n;

	pthread_mutex_lock(&hop->lock);
	n = strlen(hop->log);
	va_start(args, format);
	vsnprintf(hop->log + n, sizeof(hop->log) - n, format, args);
	va_end(args);
	pthread_mutex_unlock(&hop->lock);
}

bool hop_logged(struct hop *hop, const char *part)
{
	int64_t until = hop_now() + (int64_t)HOP_PATIENCE_MS * HOP_MS;
	bool found = false;

	while (!found && hop_now() < until) {
		pthread_mutex_lock(&hop->lock);
		found = strstr(hop->log, part) != NULL;
		pthread_mutex_unlock(&hop->lock);
		if (!found)
			look_again();
	}
	return found;
}

static struct hop *hop_of(const pyr_call *call)
{
	return pyr_call_data(call);
}

/* A proxy of the next hop; NULL with *rest untouched at the end of the chain. */
static struct hops_Hop *next_of(const struct pyr_string_seq *uris, struct pyr_string_seq *rest)
{
	if (uris->n == 0)
		return NULL;
	*rest = (struct pyr_string_seq){ uris->n - 1, uris->items + 1 };
	return hops_Hop_proxy(uris->items[0]);
}

/* ---- what a method sees ---- */

static int look(pyr_call *call, const struct pyr_string_seq *uris, const char **ret)
{
	const struct pyr_annotation *annotations;
	size_t n = pyr_call_annotations(call, &annotations), i, at;
	struct pyr_string_seq rest;
	struct hops_Hop *next = next_of(uris, &rest);
	char text[2048], *more = NULL;
	int err = 0;

	at = (size_t)snprintf(text, 1024, "id=%s parent=%s", pyr_call_correlation_id(call),
			      pyr_call_traceparent(call));
	for (i = 0; i < n && at < 1800; i++)
		at += (size_t)snprintf(text + at, 200, " %s=%s", annotations[i].key,
				       (const char *)annotations[i].value);
	if (next)
		err = hops_Hop_look(next, &rest, &more);
	hops_Hop_free(next);
	if (err == 0) {
		*ret = pyr_call_alloc(call, strlen(text) + (more ? strlen(more) : 0) + 2);
		sprintf((char *)*ret, "%s\n%s", text, more ? more : "");
	}
	pyr_free(more);
	return err;
}

static int whose(pyr_call *call, const char **ret)
{
	struct pyr_credentials who = { -1, 0, 0 };
	char text[256];

	(void)pyr_call_credentials(call, &who);
	snprintf(text, sizeof(text), "%lld %u %u [%s] [%s]", (long long)who.pid, who.uid, who.gid,
		 pyr_call_session(call), pyr_call_identity(call));
	*ret = pyr_call_strdup(call, text);
	return 0;
}

static int time_left(pyr_call *call, const struct pyr_string_seq *uris, uint32_t timeout_ms,
		     int64_t *ret)
{
	struct pyr_string_seq rest;
	struct hops_Hop *next = next_of(uris, &rest);
	int err;

	if (!next) {
		*ret = pyr_call_time_left(call);
		return 0;
	}
	err = hops_Hop_time_left(
		hops_Hop_with(next, &(struct pyr_call_options){ .timeout_ms = timeout_ms }), &rest,
		timeout_ms, ret);
	hops_Hop_free(next);
	return err;
}

static int name_request(pyr_call *call, const struct pyr_string_seq *uris, const char *id)
{
	struct pyr_string_seq rest;
	struct hops_Hop *next;
	char *seen = NULL;
	int err;

	if (pyr_set_correlation_id(id) < 0)
		return pyr_pass(call);
	next = next_of(uris, &rest);
	err = hops_Hop_look(next, &rest, &seen);
	hops_Hop_free(next);
	if (err == 0)
		hop_log(hop_of(call), "%s", seen);
	pyr_free(seen);
	return err;
}

/* ---- errors ---- */

static int fail(pyr_call *call, const struct pyr_string_seq *uris, int32_t code, const char *text)
{
	struct pyr_string_seq rest;
	struct hops_Hop *next = next_of(uris, &rest);
	int err;

	if (!next)
		return pyr_fail(call, code, "%s", text);
	err = hops_Hop_fail(next, &rest, code, text);
	hops_Hop_free(next);
	if (err < 0 && uris->n == 2)
		return pyr_pass(call);
	return err;
}

static int raise_broken(pyr_call *call, const struct pyr_string_seq *uris, int32_t at)
{
	struct hops_Broken broken = { .at = at, .why = "worn out" };
	struct pyr_string_seq rest;
	struct hops_Hop *next = next_of(uris, &rest);
	int err;

	if (!next)
		return hops_Hop_raise_Broken(call, &broken);
	err = hops_Hop_raise(next, &rest, at);
	hops_Hop_free(next);
	return err;
}

static int slip(pyr_call *call, const struct pyr_string_seq *uris, int32_t at)
{
	struct hops_Broken broken = { .at = at, .why = "nobody said so" };
	struct pyr_string_seq rest;
	struct hops_Hop *next = next_of(uris, &rest);
	int err;

	if (!next)
		return hops_Hop_raise_Broken(call, &broken);
	err = hops_Hop_slip(next, &rest, at);
	hops_Hop_free(next);
	return err;
}

static int shout(pyr_call *call, int32_t code, const char *text)
{
	hop_log(hop_of(call), "%s!", text);
	return pyr_fail(call, code, "%s", text);
}

/* ---- ends ---- */

static int stay(pyr_call *call)
{
	struct hop *hop = hop_of(call);
	int64_t until = hop_now() + (int64_t)HOP_PATIENCE_MS * HOP_MS;

	atomic_fetch_add(&hop->n_lingering, 1);
	while (!pyr_call_is_cancelled(call) && hop_now() < until)
		look_again();
	atomic_store(&hop->over_at, hop_now());
	atomic_fetch_add(&hop->n_over, 1);
	return pyr_fail(call, PYR_CANCELLED, "nobody waits");
}

static int linger(pyr_call *call, const struct pyr_string_seq *uris)
{
	struct pyr_string_seq rest;
	struct hops_Hop *next = next_of(uris, &rest);
	int err;

	if (!next)
		return stay(call);
	err = hops_Hop_linger(next, &rest);
	atomic_store(&hop_of(call)->nested_code, -err);
	hops_Hop_free(next);
	return err;
}

static int linger_started(pyr_call *call, const struct pyr_string_seq *uris)
{
	struct pyr_string_seq rest;
	struct hops_Hop *next = next_of(uris, &rest);
	pyr_future *future;
	int err;

	if (!next)
		return stay(call);
	future = hops_Hop_linger_start(next, &rest);
	err = stay(call);
	hop_reaches(&hop_of(call)->nested_code, -1); /* until the test says so */
	pyr_future_free(future);
	hops_Hop_free(next);
	return err;
}

static int linger_detached(pyr_call *call, const struct pyr_string_seq *uris)
{
	struct pyr_call_options options = { .timeout_ms = 300, .detached = true };
	struct pyr_string_seq rest;
	struct hops_Hop *next = next_of(uris, &rest);
	int err;

	if (!next)
		return stay(call);
	atomic_fetch_add(&hop_of(call)->n_lingering, 1);
	while (!pyr_call_is_cancelled(call))
		look_again();
	err = hops_Hop_linger(hops_Hop_with(next, &options), &rest);
	atomic_store(&hop_of(call)->nested_code, -err);
	hops_Hop_free(next);
	return err;
}

/* ---- annotations, resources ---- */

static int mirror(pyr_call *call, int32_t code)
{
	const struct pyr_annotation *annotations;
	size_t n = pyr_call_annotations(call, &annotations), i, k;
	char *value;

	for (i = 0; i < n; i++) {
		value = pyr_call_alloc(call, annotations[i].size + 1);
		for (k = 0; k < annotations[i].size; k++)
			value[k] = (char)toupper(((const unsigned char *)annotations[i].value)[k]);
		if (pyr_call_set_annotation(call, annotations[i].key, value, annotations[i].size) <
		    0)
			return pyr_pass(call);
	}
	return code ? pyr_fail(call, code, "mirror") : 0;
}

struct held {
	struct hop *hop;
	char name[32];
};

static void close_held(void *resource)
{
	struct held *held = resource;

	(void)pyr_call_defer(NULL, NULL); /* fails, and nobody sees it */
	hop_log(held->hop, "closed %s\n", held->name);
	free(held);
}

static struct held *held_things[8];

static int hold(pyr_call *call, const char *name)
{
	struct held *held = calloc(1, sizeof(*held));

	held->hop = hop_of(call);
	snprintf(held->name, sizeof(held->name), "%s", name);
	held_things[name[0] & 7] = held;
	if (pyr_call_track(call, held, close_held) == 0)
		return 0;
	free(held);
	return pyr_pass(call);
}

static int let_go(pyr_call *call, const char *name, bool *ret)
{
	*ret = pyr_call_untrack(call, held_things[name[0] & 7]);
	if (*ret)
		free(held_things[name[0] & 7]);
	return 0;
}

static int log_so_far(pyr_call *call, const char **ret)
{
	struct hop *hop = hop_of(call);

	pthread_mutex_lock(&hop->lock);
	*ret = pyr_call_strdup(call, hop->log);
	pthread_mutex_unlock(&hop->lock);
	return 0;
}

static int add(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	(void)call;
	*ret = x + y;
	return 0;
}

static const struct hops_Hop_methods methods = {
	.look = look,
	.fail = fail,
	.raise = raise_broken,
	.slip = slip,
	.linger = linger,
	.linger_started = linger_started,
	.linger_detached = linger_detached,
	.time_left = time_left,
	.shout = shout,
	.mirror = mirror,
	.whose = whose,
	.hold = hold,
	.let_go = let_go,
	.log = log_so_far,
	.name_request = name_request,
	.add = add,
};

/* ---- a daemon in a thread ---- */

static void *run(void *data)
{
	struct hop *hop = data;

	hop->result = pyr_daemon_run(hop->daemon);
	return NULL;
}

bool hop_open(struct hop *hop, const struct pyr_daemon_options *options)
{
	memset(hop, 0, sizeof(*hop));
	pthread_mutex_init(&hop->lock, NULL);
	hop->daemon = pyr_daemon_new(options);
	hop->uri = hops_Hop_register(hop->daemon, "hop", &methods, hop);
	return hop->uri && pthread_create(&hop->thread, NULL, run, hop) == 0;
}

int hop_close(struct hop *hop)
{
	pyr_daemon_stop(hop->daemon);
	pthread_join(hop->thread, NULL);
	pyr_daemon_free(hop->daemon);
	pthread_mutex_destroy(&hop->lock);
	return hop->result;
}

/* ---- several ---- */

void hop_each_way(void (*check)(const struct hop_way *way))
{
	static const struct hop_way ways[] = {
		{ 0, false }, { 1, false }, { 0, true }, { 1, true }
	};
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		check(&ways[i]);
}

static bool open_at_socket(struct hop *hop, struct pyr_daemon_options *options)
{
	char folder[] = "/tmp/pyrite-hop-XXXXXX", socket[40];
	bool is_open;

	if (!mkdtemp(folder))
		return false;
	snprintf(socket, sizeof(socket), "%s/s", folder);
	options->socket = socket;
	is_open = hop_open(hop, options);
	strcpy(hop->folder, folder);
	return is_open;
}

bool hop_open_all(struct hop *hops, int n, const struct hop_way *way,
		  const struct pyr_daemon_options *options, const char **uris)
{
	struct pyr_daemon_options own = { 0 };
	bool is_open = true;
	int i;

	for (i = 0; i < n && is_open; i++) {
		if (options)
			own = *options;
		own.threads = way->threads;
		is_open = way->is_unix ? open_at_socket(&hops[i], &own) : hop_open(&hops[i], &own);
		uris[i] = hops[i].uri;
	}
	return is_open;
}

bool hop_close_all(struct hop *hops, int n)
{
	bool is_clean = true;
	int i;

	for (i = 0; i < n; i++) {
		is_clean &= hop_close(&hops[i]) == 0;
		if (hops[i].folder[0])
			is_clean &= rmdir(hops[i].folder) == 0;
	}
	return is_clean;
}
