/* SPDX-License-Identifier: MIT */
#include <pyrite/pyrite.h> /* which includes this where it needs it: so before the guard */
#ifndef PYRITE_HOOKS_H
#define PYRITE_HOOKS_H
/*
 * What a daemon and a proxy call back: members of pyr_daemon_options and pyr_proxy_options, each
 * with their hook_data as its last parameter. No hook is called with a lock held, so each may make
 * calls; what it does to the thread's last error is not seen. docs/hooks.md tells when which comes.
 */

/* ---- Of a daemon ---- */

/*
 * A call ended with an error: also a oneway, whose caller never hears of it. Called before the
 * answer leaves, in the thread that ended the call (the method's, or the one that failed a
 * deferred), with no lock held. call and error are borrowed; it may make calls, and whatever it
 * does, caller and connection do not notice. Source: Pyro5's methodcall_error_handler.
 */
typedef void (*pyr_call_error_cb)(const pyr_call *call, const pyr_error *error, void *data);

/*
 * A session begins: a proxy has bound. Called before any of the session's calls run, in a method
 * thread; it may make blocking calls, the session's calls wait meanwhile. call is borrowed, belongs
 * to no operation ("<connect>") and has all else that calls have: object asked for (it may not
 * exist), peer, credentials, session, annotations, pyr_call_alloc(), pyr_call_track(). handshake:
 * what the proxy sent with it, borrowed; n is 0 if nothing. ret_answer: goes back to the proxy; any
 * memory that is valid until the hook returns; default nothing. Returns 0 to accept. Else, minus a
 * status, perhaps by pyr_fail(): the session is refused, and its calls fail so without having run:
 * "connection to 127.0.0.1:9090 rejected: <reason>". Source: Pyro's Daemon.validateHandshake.
 */
typedef int (*pyr_connect_cb)(pyr_call *call, const struct pyr_bytes *handshake,
			      struct pyr_bytes *ret_answer, void *data);

/*
 * A session has ended that on_connect had accepted (any, where there is no such hook): its proxy
 * was released, or the connection is gone. Called once, in a method thread, after its last call and
 * before its tracked resources are closed. call ("<disconnect>"): as in on_connect, without
 * annotations. Source: Pyro's Daemon.clientDisconnect.
 */
typedef void (*pyr_disconnect_cb)(pyr_call *call, void *data);

/*
 * A call, a batch or a session ("<batch>", "<connect>") is about to be answered: what
 * pyr_call_set_annotation() adds goes along, be it a result or an error. In the thread that
 * answers; not for oneways, which are answered before they run, nor for what the runtime refuses
 * before it comes to a method. Source: Pyro's Daemon.annotations.
 */
typedef void (*pyr_answer_cb)(pyr_call *call, void *data);

/* ---- Of a proxy ---- */

/*
 * The daemon has accepted the proxy's session and answered the handshake; the proxy may refuse all
 * the same. answer: borrowed; n is 0 if nothing came; pyr_reply_annotation() reads what came along.
 * Called with each new session, in the thread whose call or bind opens it, before any call leaves.
 * It may call, but not through this proxy: FAILED_PRECONDITION. Returns 0, or minus a status: then
 * the session is given up, and what it was opened for fails with that status, "connection to
 * 127.0.0.1:9090 rejected: <why>". why: n_why bytes for the reason, "" at first. Source: Pyro's
 * Proxy._pyroValidateHandshake.
 */
typedef int (*pyr_handshake_cb)(const struct pyr_bytes *answer, char *why, size_t n_why,
				void *data);

/*
 * A call of the proxy is about to leave ("example.Server.add"; "<batch>"): what
 * pyr_annotations_add() adds goes along, beside the proxy's own and before those of
 * I_with(). In the calling thread, once each time it is sent. Source: Pyro's
 * Proxy._pyroAnnotations.
 */
typedef void (*pyr_annotate_cb)(const char *operation, pyr_annotations *annotations, void *data);

/*
 * The answer of such a call is in: result is 0, or minus the status that the other end answered
 * with; pyr_reply_annotation() reads what came along. In the thread that takes the answer, before
 * the call or the future's I_op_get() returns. Not called when no answer came. Source: Pyro's
 * Proxy._pyroResponseAnnotations.
 */
typedef void (*pyr_reply_cb)(const char *operation, int result, void *data);

/* ---- Both ---- */

#define PYR_HANDSHAKE_MAX 16384 /* most bytes of a handshake, and of what is answered to it */
#endif
