/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PROXY_TERMS_H
#define PYRITE_PROXY_TERMS_H
/* What is said of a call: its own options, then its proxy's, its operation's, the settings'. */
#include "outcall/outcall.h"
#include "proxy/proxy.h"

/* Of a call that starts now, in the calling thread: takes the thread's options of its next call,
 * what they point to must live until it has been started. */
void proxy_terms(pyr_proxy *proxy, unsigned operation, struct call_terms *ret);
#endif
