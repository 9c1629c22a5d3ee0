/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PROXIES_H
#define PYRITE_PROXIES_H
/*
 * More about proxies; <pyrite/pyrite.h> includes it. A generated proxy is handed over by its
 * I_as_proxy(). Nothing here needs a connection but what says so.
 *
 * A proxy is patient when it was made with wait_ms or max_retries: a call then waits until what it
 * is for is there, so that it does not matter who starts first, and is made again after a loss if
 * its operation is @idempotent. Attempts follow each other after 10 ms, then after twice as long
 * each time, up to half a second, a random half of it left out; never beyond the call's deadline.
 * Both hold for blocking calls and pyr_proxy_bind(), for futures, which are ready after the last
 * attempt and need no thread meanwhile, and for batches, which are made again if each operation in
 * them is @idempotent. They do not hold for streams. pyr_proxy_release() ends all attempts.
 */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* How often a call of an @idempotent operation, or a batch of such, may be made again from the next
 * one on; 0: the default, PYR_NONE: never. */
void pyr_proxy_set_max_retries(pyr_proxy *proxy, uint32_t max_retries);

/*
 * What the proxy says from its next bind on, instead of pyr_proxy_options.handshake; n: 0 is
 * nothing. handshake is copied. INVALID_ARGUMENT beyond PYR_HANDSHAKE_MAX bytes, and for a proxy
 * that is PYR_PLAIN_ONLY. Source: Pyro's _pyroHandshake.
 */
int pyr_proxy_set_handshake(pyr_proxy *proxy, const void *handshake, size_t n) PYR_MUST_CHECK;

/*
 * Lets the connection go, as pyr_proxy_release(), and connects and binds anew: at most `tries`
 * times (0: without end), delay_ms after each other (0: 2,000). Returns 0, or minus the status of
 * the last try: -PYR_UNAVAILABLE "ConnectionClosed: failed to reconnect ...", -PYR_CANCELLED if the
 * proxy was released meanwhile; at once what time does not mend, as an interface of another kind.
 * Other than by a release, streams are kept: their next use goes on over the new connection.
 * Source: Pyro's _pyroReconnect.
 */
int pyr_proxy_reconnect(pyr_proxy *proxy, uint32_t tries, uint32_t delay_ms) PYR_MUST_CHECK;

/* Whether both have the same URI, as given; NULL equals NULL. Equal proxies have equal hashes. */
bool pyr_proxy_equal(const pyr_proxy *a, const pyr_proxy *b);
uint64_t pyr_proxy_hash(const pyr_proxy *proxy);

/*
 * Whether an operation ("add", or "example.Server.add"; of an attribute x "get_x" or "set_x") can
 * be called: binds if need be, then asks nobody. Returns 0; -PYR_UNIMPLEMENTED if the object or the
 * proxy's interface does not have it; -PYR_FAILED_PRECONDITION with both signatures if it stands
 * there in a version that does not go with this one (docs/evolution.md). A server that speaks plain
 * gRPC only does not tell: 0. Source: Pyro's hasattr().
 */
int pyr_proxy_has(pyr_proxy *proxy, const char *operation) PYR_MUST_CHECK;

/*
 * Writes "<example.Server proxy; connected IPv4; for PYRONAME:x>" into buf, cut to n bytes, always
 * terminated (n > 0); "not connected", "connected IPv6" and "connected Unix" are the others.
 * Returns buf. Source: Pyro's repr().
 */
const char *pyr_proxy_text(pyr_proxy *proxy, char *buf, size_t n);

/*
 * The PYRO uri of the object the proxy is bound to, for a PYRONAME or PYROMETA what it has led to;
 * it stays that object's until the connection ends, then the name is looked up again. *ret: owned,
 * pyr_free(). -PYR_FAILED_PRECONDITION while there is no connection. Source: Pyro's _pyroUri after
 * _pyroBind.
 */
int pyr_proxy_resolved_uri(pyr_proxy *proxy, char **ret) PYR_MUST_CHECK;

/*
 * Where the proxy's connection comes from, "127.0.0.1:40123", as the other end sees it; over a unix
 * socket the socket's path, "./u:path". *ret: owned, pyr_free(). -PYR_FAILED_PRECONDITION while
 * there is no connection, and with a server that speaks plain gRPC only. Source: Pyro's
 * _pyroLocalSocket.
 */
int pyr_proxy_local_address(pyr_proxy *proxy, char **ret) PYR_MUST_CHECK;

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
