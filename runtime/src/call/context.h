/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SRC_CONTEXT_H
#define PYRITE_SRC_CONTEXT_H
/*
 * What goes along with the calls a thread makes, and what came along with the last answer. A thread
 * that never used any of it has nothing of this, and pays for a look at one pointer.
 */
#include <pyrite/context.h>

#include "call/outcall.h"
#include "wire/annotation.h"
#include "wire/frame.h"

#define CONTEXT_ID_MAX 128 /* bytes of an id */

bool context_is_correlation_id(struct span id);
bool context_is_traceparent(struct span id);

/*
 * A task has its own of this, which begins with the ids of its starter. inherit: NULL when there is
 * nothing, or no memory for it. exchange: makes another the thread's, and returns what was.
 */
struct context_own;
struct context_own *context_inherit(void);
struct context_own *context_exchange(struct context_own *other);
void context_drop(struct context_own *own);

/* Writes what goes along with a call into its frame: chain, ids, annotations. */
void context_describe(const struct outcall *call, struct frame *frame);

/* Checks a call's terms and encodes its annotations: call->along, in buf. Returns NULL, or why it
 * may not be sent. */
const char *context_pack(struct outcall *call, struct buf *buf);

/* Keeps the annotations of a Reply with the call, as far as they are within the limits. With the
 * peer's lock. */
void context_keep_notes(struct outcall *call, const struct frame *frame);

/* pyr_reply_annotation() reads these, of an encoded body, from now on. */
void context_set_reply(struct span body, enum annotation_field field);

/* The thread is through with a call: its proxy's hook is told, and pyr_reply_annotation() reads
 * what its answer brought. */
void context_take_reply(struct outcall *call);
void context_clear_reply(void);
#endif
