/* SPDX-License-Identifier: MIT */
/*
 * The thread's last error is one malloc'ed block with all its texts, found through a thread-local
 * pointer and freed by a key's destructor when the thread ends. A new error is complete before the
 * old one goes, so texts of the old one may be part of it. When memory is out the code survives
 * with a fixed text.
 */
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

#include "base/held.h"
#include "base/status.h"
#include "base/text.h"
#include "base/thread_key.h"

enum { SHOWN = 2048 }; /* most bytes of a remote text that are printed */

#define LOST_TEXT "the error's text was lost: out of memory"

struct error_block {
	pyr_error shown;       /* first: pyr_error_free() gets its address */
	void *caught;          /* the decoded exception */
	bool from_constructor; /* once taken: what it was in its thread */
	size_t n_detail;
	const uint8_t *detail;
	struct error_held *held; /* counted */
};

static const pyr_error nothing = { 0, false, false, "", "", "", "", "", "", "", false };
/* Shared by all threads, and never written. */
static struct error_block lost_block = {
	.shown = { PYR_RESOURCE_EXHAUSTED, false, false, LOST_TEXT, "", "", "", "", "", "", false },
};

static _Thread_local struct error_state thread;

struct error_held *error_held_ref(struct error_held *held)
{
	if (held)
		atomic_fetch_add_explicit(&held->refs, 1, memory_order_relaxed);
	return held;
}

void error_held_unref(struct error_held *held)
{
	if (held && atomic_fetch_sub(&held->refs, 1) == 1)
		held->free(held);
}

static void free_block(struct error_block *block)
{
	if (!block || block == &lost_block)
		return;
	held_free(block->caught);
	error_held_unref(block->held);
	free(block);
}

/* An error set by a destructor that runs later sets the key again, and this runs again. */
static void free_at_thread_exit(void *block)
{
	free_block(block);
	memset(&thread, 0, sizeof(thread));
}

static struct thread_key key = THREAD_KEY(free_at_thread_exit);

/* Makes block the last error of the thread; NULL: none. Without a key it could not be freed at the
 * thread's end, so it is not kept. */
static bool replace_block(struct error_block *block)
{
	if (!thread_key_set(&key, block))
		return false;
	free_block(thread.block);
	thread.block = block;
	thread.lost = nothing;
	thread.from_constructor = false;
	return true;
}

void error_swap(struct error_state *other)
{
	struct error_state mine = thread;

	thread = *other;
	*other = mine;
	(void)thread_key_set(&key, thread.block); /* at worst lost with the thread */
}

static void keep_what_fits(const struct error_info *info)
{
	(void)replace_block(NULL);
	thread.lost = nothing;
	thread.lost.code = info->code;
	thread.lost.remote = info->remote;
	thread.lost.may_have_run = info->may_have_run;
	thread.lost.raised = info->raised;
	thread.lost.message = LOST_TEXT;
}

static size_t text_size(const char *s)
{
	return s ? strlen(s) + 1 : 1;
}

static const char *put_text(char **at, const char *s)
{
	char *text = *at;
	size_t n = text_size(s);

	memcpy(text, s ? s : "", n);
	*at += n;
	return text;
}

static struct error_block *make_block(const struct error_info *info)
{
	size_t texts = text_size(info->message) + text_size(info->object) +
		       text_size(info->operation) + text_size(info->address) +
		       text_size(info->exception) + text_size(info->trace) +
		       text_size(info->correlation_id);
	struct error_block *block = calloc(1, sizeof(*block) + info->n_detail + texts);
	char *at;

	if (!block)
		return NULL;
	block->shown.code = info->code;
	block->shown.remote = info->remote;
	block->shown.may_have_run = info->may_have_run;
	block->shown.raised = info->raised;
	block->held = error_held_ref(info->held);
	at = (char *)(block + 1);
	if (info->detail) {
		block->detail = (uint8_t *)at;
		block->n_detail = info->n_detail;
		if (info->n_detail > 0)
			memcpy(at, info->detail, info->n_detail);
		at += info->n_detail;
	}
	block->shown.message = put_text(&at, info->message);
	block->shown.object = put_text(&at, info->object);
	block->shown.operation = put_text(&at, info->operation);
	block->shown.address = put_text(&at, info->address);
	block->shown.exception = put_text(&at, info->exception);
	block->shown.trace = put_text(&at, info->trace);
	block->shown.correlation_id = put_text(&at, info->correlation_id);
	return block;
}

int error_set_info(const struct error_info *info)
{
	struct error_block *block = make_block(info);

	if (!block || !replace_block(block)) {
		free_block(block);
		keep_what_fits(info);
	}
	return -info->code;
}

