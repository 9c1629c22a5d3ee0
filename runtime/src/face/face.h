/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FACE_H
#define PYRITE_FACE_H
/*
 * A face: another protocol at a daemon's one port, told apart from the others by the first bytes of
 * a connection. It speaks for programs that have no Pyrite, and is a client of its own daemon: for
 * each connection it has a visitor (visitor.h), whose proxies call the daemon's objects. So
 * sessions, order, limits, rules, deadlines, cancels, streams and drain are those of any link, and
 * a face has none of that itself. It bounds what is its own: connections, threads, the size of
 * requests and the time that one may take to come.
 *
 * Lifetime: open() when the first connection of its protocol comes, then take() for each, both in
 * the door's thread. Once the door is closed stop(), in any thread, and free().
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/faces.h"
#include "door/door.h"

struct audit;
struct key_settings;
struct link_place;
struct object_table;
struct rules;

/* What a daemon lends its faces; all of it outlives them. */
struct face_host {
	struct object_table *objects;
	const struct link_place *place;
	const char *address;                           /* as the daemon's URIs give it */
	uint32_t max_message;                          /* bytes of a request or reply */
	unsigned max_calls;                            /* unanswered of a connection */
	uint32_t stream_lifetime_ms, stream_linger_ms; /* 0: for ever; 0: not at all */
	unsigned faces;                                /* enum face_name: those that are on */
	struct key_settings *keys; /* NULL: the daemon wants no shared key proved */
	bool has_tls;              /* who comes in speaks TLS; the face does not see it */
	bool is_guarded;           /* the daemon looks at handshakes */
	struct rules *rules;       /* NULL: everybody may all */
	struct audit *audit;       /* NULL: there is none */
};

struct face;

struct face_kind {
	enum face_name name;
	enum door_protocol protocol;
	/* Returns NULL when memory, descriptors or threads are out. */
	struct face *(*open)(const struct face_host *host);
	/* Takes fd, which is non-blocking and whose first bytes are unread. who is borrowed. */
	void (*take)(struct face *face, int fd, const struct door_peer *who);
	/* The daemon drains: idle connections are closed, requests that run are answered. Does not
	 * wait; also twice. */
	void (*stop)(struct face *face);
	/* Ends all, waits for its threads, frees. The daemon's links were cut, and what its objects
	 * are called with is still there. Not in the leader. */
	void (*free)(struct face *face);
};
#endif
