/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PROXY_LOST_H
#define PYRITE_PROXY_LOST_H
#include "proxy/proxy.h"

/* Nobody is told any more; waits for a callback that runs. Without locks. */
void proxy_lost_forget(pyr_proxy *proxy);
#endif
