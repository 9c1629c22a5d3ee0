/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_PUMP_H
#define PYRITE_LINK_PUMP_H
/*
 * Moves the bytes of a connection to gRPC core and back. It runs in the leader; core is given one
 * end of a socket pair. With TLS, bytes are decrypted and encrypted here, so that TLS and the
 * certificates of peers are handled as for connections that carry frames. What comes as HTTP/2,
 * with TLS or without, passes a guard first (h2_guard.h). This costs two more copies, which
 * connections that carry frames do not have.
 */
#include <stdbool.h>

struct budget;
struct tls;

/* Makes a socket pair as core wants it: [1] is for core. Returns false when descriptors are out. */
bool pump_pair(int ret[2]);

/* For a server. Takes fd and tls; tls: the handshake is done, or NULL. budget: if HTTP/2 comes,
 * from its first byte on: the connection's, which counts the calls that core hands over. While more
 * than PUMP_AHEAD others are on their way, no more is read. NULL: something else comes. Returns
 * core's end, non-blocking; -1, with both closed, when memory is out or an eighth of the
 * descriptors is left. Any thread. */
enum { PUMP_AHEAD = 256 };
int pump_begin(int fd, struct tls *tls, struct budget *budget);

/* In the leader. */
struct pump_events {
	/* The first frame has come from the server, so it speaks HTTP/2 and accepts the connection:
	 * with TLS 1.3 the handshake is over before the server has seen the client's certificate.
	 * tls: NULL if there is none. */
	void (*heard)(void *data, const struct tls *tls);
	/* The last event; core does not know yet. code: 0: it ended, why is "";
	 * PYR_UNAUTHENTICATED: what was wrong with TLS; PYR_FAILED_PRECONDITION: the server does
	 * not speak HTTP/2; PYR_RESOURCE_EXHAUSTED: it sends too long headers. */
	void (*ended)(void *data, int code, const char *why);
};

/* For a client; inner: [0] of the pair. tls: the handshake is done, or NULL. Until the server is
 * heard, it is sent the preface and core's SETTINGS alone, so that no call can have reached it.
 * Takes fd, tls and inner; events may come before this returns. Returns false, with nothing taken,
 * when memory is out. In the leader. */
bool pump_run(int fd, struct tls *tls, int inner, const struct pump_events *events, void *data);
#endif