static int set_formatted(int code, const char *format, va_list args)
{
	struct error_info info = { .code = code };
	char small[512];
	char *text = small;
	va_list again;
	int n, status;

	va_copy(again, args);
	n = vsnprintf(small, sizeof(small), format, args);
	if (n < 0) {
		text = (char *)format;
	} else if ((size_t)n >= sizeof(small)) {
		text = malloc((size_t)n + 1);
		if (text)
			vsnprintf(text, (size_t)n + 1, format, again);
	}
	va_end(again);
	info.message = text ? text : small; /* out of memory: the first part says most of it */
	status = error_set_info(&info);
	if (text != small && text != format)
		free(text);
	return status;
}

int error_set(int code, const char *format, ...)
{
	va_list args;
	int status;

	va_start(args, format);
	status = set_formatted(code, format, args);
	va_end(args);
	return status;
}

void *error_from_constructor(void)
{
	thread.from_constructor = true;
	return NULL;
}

void *error_constructor(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)set_formatted(code, format, args);
	va_end(args);
	return error_from_constructor();
}

int error_missing(const char *what)
{
	return error_set(PYR_INVALID_ARGUMENT, "%s is NULL", what);
}

int error_null(const char *what)
{
	if (thread.from_constructor)
		return -pyr_last_error()->code;
	return error_missing(what);
}

const uint8_t *error_detail(size_t *n)
{
	*n = thread.block ? thread.block->n_detail : 0;
	return thread.block ? thread.block->detail : NULL;
}

struct error_held *error_detail_held(void)
{
	return thread.block ? thread.block->held : NULL;
}

void error_keep_caught(void *value)
{
	if (!thread.block || thread.block == &lost_block) {
		held_free(value);
		return;
	}
	held_free(thread.block->caught);
	thread.block->caught = value;
}

void *error_caught(void)
{
	return thread.block ? thread.block->caught : NULL;
}

const pyr_error *pyr_last_error(void)
{
	if (thread.block)
		return &thread.block->shown;
	return thread.lost.code ? &thread.lost : &nothing;
}

const char *pyr_errmsg(void)
{
	return pyr_last_error()->message;
}

int pyr_perror(const char *what)
{
	const pyr_error *error = pyr_last_error();
	const char *message = error->message;
	char text[4 * SHOWN + 8];

	if (error->code == 0)
		message = "no error";
	else if (message[0] == '\0')
		message = pyr_status_name(error->code);
	text_escape(text, sizeof(text), message, SHOWN);
	if (what && what[0])
		fprintf(stderr, "%s: %s\n", what, text);
	else
		fprintf(stderr, "%s\n", text);
	return 1;
}

pyr_error *pyr_error_take(void)
{
	struct error_block *block = thread.block;

	if (!block) {
		if (thread.lost.code == 0)
			return NULL;
		block = &lost_block;
	} else {
		block->from_constructor = thread.from_constructor;
	}
	thread.block = NULL; /* so that it is not freed */
	(void)replace_block(NULL);
	return &block->shown;
}

void error_restore(pyr_error *error)
{
	struct error_block *block = (struct error_block *)error;
	bool from_constructor = block && block->from_constructor;

	if (!replace_block(block))
		free_block(block);
	thread.from_constructor = from_constructor;
}

void error_may_have_run(void)
{
	if (thread.block)
		thread.block->shown.may_have_run = true;
	else
		thread.lost.may_have_run = thread.lost.code != 0;
}

pyr_error *error_copy(void)
{
	const pyr_error *last = pyr_last_error();
	struct error_info info = { .code = last->code };
	struct error_block *copy;

	if (last->code == 0)
		return NULL;
	info.remote = last->remote;
	info.may_have_run = last->may_have_run;
	info.raised = last->raised;
	info.message = last->message;
	info.object = last->object;
	info.operation = last->operation;
	info.address = last->address;
	info.exception = last->exception;
	info.trace = last->trace;
	info.correlation_id = last->correlation_id;
	info.detail = error_detail(&info.n_detail);
	info.held = error_detail_held();
	copy = make_block(&info);
	return copy ? &copy->shown : NULL;
}

void pyr_error_free(pyr_error *error)
{
	free_block((struct error_block *)error);
}

const char *pyr_status_name(int code)
{
	unsigned index = code < 0 ? 0u - (unsigned)code : (unsigned)code;
	const char *name = status_name(index);

	return name ? name : "?";
}

const char *pyr_version(void)
{
	return PYR_VERSION;
}

void pyr_free(void *block)
{
	held_free(block);
}
