/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PROXY_GREET_H
#define PYRITE_PROXY_GREET_H
/* What a proxy says when it binds, and what it makes of the answer. */
#include "proxy/proxy.h"

/* What the options say of handshakes. The proxy's annotations are known. Returns what is wrong,
 * with *code set if that is not INVALID_ARGUMENT, or NULL. */
const char *greet_options(pyr_proxy *proxy, const struct pyr_proxy_options *options, int *code);
/* What the session that is to be opened says and wants of its link: a reference of its ways, or
 * NULL. With the proxy's lock. */
struct session_ways *greet_ways(pyr_proxy *proxy, struct link_wish *ret);
/* Binds the session if the other end's answer is to be looked at, and has it looked at. Returns
 * false with the last error set. n_released: as it was when the session was wanted. No lock is
 * held. */
bool greet(pyr_proxy *proxy, struct session *session, int64_t until, unsigned n_released);
/* Binds, and waits for the answer. Returns 0, or minus a status with the last error set. */
int greet_bind(struct session *session, int64_t until);
#endif
