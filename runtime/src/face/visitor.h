/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_VISITOR_H
#define PYRITE_VISITOR_H
/*
 * Somebody who came to a daemon by the protocol of a face, and what calls the daemon's objects for
 * him: proxies over a link within the process that is taken for his own, with his address and what
 * he proved. One user at a time, but for visitor_end().
 */
#include <pyrite/pyrite.h>

#include "door/door.h"

struct face_host;
struct visitor;

enum { VISITOR_OBJECTS = 1024 }; /* that one may have to do with */

/* Returns: owned, visitor_free(); NULL when memory is out. */
struct visitor *visitor_new(const struct face_host *host, const struct door_peer *who);

/*
 * The proxy for that object of the daemon: the same each time, so that it has one session, as long
 * as the object is there. options: of a new one; NULL: the standard. Returns: borrowed, until the
 * visitor calls another object or is freed; NULL with the last error set: NOT_FOUND "no object 'x'
 * at 127.0.0.1:4000".
 */
pyr_proxy *visitor_proxy(struct visitor *visitor, const char *id,
			 const struct pyr_proxy_options *options);

/* He is gone: his calls end as CANCELLED, and he can make no others. Any thread. */
void visitor_end(struct visitor *visitor);
/* Ends him, and frees. NULL: nothing. */
void visitor_free(struct visitor *visitor);
#endif
