/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* pthread_timedjoin_np() */
#include "base/audit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cond.h"
#include "base/file.h"

enum { BUFFER = 65536, TELL_MS = 1000, END_S = 2 };

struct buffer {
	size_t n;
	char bytes[BUFFER];
};

struct audit {
	atomic_int refs;
	struct audit_options options; /* constant; where is the sink's */
	pthread_t writer;
	struct audit_sink sink; /* the writer's */
	struct buffer *writing; /* the writer's */
	pthread_mutex_t lock;   /* guards all below */
	pthread_cond_t work;    /* on CLOCK_MONOTONIC */
	struct buffer *filling;
	struct audit_rate rate;
	uint64_t n_overflown; /* lines that had no room */
	int64_t tell_at;      /* when it is told what was left out; 0: nothing was */
	bool is_ending;
};

/* ---- the writer ---- */

static void call_back(const struct audit *audit, struct buffer *lines)
{
	char *at = lines->bytes, *end;

	if (!audit->options.heard)
		return;
	while ((end = memchr(at, '\n', (size_t)(lines->bytes + lines->n - at))) != NULL) {
		*end = '\0';
		audit->options.heard(at, audit->options.data);
		at = end + 1;
	}
}

/* With the lock. */
static bool append(struct audit *audit, const struct audit_event *event)
{
	struct buffer *filling = audit->filling;
	char line[AUDIT_LINE];
	struct timespec now;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	n = audit_line(line, event, &now);
	if (n > BUFFER - filling->n)
		return false;
	memcpy(filling->bytes + filling->n, line, n);
	filling->n += n;
	return true;
}

/* With the lock: what was left out since the last time, as far as there is room. */
static void tell_left_out(struct audit *audit)
{
	char name[AUDIT_SOURCE];
	struct audit_event event = { .action = "audit", .decision = "left out" };

	event.why = "they came faster than they could be written";
	event.count = audit->n_overflown;
	if (event.count && append(audit, &event))
		audit->n_overflown = 0;
	event.why = "too many lines from this source";
	event.from = name;
	while (BUFFER - audit->filling->n >= AUDIT_LINE &&
	       audit_rate_next(&audit->rate, name, &event.count))
		(void)append(audit, &event);
	audit->tell_at = audit->rate.n_left_out || audit->n_overflown ? file_now() + TELL_MS : 0;
}

/* With the lock, which it lets go of meanwhile. */
static void write_out(struct audit *audit)
{
	struct buffer *lines = audit->filling;

	audit->filling = audit->writing;
	audit->filling->n = 0;
	audit->writing = lines;
	pthread_mutex_unlock(&audit->lock);
	audit_sink_write(&audit->sink, lines->bytes, lines->n);
	call_back(audit, lines);
	pthread_mutex_lock(&audit->lock);
}

/* With the lock: until there is something to write. */
static void rest(struct audit *audit)
{
	struct timespec until = { audit->tell_at / 1000, audit->tell_at % 1000 * 1000000 };

	if (audit->tell_at)
		(void)pthread_cond_timedwait(&audit->work, &audit->lock, &until);
	else
		pthread_cond_wait(&audit->work, &audit->lock);
}

static void *write_all(void *data)
{
	struct audit *audit = data;

	pthread_mutex_lock(&audit->lock);
	for (;;) {
		if (audit->tell_at && (audit->is_ending || file_now() >= audit->tell_at))
			tell_left_out(audit);
		if (audit->filling->n > 0)
			write_out(audit);
		else if (audit->is_ending)
			break;
		else
			rest(audit);
	}
	pthread_mutex_unlock(&audit->lock);
	audit_unref(audit);
	return NULL;
}

/* Signals are the program's. */
static bool start_writer(struct audit *audit)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&audit->writer, NULL, write_all, audit);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error == 0;
}

/* ---- from outside ---- */

static struct audit *new_audit(const struct audit_options *options)
{
	struct audit *audit = calloc(1, sizeof(*audit));

	if (!audit)
		return NULL;
	audit->options = *options;
	audit->filling = malloc(sizeof(struct buffer));
	audit->writing = malloc(sizeof(struct buffer));
	audit->sink.fd = -1;
	atomic_init(&audit->refs, 2); /* the caller's and the writer's */
	pthread_mutex_init(&audit->lock, NULL);
	cond_init(&audit->work);
	if (audit->filling)
		audit->filling->n = 0;
	return audit;
}

static void free_audit(struct audit *audit)
{
	audit_sink_close(&audit->sink);
	pthread_cond_destroy(&audit->work);
	pthread_mutex_destroy(&audit->lock);
	free(audit->filling);
	free(audit->writing);
	free(audit);
}

struct audit *audit_open(const struct audit_options *options, struct audit_problem *problem)
{
	struct audit *audit = new_audit(options);

	problem->code = PYR_RESOURCE_EXHAUSTED;
	snprintf(problem->text, sizeof(problem->text), "out of memory or threads");
	if (!audit)
		return NULL;
	if (audit->filling && audit->writing &&
	    audit_sink_open(&audit->sink, options->where, problem) && start_writer(audit))
		return audit;
	free_audit(audit);
	return NULL;
}

struct audit *audit_ref(struct audit *audit)
{
	if (audit)
		atomic_fetch_add_explicit(&audit->refs, 1, memory_order_relaxed);
	return audit;
}

void audit_unref(struct audit *audit)
{
	if (audit && atomic_fetch_sub(&audit->refs, 1) == 1)
		free_audit(audit);
}

void audit_close(struct audit *audit)
{
	struct timespec until;

	if (!audit)
		return;
	pthread_mutex_lock(&audit->lock);
	audit->is_ending = true;
	pthread_cond_signal(&audit->work);
	pthread_mutex_unlock(&audit->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += END_S;
	/* a disk that hangs holds up nobody: the writer has a reference of its own */
	if (pthread_timedjoin_np(audit->writer, NULL, &until) != 0)
		pthread_detach(audit->writer);
}

void audit_say(struct audit *audit, const struct audit_event *event)
{
	int64_t now = file_now();

	if (!audit)
		return;
	pthread_mutex_lock(&audit->lock);
	if (!audit->is_ending && audit_rate_take(&audit->rate, event, now) && !append(audit, event))
		audit->n_overflown++;
	if (!audit->tell_at && (audit->rate.n_left_out || audit->n_overflown))
		audit->tell_at = now + TELL_MS;
	pthread_cond_signal(&audit->work);
	pthread_mutex_unlock(&audit->lock);
}
