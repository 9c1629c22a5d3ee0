/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_PUMP_H
#define PYRITE_LINK_PUMP_H
/*
 * HTTP/2 on its way to and from core, in the leader: core is given one end of a socket pair. With
 * TLS, bytes are decrypted and encrypted here, so at either end TLS is the same as where frames
 * travel, and peers are known by their certificates. What a server hears of
 * other hosts, with TLS or without, passes a guard first (h2_guard.h). That costs two more copies;
 * what speaks frames has none of it.
 */
#include <stdbool.h>

struct tls;

/* A socket pair as core wants it: [1] is for core. Returns false when descriptors are out. */
bool pump_pair(int ret[2]);

/* A server's. Takes both; tls: the handshake done, or NULL. is_http2: what comes is HTTP/2, from
 * its first byte on. Returns core's end, non-blocking; -1, both gone, when memory or descriptors
 * are out. Any thread. */
int pump_begin(int fd, struct tls *tls, bool is_http2);

/* In the leader. */
struct pump_events {
	/* The server has said something: it accepts the connection. With TLS 1.3 the handshake was
	 * over before it had seen the client's certificate. */
	void (*heard)(void *data, const struct tls *tls);
	/* Once, the last; core does not know yet. why: what was wrong with TLS, "" if nothing. */
	void (*ended)(void *data, const char *why);
};

/* A client's, the handshake done; inner: [0] of the pair. Takes all three; events may come before
 * this returns. Returns false, nothing taken, when memory is out. In the leader. */
bool pump_run(int fd, struct tls *tls, int inner, const struct pump_events *events, void *data);
#endif
