/* SPDX-License-Identifier: MIT */
#include <pyrite/pyrite.h> /* which includes this where it needs it: so before the guard */
#ifndef PYRITE_HOOKS_H
#define PYRITE_HOOKS_H
/* Hooks: functions of the program that a daemon or a proxy calls. They are members of
 * pyr_daemon_options and pyr_proxy_options; hook_data is their last parameter. No lock is held
 * when a hook is called, so it may make calls. A hook does not change the thread's last error.
 * docs/hooks.md says when each is called. */

/* ---- Of a daemon ---- */

/* A call ended with an error; that includes oneway calls, whose callers do not learn of it.
 * Called before the answer is sent, in the thread that ended the call: the method's, or the one
 * that failed a deferred. call and error are borrowed. The hook may make calls, and does not
 * affect the caller or the connection. */
typedef void (*pyr_call_error_cb)(const pyr_call *call, const pyr_error *error, void *data);

/*
 * A session begins: a proxy has bound. Called in a method thread before any of the session's
 * calls run; those wait until the hook has returned, and it may make blocking calls. call:
 * borrowed; it has no operation ("<connect>"), but all else that calls have: the object that is
 * asked for (which may not exist), peer, credentials, session, annotations, pyr_call_alloc(),
 * pyr_call_track(). handshake: what the proxy sent, borrowed; n is 0 if it sent nothing.
 * ret_answer: is sent to the proxy; any memory that is valid until the hook returns; default:
 * nothing. Returns 0 to accept the session. Minus a status, for example by pyr_fail(), refuses
 * it: its calls do not run and fail with that status, "connection to 127.0.0.1:9090 rejected:
 * <reason>".
 */
typedef int (*pyr_connect_cb)(pyr_call *call, const struct pyr_bytes *handshake,
			      struct pyr_bytes *ret_answer, void *data);

/* A session that on_connect had accepted has ended (any session, if there is no on_connect): its
 * proxy was released, or the connection is gone. Called once, in a method thread, after the
 * session's last call and before its tracked resources are closed. call ("<disconnect>"): as in
 * on_connect, without annotations. */
typedef void (*pyr_disconnect_cb)(pyr_call *call, void *data);

/* A call, a batch or a session ("<batch>", "<connect>") is about to be answered with a result or
 * an error. What pyr_call_set_annotation() adds is sent along. Called in the thread that
 * answers; not for oneway calls, which are answered before they run, nor for calls that the
 * runtime refuses before they reach a method. */
typedef void (*pyr_answer_cb)(pyr_call *call, void *data);

/* A line of the daemon's audit log: JSON, without a newline, borrowed. docs/security.md describes
 * the members. Called in a thread of the audit log, one line at a time, until pyr_daemon_free()
 * returns. If the callback is too slow, lines are dropped, and counted. */
typedef void (*pyr_audit_cb)(const char *line, void *data);

/* ---- Of a proxy ---- */

/*
 * The daemon has accepted the proxy's session and answered the handshake; the proxy may still
 * refuse. answer: borrowed; n is 0 if it is empty; pyr_reply_annotation() reads the annotations.
 * Called for each new session, in the thread whose call or bind opens it, before any call is
 * sent. It may make calls, but not through this proxy: FAILED_PRECONDITION. Returns 0, or minus
 * a status: then the session is closed, and the call or bind that opened it fails with that
 * status, "connection to 127.0.0.1:9090 rejected: <why>". why: n_why bytes for the reason, "" at
 * first.
 */
typedef int (*pyr_handshake_cb)(const struct pyr_bytes *answer, char *why, size_t n_why,
				void *data);

/* A call of the proxy ("example.Server.add"; "<batch>") is about to be sent. What
 * pyr_annotations_add() adds is sent along, after the proxy's own annotations and before those
 * of I_with(). Called in the calling thread, each time the call is sent. */
typedef void (*pyr_annotate_cb)(const char *operation, pyr_annotations *annotations, void *data);

/* The answer to such a call has arrived. result: 0, or minus the status that the other end
 * returned. pyr_reply_annotation() reads the annotations. Called in the thread that takes the
 * answer, before the call or the future's I_op_get() returns; not if no answer came. */
typedef void (*pyr_reply_cb)(const char *operation, int result, void *data);

/* ---- Both ---- */

#define PYR_HANDSHAKE_MAX 16384 /* most bytes of a handshake, and of the answer to it */
#endif
