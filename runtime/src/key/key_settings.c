/* SPDX-License-Identifier: MIT */
/*
 * Where keys come from: a file, the environment, or a text of the program's. A file is read again
 * when it has changed, as certificates are: who begins a link looks, if a second has gone by since
 * the last look. Links that stand keep what they have proved.
 */
#include "key/key.h"

#include <pyrite/pyrite.h>

#include <openssl/crypto.h>

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/audit.h"
#include "base/config.h"
#include "base/file.h"
#include "base/log.h"

enum { LOOK_MS = 1000, TELL_MS = 1000 };

#define VARIABLE "PYRITE_SHARED_KEY"

struct key_settings {
	atomic_int refs;
	bool is_environments, is_shared;
	struct key_settings *next; /* shared.lock: among those shared */
	_Atomic int64_t told_ms;
	atomic_uint n_untold; /* refused since then */
	struct audit *audit;  /* counted; constant once others have the keys */

	pthread_mutex_t reading; /* held from reading the file until it is in use, so that nothing
				    older replaces it; before lock */
	pthread_mutex_t lock;    /* after shared.lock; guards: */
	char *file;              /* NULL: none; constant in one that is shared */
	struct key_ring *ring;
	struct file_stamp stamp;
	int64_t looked_ms;
};

static struct {
	pthread_mutex_t lock;
	struct key_settings *first;
	struct key_settings *kept; /* the last that was asked for, for proxies that come and go */
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- what is given ---- */

static void fail(struct key_problem *problem, int code, const char *format, ...) PYR_PRINTF(3, 4);
static void fail(struct key_problem *problem, int code, const char *format, ...)
{
	va_list args;

	problem->code = code;
	va_start(args, format);
	vsnprintf(problem->text, sizeof(problem->text), format, args);
	va_end(args);
}

bool key_settings_is_default(void)
{
	return config_text(CONFIG_SHARED_KEY_FILE)[0] || config_text(CONFIG_SHARED_KEY)[0];
}

/* What is given, and what it says. */
struct given {
	const char *path, *text; /* borrowed; one of them, NULL for the other */
	bool is_environments;
	char *file;
	struct key_ring *ring;
	struct file_stamp stamp;
};

static bool look_at(const struct pyr_key_options *options, struct given *ret,
		    struct key_problem *problem)
{
	*ret = (struct given){ .path = options ? options->file : NULL,
			       .text = options ? options->text : NULL };
	if (ret->path && ret->text) {
		fail(problem, PYR_INVALID_ARGUMENT, "both a file and a text are given");
		return false;
	}
	if (ret->path || ret->text)
		return true;
	ret->is_environments = true;
	if (config_text(CONFIG_SHARED_KEY_FILE)[0])
		ret->path = config_text(CONFIG_SHARED_KEY_FILE);
	else if (config_text(CONFIG_SHARED_KEY)[0])
		ret->text = config_text(CONFIG_SHARED_KEY);
	else
		fail(problem, PYR_INVALID_ARGUMENT,
		     "neither a file nor a text is given, nor " VARIABLE "_FILE set");
	return ret->path || ret->text;
}

static struct key_ring *read_file(const char *path, struct key_problem *problem)
{
	struct key_ring *ring = NULL;
	char *text;
	size_t n;
	int number = file_read_private(path, &text, &n);

