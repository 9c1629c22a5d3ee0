/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_DOOR_LINKS_H
#define PYRITE_DOOR_LINKS_H
/*
 * The connections of a door, by descriptor. Not locked: the door's lock is held around everything
 * in here.
 *
 * A connection counts until its descriptor is really closed, and core, who owns it after the
 * hand-over, tells nobody when it does that. A dup would keep the socket alive, and epoll forgets a
 * closed descriptor without a word. So a record holds the socket's inode, and whether it is still
 * open is asked when somebody wants to know: when the cap seems reached, when connections are
 * counted, one is cut or looked up. That costs an fstat() each, 0.3 us measured, 0.6 ms for 2,000.
 * A number that accept() gives out again proves for free that its former owner is gone. No tick, no
 * poll: an idle door with idle connections never wakes up.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "door/door.h"
#include "door/door_sources.h"

#define DOOR_FD_BITS                                                                               \
	24 /* of an id: its low bits are the descriptor, the others a serial number                \
	    */
#define DOOR_FD_MAX ((1 << DOOR_FD_BITS) - 1)

struct door_link {
	struct door_peer peer;
	dev_t dev;
	ino_t ino;
	bool waiting;    /* has not shown its protocol: still the door's own */
	struct tls *tls; /* waiting: it has begun TLS */
	bool is_shaken;  /* and that is agreed on */
	bool is_held;    /* waiting: its source has begun TLS too often */
	struct door_source source;
	int64_t until_ms;                  /* waiting: when it is closed */
	struct door_link *previous, *next; /* waiting: oldest first */
};

struct door_links {
	struct door_link **by_fd;
	size_t size; /* of by_fd */
	unsigned count;
	uint64_t serial;
	struct door_link *first, *last; /* of those waiting */
};

int door_link_fd(const struct door_link *link);

/* Adds fd as waiting; the record is the table's, the caller fills in the peer, all but its id.
 * Returns NULL if memory is out or the number too large. */
struct door_link *door_links_add(struct door_links *links, int fd);

/* The connection with this id; NULL if it is known to be gone. */
struct door_link *door_links_find(struct door_links *links, uint64_t id);

/* The open connection behind fd; NULL if there is none. */
struct door_link *door_links_at(struct door_links *links, int fd);

/* It is waiting no more; not for one that was handed over before. */
void door_links_settle(struct door_links *links, struct door_link *link);
void door_links_remove(struct door_links *links, struct door_link *link);

/* Removes those that core has closed. */
void door_links_sweep(struct door_links *links);
void door_links_clear(struct door_links *links);

/* Shuts down what fd is, if it still is this connection. spare: a descriptor that may be closed and
 * opened again when there is no other. */
bool door_link_shutdown(const struct door_link *link, int *spare);

/* How many there may be where nobody says: half of the descriptors that are left, for a connection
 * may cost its user another one. */
unsigned door_links_default_max(void);

/* A descriptor kept for the moment when there are no more; -1 if it cannot be had. */
int door_spare_open(void);
#endif
