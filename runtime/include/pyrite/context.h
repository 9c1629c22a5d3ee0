/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CONTEXT_H
#define PYRITE_CONTEXT_H
/*
 * What travels with a call besides its arguments: the caller's identity, ids that connect calls,
 * and annotations; resources of a session; and memory of the call. <pyrite/pyrite.h> includes this
 * file.
 *
 * A call made inside a method is part of the call that the method serves. It has the same
 * correlation id and traceparent, at most the time that is left for the outer call, and ends with
 * CANCELLED if the outer call is cancelled or its caller is gone. So a client that gives up stops
 * the work however many processes away it is done.
 */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/*
 * ---- The current call ----
 *
 * A method gets its call as a parameter. Functions that it calls can find the call here. Work
 * that a method passes to another thread is part of the call only if that thread calls
 * pyr_call_enter().
 */

/* The call whose method the thread runs. Returns: borrowed, valid until that method returns;
 * NULL outside methods. */
pyr_call *pyr_call_current(void);

/* Makes the calls that the thread makes from now on part of this call, for example of a deferred
 * call that a thread of the program works on. NULL: of none. The call must live until the thread
 * has entered another. Returns: what pyr_call_current() was, so that it can be entered again. */
pyr_call *pyr_call_enter(pyr_call *call);

/* ---- Who calls ---- */

/* The process at the other end of a unix socket when it connected (SO_PEERCRED of socket(7)). */
struct pyr_credentials {
	int64_t pid;  /* process id */
	uint32_t uid; /* effective user id */
	uint32_t gid; /* effective group id */
};

/* The caller's credentials. Returns false, with *ret untouched, if the caller came over TCP. */
bool pyr_call_credentials(const pyr_call *call, struct pyr_credentials *ret);

/*
 * The authenticated identity of the caller: "cert:NAME" if the caller has a certificate that the
 * daemon trusts (NAME is its first URI, a SPIFFE id for one, else its common name, else its first
 * DNS name), else "uid:1000" if the caller came over a unix socket, else "". It belongs to the
 * connection: a process that calls on behalf of others has its own identity. Returns: valid as long
 * as the call.
 */
const char *pyr_call_identity(pyr_call *call);

/* The session of the call. All calls of one proxy, from bind to release, have the same session,
 * and no other calls do. Returns: valid as long as the call; "" for a plain gRPC call, which has
 * no session, or if out of memory. */
const char *pyr_call_session(pyr_call *call);

/*
 * ---- Ids ----
 *
 * A correlation id connects all the calls that belong to one request. If the caller gives none,
 * the methods of a request still see the same one: it is derived from a number that nested calls
 * carry anyway, so it costs nothing. Errors carry it (pyr_error.correlation_id). A traceparent
 * is that of W3C Trace Context; Pyrite passes it on unchanged and creates no spans.
 */

/* The correlation id, 1 to 128 characters. Returns: valid as long as the call. */
const char *pyr_call_correlation_id(pyr_call *call);

/* Sets the correlation id of the thread's calls from now on; NULL: none. In a method: for the
 * rest of its call. INVALID_ARGUMENT unless it is 1 to 128 printable ASCII characters. */
int pyr_set_correlation_id(const char *id);

/* The traceparent as the caller sent it. Returns: valid as long as the call; "" if there is none
 * or it is not well-formed. */
const char *pyr_call_traceparent(const pyr_call *call);

/* Sets the traceparent, as pyr_set_correlation_id() does. INVALID_ARGUMENT unless it is
 * well-formed: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01". Source: W3C Trace
 * Context, 3.2. */
int pyr_set_traceparent(const char *traceparent);

/*
 * ---- Annotations ----
 *
 * Named bytes that are sent with the arguments of a call (pyr_call_options.annotations) or with
 * its results. They belong to one call: they are not passed on to nested calls, and nothing
 * stays set for the next call. A call has at most 64, with names of at most 64 printable ASCII
 * characters, and 32,768 bytes in all. If a name occurs twice, the last one counts.
 */
struct pyr_annotation {
	const char *key;   /* its name */
	const void *value; /* any bytes */
	size_t size;       /* of value */
};

/* An annotation of the caller, followed by a NUL byte. size: may be NULL. Returns: valid as long
 * as the call; NULL if there is none of that name. */
const void *pyr_call_annotation(const pyr_call *call, const char *key, size_t *size);

/* All annotations of the caller. Returns their number; *ret: valid as long as the call. */
size_t pyr_call_annotations(const pyr_call *call, const struct pyr_annotation **ret);

/* Adds an annotation to the answer, be it a result or an error. value is copied.
 * INVALID_ARGUMENT if it is not allowed, FAILED_PRECONDITION in a oneway call, which is answered
 * before it runs. Only in the thread that runs the method or completes the deferred. */
int pyr_call_set_annotation(pyr_call *call, const char *key, const void *value, size_t size);

/* Adds an annotation to a call that is about to be sent, in pyr_proxy_options.on_call. value is
 * copied. INVALID_ARGUMENT if it is not allowed; too many annotations make the call fail. */
int pyr_annotations_add(pyr_annotations *annotations, const char *key, const void *value,
			size_t size);

/* An annotation of the answer to the thread's last call, followed by a NUL byte. size: may be
 * NULL. Returns: borrowed, valid until the thread's next call; NULL if there is none of that
 * name. */
const void *pyr_reply_annotation(const char *key, size_t *size);

/*
 * ---- Resources ----
 *
 * Locks, files or transactions that are held for a caller and must be released when the caller is
 * gone. A tracked resource is closed after the session has ended (the proxy was released or freed,
 * the connection or the client's process ended) and its last call is finished. It is closed in a
 * method thread, the last tracked one first.
 */
typedef void (*pyr_close_cb)(void *resource);

/* Tracks a resource for the session of the call. FAILED_PRECONDITION for a plain gRPC call;
 * RESOURCE_EXHAUSTED beyond 65,536 resources of a session. */
int pyr_call_track(pyr_call *call, void *resource, pyr_close_cb close) PYR_MUST_CHECK;

/* Stops tracking a resource, which will then not be closed. Returns false if the call's session
 * does not track it. */
bool pyr_call_untrack(pyr_call *call, void *resource);

/* ---- Memory ---- */

/* As pyr_call_alloc(), for n elements of size bytes each; also NULL, with RESOURCE_EXHAUSTED, if
 * that is more than there can be. */
void *pyr_call_alloc_array(pyr_call *call, size_t n, size_t size);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
