/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_REACH_H
#define PYRITE_NS_REACH_H
/* Whether an address that is registered leads others anywhere. */
#include <stdbool.h>

/* own: the name server's address; from: of whoever registers the uri. True if he is on another
 * host, and the uri leads every host to itself. */
bool reach_is_none(const char *own, const char *from, const char *uri);
#endif
