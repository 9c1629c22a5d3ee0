/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_SOCKET_H
#define PYRITE_LINK_SOCKET_H
/*
 * Frames straight on a socket, TCP or unix: what two Pyrite ends use, for they need no HTTP/2.
 *
 * Each side first sends FRAME_PREFACE; the client sends no more until it has the server's, so that
 * a server which speaks something else has been told nothing, and another kind of link may be
 * tried. Then come messages: four bytes, little-endian, with a length, and so many bytes of frames.
 * A length of 0 ends the link in good order; a connection that ends without it was lost.
 */
#include "link/link.h"

struct tls;

/* For link_target.kinds. */
link_open link_socket_connect;

/* Takes an accepted socket, and its TLS if it has one (NULL: none), non-blocking, whose preface has
 * been seen and is still unread. In the leader. Owner and events are set by link_start(). NULL, fd
 * closed, when memory is out. */
struct link *link_socket_accept(int fd, struct tls *tls, const char *address, bool is_local);
#endif
