/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SRC_CONTEXT_H
#define PYRITE_SRC_CONTEXT_H
/*
 * What goes along with the calls a thread makes, and what came along with the last answer. A thread
 * that never used any of it has nothing of this, and pays for a look at one pointer.
 */
#include <pyrite/context.h>

#include <stdbool.h>

#include "base/buf.h"
#include "wire/annotation.h"

#define CONTEXT_ID_MAX 128 /* bytes of an id */

#define CONTEXT_ID_RULE "a correlation id has 1 to 128 printable characters of ASCII"
#define CONTEXT_TRACEPARENT_RULE                                                                   \
	"a traceparent is 00-<32 digits>-<16 digits>-<2 digits>, lower-case hexadecimal"

bool context_is_correlation_id(struct span id);
bool context_is_traceparent(struct span id);

/* The ids of the call that the thread serves, else its own; left as they are if it has none. */
void context_ids(struct span *correlation_id, struct span *traceparent);

/*
 * A task has its own of this, which begins with the ids of its starter. inherit: NULL when there is
 * nothing, or no memory for it. exchange: makes another the thread's, and returns what was.
 */
struct context_own;
struct context_own *context_inherit(void);
struct context_own *context_exchange(struct context_own *other);
void context_drop(struct context_own *own);

/* pyr_reply_annotation() reads these, of an encoded body, from now on. */
void context_set_reply(struct span body, enum annotation_field field);
void context_clear_reply(void);
/* All of them. Returns how many; *ret: valid until the thread's next call. */
size_t context_reply(const struct pyr_annotation **ret);
#endif
