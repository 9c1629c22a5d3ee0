/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PROXIES_H
#define PYRITE_PROXIES_H
/*
 * More about proxies. <pyrite/pyrite.h> includes this file. Pass a generated proxy as
 * I_as_proxy(proxy). Functions that need a connection say so.
 *
 * A proxy that was made with wait_ms or max_retries is patient. Its calls wait until what they
 * need is there, so the order in which programs start does not matter; a call that was lost is
 * made again if its operation is @idempotent. The pause between attempts is 10 ms at first and
 * doubles up to half a second, less a random half; attempts end with the call's deadline. This
 * holds for blocking calls and pyr_proxy_bind(); for futures, which are ready after the last
 * attempt and need no thread meanwhile; and for batches, which are repeated if each operation in
 * them is @idempotent. It does not hold for streams. pyr_proxy_release() ends all attempts.
 */

/*
 * ---- Many objects ----
 *
 * A proxy of a PYROMETA URI stands for all objects whose names have the tags; a proxy of a shared
 * name for all that are registered under it; a proxy with options.others for those URIs (none of
 * them a PYROMETA) and its own; at most 64. Each call goes to the object with the fewest unanswered
 * calls of this proxy (PYR_PICK_LEAST; those with as few take turns), to one after the other, or to
 * any. Calls with the same key (pyr_call_options) go to the same object as long as it can be
 * reached. One that is lost is left at once, and connected again in the background while the proxy
 * is used; names are looked up again once a second. A call that did not run goes on with another
 * object, and so does one of an @idempotent operation that was lost, at least three times. Streams
 * stay with the object they began with. Hooks may run in threads of the runtime. See
 * docs/proxies.md, "Many servers".
 */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* Sets how often a call of an @idempotent operation, or a batch of such calls, may be repeated,
 * from the next call on. 0: the default; PYR_NONE: never. */
void pyr_proxy_set_max_retries(pyr_proxy *proxy, uint32_t max_retries);

/* Replaces pyr_proxy_options.handshake from the proxy's next bind on. handshake is copied; n of
 * 0: none. INVALID_ARGUMENT beyond PYR_HANDSHAKE_MAX bytes, and for a proxy that is
 * PYR_PLAIN_ONLY. */
int pyr_proxy_set_handshake(pyr_proxy *proxy, const void *handshake, size_t n) PYR_MUST_CHECK;

/*
 * Releases the session like pyr_proxy_release(), then connects and binds again: at most `tries`
 * times (0: without limit), with delay_ms between tries (0: 2,000). Returns 0, or minus the
 * status of the last try: -PYR_UNAVAILABLE "ConnectionClosed: failed to reconnect ...",
 * -PYR_CANCELLED if the proxy was released meanwhile. An error that time does not cure, such as
 * an object of another interface, is returned at once. Unlike a release it keeps streams: their
 * next use continues over the new connection.
 */
int pyr_proxy_reconnect(pyr_proxy *proxy, uint32_t tries, uint32_t delay_ms) PYR_MUST_CHECK;

/* Whether both have the same URI, as given; NULL equals NULL. Equal proxies have equal hashes. */
bool pyr_proxy_equal(const pyr_proxy *a, const pyr_proxy *b);
uint64_t pyr_proxy_hash(const pyr_proxy *proxy);

/* Whether both are known to stand for the same object. Sends nothing: a proxy made from a name and
 * one made from an address are not known to be the same. NULL is the same as NULL. */
bool pyr_proxy_same(pyr_proxy *a, pyr_proxy *b);

/* I_dup() and I_free(), of a proxy whose interface is not known: an Object. Returns: owned; NULL
 * with the last error set. */
pyr_proxy *pyr_proxy_dup(pyr_proxy *proxy);
void pyr_proxy_free(pyr_proxy *proxy); /* NULL: nothing */

/*
 * Sets a callback for the loss of a reference: when the connection over which it came has ended, or
 * the one over which its owner passed it on; unless the object has a URI, it can no longer be
 * called. The callback runs once, without locks, in a method thread of the daemon whose method sets
 * it, else in the callback thread; soon if the connection has ended already. It replaces the one
 * that was set before for this proxy; NULL removes it. Once it was removed, or the proxy freed with
 * I_free(), the callback does not start; both wait for one that is running, unless they are called
 * from within it, so that `data` may be freed then. The callback may free the proxy. Copies
 * (I_dup()) have no callback. Returns 0, also for an object of this process, which is never lost;
 * -PYR_FAILED_PRECONDITION if the proxy was not passed over a connection.
 */
typedef void (*pyr_lost_cb)(pyr_proxy *proxy, void *data);
int pyr_proxy_on_lost(pyr_proxy *proxy, pyr_lost_cb callback, void *data) PYR_MUST_CHECK;

/*
 * Whether an operation can be called: "add" or "example.Server.add"; for an attribute x, "get_x" or
 * "set_x". Binds if necessary; needs no other message. Returns 0; -PYR_UNIMPLEMENTED if the object
 * or the proxy's interface does not have the operation; -PYR_FAILED_PRECONDITION, with both
 * signatures, if the object has a version of it that is not compatible (docs/evolution.md). A
 * server that speaks plain gRPC only cannot say, so the result is 0.
 */
int pyr_proxy_has(pyr_proxy *proxy, const char *operation) PYR_MUST_CHECK;

/* Writes "<example.Server proxy; connected IPv4, socket; for PYRONAME:x>" into buf, cut to n bytes
 * and always terminated (n > 0). The other states are "not connected", and "connected IPv6" and
 * "connected Unix" with the lane: "socket", "gRPC", "plain gRPC" or "process". Returns buf. */
const char *pyr_proxy_text(pyr_proxy *proxy, char *buf, size_t n);

/* The PYRO URI of the object that the proxy is bound to; for a PYRONAME or PYROMETA, the one it was
 * resolved to. It stays the same until the connection ends; then the name is looked up again. *ret:
 * owned, pyr_free(). -PYR_FAILED_PRECONDITION if there is no connection. */
int pyr_proxy_resolved_uri(pyr_proxy *proxy, char **ret) PYR_MUST_CHECK;

/* The local address of the proxy's connection, "127.0.0.1:40123", as the other end sees it; for
 * a unix socket its path, "./u:path". *ret: owned, pyr_free(). -PYR_FAILED_PRECONDITION if there
 * is no connection, or the server speaks plain gRPC only. */
int pyr_proxy_local_address(pyr_proxy *proxy, char **ret) PYR_MUST_CHECK;

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
