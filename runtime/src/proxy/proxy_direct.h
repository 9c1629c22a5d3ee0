/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PROXY_DIRECT_H
#define PYRITE_PROXY_DIRECT_H
/* Calls of a proxy whose daemon is in its process, as far as they need no frames. */
#include "proxy/proxy.h"

enum { PROXY_BY_FRAMES = 1 };

/* Whether such a call is one that may do without. */
bool proxy_goes_direct(pyr_proxy *proxy, unsigned operation);
/* Makes it. Returns 0, minus a status with the last error set, or that it must go by frames. */
int proxy_call_direct(pyr_proxy *proxy, unsigned operation, pyr__in *in, void *const *out);
#endif
