/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CALL_WISH_H
#define PYRITE_CALL_WISH_H
/* What I_with() has said of the thread's next call through a proxy. */
#include <pyrite/pyrite.h>

struct call_wish {
	const pyr_proxy *proxy; /* not counted; NULL: nothing */
	struct pyr_call_options options;
};
/* Exchanges the thread's with another's. */
void wish_swap(struct call_wish *other);
/* The options of a call through the proxy, which take effect once; NULL: there are none. Borrowed
 * until the next I_with(). */
const struct pyr_call_options *wish_take(const pyr_proxy *proxy);
/* Whether there are some, which stay. */
bool wish_is_for(const pyr_proxy *proxy);
#endif
