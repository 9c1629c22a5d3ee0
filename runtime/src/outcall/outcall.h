/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_OUTCALL_H
#define PYRITE_OUTCALL_H
/* Calls made in a session: their numbers, how they are sent and awaited, how they end. */
#include <pyrite/gen.h>

#include "base/error.h"
#include "context/scope.h"
#include "session/session.h"
#include "stream/stream.h"

/* What is said of a call besides what it calls. Borrowed: until it has been started. */
struct call_terms {
	int64_t deadline;
	bool is_detached;                         /* from the call inside which it is made */
	const char *correlation_id, *traceparent; /* NULL: as the thread has it */
	const char *key;                          /* which of a group's members; NULL: any */
	const struct pyr_annotation *annotations;
	size_t n_annotations;
	struct span own_annotations; /* of the proxy, encoded */
	/* It is handed on, and this is what it calls; NULL: as the interface says. */
	const struct frame_operation *as_it_came;
};

enum { OUTCALL_ROOM = 64 }; /* of an answer that takes no memory of its own */

/* Told once that a call is over, by whoever completes it, perhaps with a peer's lock held. */
struct outcall_hook {
	void (*run)(struct outcall_hook *hook);
};

/* Where it is in its session. The peer's lock. */
struct outcall_sent {
	uint32_t number;                              /* 0: not live */
	uint64_t begin, end;                          /* of its frames in the session's stream */
	struct outcall *next_blocked, **blocked_link; /* in line for a place; link: NULL: not */
	const struct codec_carried *carried; /* references that it passes, kept; NULL: none */
};

/* What it says, until outcall_start() has returned. Its thread's. */
struct outcall_said {
	const struct call_terms *terms;
	struct span along; /* its annotations, encoded */
};

/* How it ended. Written with the peer's lock, or a lost stream's; once the waiter is ready the
 * caller's. */
struct outcall_result {
	int code;       /* 0, or enum pyr_status */
	bool is_remote; /* answer holds the body of an Error frame, else of a text */
	bool may_have_run;
	bool was_not_run;         /* the session was over before: may be made in another */
	struct buf answer;        /* the reply's payload, or what went wrong; begins in room */
	struct buf notes;         /* annotations of a Reply, encoded */
	struct import_list *held; /* references that the answer brought; NULL: none */
	uint8_t room[OUTCALL_ROOM];
};

/* A call made. Its memory is the caller's (a stack frame, a future); it belongs to the peer while
 * it is live. */
struct outcall {
	struct engine_waiter waiter; /* ready: the answer is in */
	struct session *session;     /* counted by the caller; a stream's changes with its lock */
	bool is_front;               /* it never leaves: others do, and it ends as the last one */
	unsigned operation;
	int64_t deadline;
	pyr_stream *stream;                /* its user's end of the call's streams; NULL: none */
	struct scope_item part;            /* of the call that its thread serves */
	struct outcall_hook *_Atomic hook; /* then the call's memory lasts until it has been told */
	struct outcall_sent sent;
	struct outcall_said said;
	struct outcall_result result;
};

/* The chain of what the calling thread calls, EXEC_CHAIN bytes; NULL: it starts one. */
const uint8_t *outcall_chain(void);

/* Ends its calls as CANCELLED, tells the other end, then drops the reference. keep_streams: those
 * that can be resumed wait for another session. */
void session_close(struct session *session, bool keep_streams);
/* The same, but calls that run go on. */
void session_leave(struct session *session);
void session_wake_blocked(struct session *session); /* callers that wait for a place */

/* Gives a call a number of its own. may_block: as outcall_start(). Returns false if there is none.
 */
bool outcall_take_number(struct peer *peer, struct outcall *call, bool may_block);
void outcall_free_number(struct peer *peer, struct outcall *call);
/* Waits for a number. Returns 0, or the status of why there will be none. With the lock, which it
 * may drop meanwhile. */
