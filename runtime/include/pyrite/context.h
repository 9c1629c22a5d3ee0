/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CONTEXT_H
#define PYRITE_CONTEXT_H
/*
 * What goes along with a call besides its arguments: who calls, ids that tell which calls belong
 * together, annotations, and what a session leaves behind. <pyrite/pyrite.h> includes this.
 *
 * A call made inside a method is part of the call that the method serves. It carries on that call's
 * correlation id and traceparent, has no more time than is left of that call's, and ends as
 * CANCELLED when that call is cancelled or its caller is gone; so a client that gives up stops the
 * work however many hops away it is done. Source: Pyro's core.current_context.
 */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/*
 * ---- The call in hand ----
 *
 * A method has its call as a parameter. What it calls may have lost it, and finds it here. Work
 * that a method hands to other threads is no part of the call unless they say so.
 */

/* The call whose method the thread runs. Returns: borrowed, until that method returns; NULL outside
 * of methods. */
pyr_call *pyr_call_current(void);

/*
 * Makes what the thread calls from now on part of this call, a deferred one, say, that a thread of
 * the program works for; NULL: of none. The call must live until the thread has entered another.
 * Returns: what pyr_call_current() was, to be entered again.
 */
pyr_call *pyr_call_enter(pyr_call *call);

/* ---- Who calls ---- */

/* Who was at the other end of a unix socket when it connected (SO_PEERCRED of socket(7)). */
struct pyr_credentials {
	int64_t pid;  /* of its process */
	uint32_t uid; /* effective user */
	uint32_t gid; /* effective group */
};

/* Returns false, *ret untouched, if the caller came over TCP. */
bool pyr_call_credentials(const pyr_call *call, struct pyr_credentials *ret);

/* Who the caller has proved to be. Returns: borrowed; "" for one that has proved nothing, as all
 * do that come without TLS or a key. */
const char *pyr_call_identity(const pyr_call *call);

/* The session the call came in: all calls of one proxy, from bind to release, and no others, have
 * the same. Returns: the call's; "" for a call of plain gRPC, which has no session, or when memory
 * is out. */
const char *pyr_call_session(pyr_call *call);

/*
 * ---- Ids ----
 *
 * A correlation id names a request through all the calls that come of it. Where the caller gave
 * none, all methods of the request see the same one all the same: it is derived from what calls
 * inside calls carry anyway, and so costs nothing. Errors tell it (pyr_error.correlation_id).
 * A traceparent is W3C Trace Context's: Pyrite hands it on as it came and makes no spans of its
 * own.
 */

/* 1 to 128 characters. Returns: the call's. */
const char *pyr_call_correlation_id(pyr_call *call);

/* The thread's calls carry this from now on; NULL: none. In a method: for the rest of its call.
 * INVALID_ARGUMENT unless it is 1 to 128 printable characters of ASCII. */
int pyr_set_correlation_id(const char *id);

/* As the caller sent it. Returns: the call's; "" if none came, or none that is well-formed. */
const char *pyr_call_traceparent(const pyr_call *call);

/* As pyr_set_correlation_id(). INVALID_ARGUMENT unless it is well-formed:
 * "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01". Source: W3C Trace Context, 3.2. */
int pyr_set_traceparent(const char *traceparent);

/*
 * ---- Annotations ----
 *
 * Named bytes beside the arguments of a call (pyr_call_options.annotations) and beside its results.
 * They belong to one call and are not handed on to calls inside it. At most 64, with names of at
 * most 64 printable characters of ASCII and 32,768 bytes in all. A name that comes twice: the last
 * counts. Source: Pyro's annotations and response_annotations; names have any length here, and
 * nothing stays set for the next call.
 */
struct pyr_annotation {
	const char *key;   /* its name */
	const void *value; /* any bytes */
	size_t size;       /* of value */
};

/* The caller's annotation, a NUL behind it. size: may be NULL. Returns: the call's; NULL if there
 * is none of that name. */
const void *pyr_call_annotation(const pyr_call *call, const char *key, size_t *size);

/* All of them. Returns how many; *ret: the call's. */
size_t pyr_call_annotations(const pyr_call *call, const struct pyr_annotation **ret);

/* Sends an annotation with the answer, be it a result or an error. value is copied.
 * INVALID_ARGUMENT if it is not allowed, FAILED_PRECONDITION in a oneway, which was answered
 * before. In the thread that runs the method or completes the deferred. */
int pyr_call_set_annotation(pyr_call *call, const char *key, const void *value, size_t size);

/* Adds one to those of a call that is about to leave, in pyr_proxy_options.on_call. value is
 * copied. INVALID_ARGUMENT if it is not allowed; too many of them fail the call. */
int pyr_annotations_add(pyr_annotations *annotations, const char *key, const void *value,
			size_t size);

/* An annotation of the answer to the thread's last call, a NUL behind it. size: may be NULL.
 * Returns: borrowed, until the thread's next call; NULL if there is none of that name. */
const void *pyr_reply_annotation(const char *key, size_t *size);

/*
 * ---- Resources ----
 *
 * What is held for a caller, and is to go when he goes: locks, files, transactions. A tracked
 * resource is closed when the session is over (the proxy was released or freed, the connection or
 * the client's process ended) and its last call is through: in a method thread, the last tracked
 * first. Source: Pyro's track_resource().
 */
typedef void (*pyr_close_cb)(void *resource);

/* FAILED_PRECONDITION for a call of plain gRPC; RESOURCE_EXHAUSTED beyond 65,536 of a session. */
int pyr_call_track(pyr_call *call, void *resource, pyr_close_cb close) PYR_MUST_CHECK;

/* Returns false if it is not tracked in the call's session; else it will not be closed. */
bool pyr_call_untrack(pyr_call *call, void *resource);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
