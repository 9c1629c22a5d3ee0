/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_DOOR_LISTEN_H
#define PYRITE_DOOR_LISTEN_H
/*
 * The listening sockets of a door. A host name may stand for several addresses: all are listened
 * on, on one port. A unix socket is guarded by a lock file beside it, "<path>.lock", held with
 * flock() as long as the door is open: who holds it, and only he, may remove and create the socket,
 * so a living one is never stolen and a dead one always replaced.
 */
#include <sys/socket.h>
#include <sys/types.h>

#include "door/door.h"

#define DOOR_LISTENERS_MAX 8

struct door_listeners {
	int n;
	int fds[DOOR_LISTENERS_MAX];
	uint16_t port;
	char address[DOOR_ADDRESS_MAX];
	bool is_unix;
	char path[108]; /* of the unix socket that we made, else "" */
	int lock;       /* of that path, else -1 */
	dev_t dev;      /* the socket as we made it */
	ino_t ino;
};

/* Returns 0, or minus a status with *problem told and nothing left open. */
int door_listeners_open(struct door_listeners *listeners, const struct door_options *options,
			struct door_problem *problem);
void door_listeners_close(struct door_listeners *listeners);

/* The ways, door_listen.c, door_unix.c and door_given.c. */
int door_listen_tcp(struct door_listeners *listeners, const struct door_options *options,
		    struct door_problem *problem);
int door_listen_unix(struct door_listeners *listeners, const struct door_options *options,
		     struct door_problem *problem);
/* Whether others can put their own socket in the place of that at path: then it is refused. */
int door_check_folder(const char *path, struct door_problem *problem);
void door_unlisten_unix(struct door_listeners *listeners);
/* Takes options->fd. Its path, if it has one, stays with who made it. */
int door_listen_given(struct door_listeners *listeners, const struct door_options *options,
		      struct door_problem *problem);

/* Refuses what others than this host can reach, unless that is asked for. */
int door_check_reach(const struct sockaddr *sa, socklen_t n, const struct door_options *options,
		     struct door_problem *problem);

/* Tells a problem. Returns minus the code. */
int door_fail(struct door_problem *problem, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The status for an errno of a call that has to do with an address. */
int door_errno_status(int number);

/* What accept4() may say without being at fault itself: accept(2), "Error handling". */
bool door_is_transient(int number);

/* "127.0.0.1:80" or "[::1]:80"; an IPv4 address inside IPv6 is written as IPv4. */
void door_format_address(const struct sockaddr *sa, socklen_t n, char *ret, size_t size);
/* Of an IPv4 or IPv6 address. */
uint16_t door_port_of(const struct sockaddr *sa);
bool door_is_loopback(const struct sockaddr *sa);
/* Copies sa; an IPv4 address inside IPv6 becomes IPv4. Returns false for any other family. */
bool door_plain_address(const struct sockaddr *sa, struct sockaddr_storage *ret);
/* Who is at the other end of a connected socket, but for its id. Returns false, the address "?",
 * if nobody is. */
bool door_describe(int fd, struct door_peer *ret);
/* Whether both addresses are one, ports apart. */
bool door_is_same_host(const struct sockaddr *a, const struct sockaddr *b);
#endif