	if (number == FILE_IS_PUBLIC) {
		fail(problem, PYR_FAILED_PRECONDITION,
		     "%.300s: others than its owner and group may read or change it: chmod 600",
		     path);
	} else if (number) {
		fail(problem, PYR_INVALID_ARGUMENT, "cannot read %.300s: %s", path,
		     strerror(number));
	} else {
		ring = key_ring_parse(text, n, path, problem);
		OPENSSL_cleanse(text, n);
		free(text);
	}
	return ring;
}

/* Reads it. Returns false, nothing owned, with *problem told. */
static bool take(struct given *given, struct key_problem *problem)
{
	if (!given->path) {
		given->ring = key_ring_parse(given->text, strlen(given->text),
					     given->is_environments ? VARIABLE : "the key's text",
					     problem);
		return given->ring;
	}
	given->stamp = file_stamp_of(given->path); /* first: what changes meanwhile is seen */
	given->ring = read_file(given->path, problem);
	if (!given->ring)
		return false;
	given->file = strdup(given->path);
	if (given->file)
		return true;
	key_ring_unref(given->ring);
	fail(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
	return false;
}

/* ---- settings ---- */

static void change(struct key_settings *keys, const struct given *given)
{
	keys->file = given->file;
	keys->ring = given->ring;
	keys->stamp = given->stamp;
	keys->is_environments = given->is_environments;
	keys->looked_ms = file_now();
}

static struct key_settings *make(const struct given *given, struct key_problem *problem)
{
	struct key_settings *keys = calloc(1, sizeof(*keys));

	if (!keys) {
		free(given->file);
		key_ring_unref(given->ring);
		fail(problem, PYR_RESOURCE_EXHAUSTED, "out of memory");
		return NULL;
	}
	keys->refs = 1;
	atomic_init(&keys->told_ms, file_now() - TELL_MS);
	pthread_mutex_init(&keys->reading, NULL);
	pthread_mutex_init(&keys->lock, NULL);
	change(keys, given);
	return keys;
}

struct key_settings *key_settings_new(const struct pyr_key_options *options,
				      struct key_problem *problem)
{
	struct given given;

	return look_at(options, &given, problem) && take(&given, problem) ? make(&given, problem)
									  : NULL;
}

struct key_settings *key_settings_ref(struct key_settings *keys)
{
	if (keys)
		atomic_fetch_add_explicit(&keys->refs, 1, memory_order_relaxed);
	return keys;
}

bool key_settings_is_environments(const struct key_settings *keys)
{
	return keys->is_environments;
}

/* ---- changes ---- */

static void exchange(struct key_settings *keys, const struct given *given)
{
	struct key_ring *ring;
	char *file;

	pthread_mutex_lock(&keys->lock);
	ring = keys->ring;
	file = keys->file;
	change(keys, given);
	pthread_mutex_unlock(&keys->lock);
	key_ring_unref(ring);
	free(file);
}

/* The path of now, owned; NULL: there is none, or no memory. */
static char *file_of(struct key_settings *keys)
{
	char *file;

	pthread_mutex_lock(&keys->lock);
	file = keys->file ? strdup(keys->file) : NULL;
	pthread_mutex_unlock(&keys->lock);
	return file;
}

int key_settings_update(struct key_settings *keys, const struct pyr_key_options *options,
			struct key_problem *problem)
{
	char *file = options ? NULL : file_of(keys);
	struct given given = { .path = file, .is_environments = keys->is_environments };
	bool ok = true;

	if (!options && !file)
		return 0; /* a text does not change */
	if (options)
		ok = look_at(options, &given, problem);
	pthread_mutex_lock(&keys->reading);
	ok = ok && take(&given, problem);
	if (ok)
		exchange(keys, &given);
	pthread_mutex_unlock(&keys->reading);
	free(file);
	return ok ? 0 : -problem->code;
}

/* In place of the ring that there is, if it is of this file still. */
static void replace_ring(struct key_settings *keys, struct key_ring *ring, const char *file)
{
	struct key_ring *old = ring;

	pthread_mutex_lock(&keys->lock);
	if (keys->file && strcmp(keys->file, file) == 0) {
		old = keys->ring;
		keys->ring = ring;
	}
	pthread_mutex_unlock(&keys->lock);
	key_ring_unref(old);
}

/* Whether it is time to look, and the file has changed. */
static bool is_changed(struct key_settings *keys)
{
	struct file_stamp stamp;
	int64_t now = file_now();
	bool is = false;

	pthread_mutex_lock(&keys->lock);
	if (keys->file && now - keys->looked_ms >= LOOK_MS) {
		keys->looked_ms = now;
		stamp = file_stamp_of(keys->file);
		is = !file_stamp_is(&stamp, &keys->stamp);
		keys->stamp = stamp;
	}
	pthread_mutex_unlock(&keys->lock);
	return is;
}

/* Returns false with *problem told: the old keys stay. */
static bool read_again(struct key_settings *keys, const char *file, struct key_problem *problem)
{
	struct key_ring *ring;

	pthread_mutex_lock(&keys->reading);
	ring = read_file(file, problem);
	if (ring)
		replace_ring(keys, ring, file);
	pthread_mutex_unlock(&keys->reading);
	return ring;
}

static void refresh(struct key_settings *keys)
{
	struct audit_event event = { .action = "reload", .target = "shared keys" };
	struct key_problem problem = { .text = "out of memory" };
	char *file = is_changed(keys) ? file_of(keys) : NULL;
	bool is_read = file && read_again(keys, file, &problem);

	if (file) {
		event.decision = is_read ? "done" : "failed";
		event.why = is_read ? NULL : problem.text;
		audit_say(keys->audit, &event);
	}
	if (is_read) {
		log_line(PYR_LOG_INFO, "shared key: %s has changed, and was read again", file);
	} else if (file) {
		log_line(PYR_LOG_ERROR,
			 "shared key: the file has changed, and the old keys stay in use: %s",
			 problem.text);
	}
	free(file);
}

struct key_ring *key_settings_ring(struct key_settings *keys)
{
	struct key_ring *ring;

	refresh(keys);
	pthread_mutex_lock(&keys->lock);
	ring = key_ring_ref(keys->ring);
	pthread_mutex_unlock(&keys->lock);
	return ring;
}

/* ---- those that proxies share ---- */

/* Of a text only the ring tells. With shared.lock. */
static bool is_like(struct key_settings *keys, const struct given *given)
{
	if (keys->is_environments || given->is_environments)
		return keys->is_environments && given->is_environments;
	if (given->path)
		return keys->file && strcmp(keys->file, given->path) == 0;
	return given->ring && !keys->file && key_ring_is_same(keys->ring, given->ring);
}

/* One that was made of the same, counted; NULL: there is none. With shared.lock. */
static struct key_settings *find_shared(const struct given *given)
{
	struct key_settings *keys = shared.first;

	while (keys && !is_like(keys, given))
		keys = keys->next;
	return key_settings_ref(keys);
}

/* Puts it among those shared, unless there is one by now. Takes it. */
static struct key_settings *share(struct key_settings *keys, const struct given *given)
{
	struct key_settings *other;

	pthread_mutex_lock(&shared.lock);
	other = find_shared(given);
	if (!other) {
		keys->is_shared = true;
		keys->next = shared.first;
		shared.first = keys;
	}
	pthread_mutex_unlock(&shared.lock);
	if (!other)
		return keys;
	key_settings_unref(keys);
	return other;
}

static void keep(struct key_settings *keys)
{
	struct key_settings *before;

	pthread_mutex_lock(&shared.lock);
	before = shared.kept;
	shared.kept = key_settings_ref(keys);
	pthread_mutex_unlock(&shared.lock);
	key_settings_unref(before);
}

struct key_settings *key_settings_share(const struct pyr_key_options *options,
					struct key_problem *problem)
{
	struct key_settings *keys;
	struct given given;

	if (!look_at(options, &given, problem))
		return NULL;
	pthread_mutex_lock(&shared.lock);
	keys = find_shared(&given);
	pthread_mutex_unlock(&shared.lock);
	if (!keys && take(&given, problem) && (keys = make(&given, problem)))
		keys = share(keys, &given);
	if (keys)
		keep(keys);
	return keys;
}

/* Returns false if somebody has found it meanwhile. */
static bool stop_sharing(struct key_settings *keys)
{
	struct key_settings **at = &shared.first;
	bool is_last;

	pthread_mutex_lock(&shared.lock);
	is_last = atomic_fetch_sub(&keys->refs, 1) == 1;
	if (is_last) {
		while (*at != keys)
			at = &(*at)->next;
		*at = keys->next;
	}
	pthread_mutex_unlock(&shared.lock);
	return is_last;
}

void key_settings_unref(struct key_settings *keys)
{
	if (!keys)
		return;
	if (keys->is_shared ? !stop_sharing(keys) : atomic_fetch_sub(&keys->refs, 1) != 1)
		return;
	key_ring_unref(keys->ring);
	audit_unref(keys->audit);
	free(keys->file);
	pthread_mutex_destroy(&keys->reading);
	pthread_mutex_destroy(&keys->lock);
	free(keys);
}

void key_settings_set_audit(struct key_settings *keys, struct audit *audit)
{
	if (keys)
		keys->audit = audit_ref(audit);
}

/* ---- those who are refused ---- */

void key_settings_refused(struct key_settings *keys, const char *text)
{
	int64_t now = file_now(), told = atomic_load(&keys->told_ms);
	unsigned n;

	if (now - told < TELL_MS || !atomic_compare_exchange_strong(&keys->told_ms, &told, now)) {
		atomic_fetch_add(&keys->n_untold, 1);
		return;
	}
	n = atomic_exchange(&keys->n_untold, 0);
	if (n)
		log_line(PYR_LOG_WARNING, "%s (and %u more since the last line)", text, n);
	else
		log_line(PYR_LOG_WARNING, "%s", text);
}
