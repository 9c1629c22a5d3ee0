/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PROXY_SESSION_H
#define PYRITE_PROXY_SESSION_H
/* The session of a proxy: one thread opens it, for all who want it meanwhile. */
#include "proxy/proxy.h"

/*
 * Follows a PYRONAME or PYROMETA to the PYRO uri of an object, which takes a proxy of its own: so
 * it is set by naming when the library is loaded. Blocks, at most timeout_ms. *ret: owned,
 * pyr_uri_free(). Returns 0, or minus a status with the last error set. A PYRO uri is copied.
 */
typedef int proxy_resolver(const pyr_uri *uri, uint32_t timeout_ms, pyr_uri **ret);
/* open: the same, but returns 1, with *ret untouched, for the PYRONAME of a shared name. */
void proxy_set_resolver(proxy_resolver *resolver, proxy_resolver *open);

/* A session to call in, opened if need be: a new reference. Returns NULL with the last error set.
 */
struct session *proxy_session(pyr_proxy *proxy);
/* The same; a look-up ends with DEADLINE_EXCEEDED at `until`. again: the call was refused once, so
 * none that is kept for calls of chains will do. */
struct session *proxy_session_until(pyr_proxy *proxy, int64_t until, bool again);
/* The same for a call that is not made again once it has left: the other end is asked first whether
 * it takes the call's chain, if it goes away. */
struct session *proxy_session_for_once(pyr_proxy *proxy, int64_t until, bool again);
/* The session at hand if calls may be made in it, a new reference; NULL if it is to be opened. */
struct session *proxy_open_session(pyr_proxy *proxy);
/* The same if its connection stands. */
struct session *proxy_connected_session(pyr_proxy *proxy);
/* Its session, a new reference, if is_well() says so; else NULL. */
struct session *proxy_session_that(pyr_proxy *proxy, bool (*is_well)(struct peer *peer));
/* The session is of no more use, but perhaps to calls of chains: the next call opens another. */
void proxy_forget(pyr_proxy *proxy, struct session *session);
/* Gives up all it has; calls that run go on. */
void proxy_leave(pyr_proxy *proxy);
/* Ends its session, as pyr_proxy_release(). keep_streams: those that can be resumed wait for
 * another. */
void proxy_release(pyr_proxy *proxy, bool keep_streams);
#endif
