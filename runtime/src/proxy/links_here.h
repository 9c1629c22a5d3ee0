/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINKS_HERE_H
#define PYRITE_LINKS_HERE_H
/* The link of the process with itself, over which objects that are not registered are called by
 * who has them here. */
#include "peer/peer.h"

/* Its calling end, made at first use and never ended. Borrowed; NULL when memory is out. */
struct peer *links_here(void);
#endif
