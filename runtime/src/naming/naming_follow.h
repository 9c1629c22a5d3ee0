/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMING_FOLLOW_H
#define PYRITE_NAMING_FOLLOW_H
/*
 * What proxies of this process are told of their names (proxy/proxy_follow.h). Each name that one
 * of them stands for, or set of tags, is watched once: from a moment after the first of them began
 * until a while after the last one is gone, so that proxies that come and go cost the name server
 * nothing more. What is known of it is kept here, as far as it is not too much: a proxy of more
 * looks its names up, as it does where a name server refuses to be watched.
 *
 * A watch is begun and left by a timer of the runtime's thread. One lock for all, which may be
 * taken under a proxy's or a peer's; under it only the timers' is taken.
 */
#include "proxy/proxy_follow.h"

enum {
	FOLLOW_ITEMS = 1024,       /* registrations of a name or with tags that are kept, */
	FOLLOW_BYTES = 256 * 1024, /* with their texts */
	FOLLOW_START_MS = 100,     /* until a name is watched: not for a call or two */
	FOLLOW_LINGER_MS = 1000,   /* for which it still is when nobody needs it, if few are */
	FOLLOW_AGAIN_MS = 60000    /* before one that refused is asked again */
};

extern const struct follow_kind naming_follow;
#endif