int outcall_wait_for_place(struct peer *peer, struct outcall *call, bool may_block);
/* What is told of that status. Returns the one that the call ends with. */
int outcall_explain(struct outcall *call, int code, char *text, size_t n);
/* All who wait for a number look again. */
void outcall_wake_blocked(struct peer *peer);
/* Ends the session's running calls as CANCELLED; keep_streams as session_close(). */
void session_cancel_calls(struct session *session, bool keep_streams);

/*
 * Sends a call. may_block: wait for a place when max_calls are unanswered, else RESOURCE_EXHAUSTED.
 * A failure to start completes the call: outcall_wait() tells. packer's memory must last until it
 * returns.
 */
void outcall_start(struct outcall *call, struct session *session, unsigned operation,
		   const struct codec_packer *packer, bool may_block);
/* Waits until it is answered, its deadline passes, or `until`. Returns whether call->code is known.
 * In a task that is cancelled while it waits without a limit, the call is cancelled. */
bool outcall_wait(struct outcall *call, int64_t until);
/* The same for one who only looks: returns 1 if it is known, 0 if not, -PYR_CANCELLED when the task
 * was cancelled, which the call is not. */
int outcall_watch(struct outcall *call, int64_t until);
#define OUTCALL_RELEASED "the proxy was released"
#define OUTCALL_REVOKED  "the call that this one is part of was cancelled"
/* The answer is in: whoever waits may go, and with it the call's memory, unless it has a hook. */
void outcall_complete(struct outcall *call);
/* Returns false, the hook not set, if it is over already. */
bool outcall_set_hook(struct outcall *call, struct outcall_hook *hook);
/* Returns false if the hook has been told, or will be. */
bool outcall_unset_hook(struct outcall *call, struct outcall_hook *hook);
/* For a call that no thread waits for: ends it if its deadline, or the time to connect, has passed.
 * Returns when to look again. */
int64_t outcall_look(struct outcall *call);
/* When to look first. */
int64_t outcall_limit(const struct outcall *call);
/* Ends it here and tells the other end, unless it was answered: code is CANCELLED or
 * DEADLINE_EXCEEDED. */
void outcall_cancel(struct outcall *call, int code, const char *text);
/* What it fails with, once it is complete. */
void outcall_fail(struct outcall *call, int code, const char *text);
/* The same with the lock, for what the other end did wrong; code may be any. */
void outcall_abort(struct outcall *call, int code, const char *text);
/* What one is told whose deadline passed. Returns text. */
const char *outcall_late(const struct outcall *call, char *text, size_t n);
void outcall_init(struct outcall *call, const struct call_terms *terms);
void outcall_fini(struct outcall *call);
/* The same for one that its thread knows nothing of. */
void outcall_forget(struct outcall *call);
/* Writes what goes along with it into its frame: chain, ids, annotations. */
void outcall_put_along(const struct outcall *call, struct frame *frame);
/* Checks its terms and encodes its annotations: call->along, in buf. Returns NULL, or why it may
 * not be sent. */
const char *outcall_pack_along(struct outcall *call, struct buf *buf);
/* Keeps the annotations of a Reply, as far as they are within the limits. With the peer's lock. */
void outcall_keep_notes(struct outcall *call, const struct frame *frame);
/* The thread is through with it: its proxy's hook is told, and pyr_reply_annotation() reads what
 * its answer brought. */
void outcall_take_reply(struct outcall *call);
/* Sets the thread's last error from a call that failed. Returns minus its code. */
int outcall_error(struct outcall *call);

/* What that says, and the memory of it. */
struct outcall_failure {
	struct error_info info;
	char *texts[4];
	struct span notes; /* annotations, as in the body of an Error; the call's */
};
void outcall_failure(struct outcall *call, struct outcall_failure *ret);
void outcall_failure_free(struct outcall_failure *failure);

/* ---- frames that come; in the leader, with the lock ---- */
void peer_on_answer(struct peer *peer, const struct frame *frame); /* Reply, Error */
void peer_on_hello_out(struct peer *peer, const struct frame *frame);
struct outcall *peer_live_call(struct peer *peer, uint32_t number);
void peer_end_out(struct peer *peer); /* the link is gone: ends the calls made */
#endif
