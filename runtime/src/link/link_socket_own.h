/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_SOCKET_OWN_H
#define PYRITE_LINK_SOCKET_OWN_H
/* A link over a socket from the inside: link_socket.c, what it reads in link_socket_in.c. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "engine/engine.h"
#include "link/link_dial.h"
#include "link/link_socket.h"
#include "tls/tls.h"
#include "wire/frame.h"

enum {
	HEAD = 4, /* bytes of a message's length */
	PREFACE = sizeof(FRAME_PREFACE) - 1
};

enum socket_state {
	DIALING,  /* a client that has no connection yet */
	SHAKING,  /* a client whose TLS is not agreed on yet */
	GREETING, /* the other end's preface has yet to come */
	OPEN
};

struct socket_link {
	struct link link;
	atomic_int refs;
	struct engine_source source; /* lock, to change its fd: -1 for none */
	struct dial *dial;           /* leader: while DIALING */
	struct engine_hook ending;   /* the leader is to look at is_closing */
	atomic_bool is_looked_at;    /* that hook waits */
	struct engine_hook sent;     /* a large message: written() is told after the next poll */
	/* Of the leader: */
	uint8_t *kept; /* the beginning of a message, while others use the scratch */
	size_t n_kept;
	bool is_greeted;  /* the other end's preface came */
	bool is_reached;  /* what is written is sent: something may have come there */
	bool has_ended;   /* the other end has said so */
	bool is_finished; /* closed() was called */
	bool is_client;
	struct tls_settings *wanted; /* a client's: counted; NULL: no TLS */
	char *host;                  /* of a client with TLS: whom it wants to reach */

	pthread_mutex_t lock; /* after the owner's; guards: */
	enum socket_state state;
	struct tls *tls;    /* constant once the state is GREETING; its use needs the lock */
	uint8_t head[HEAD]; /* of the message being written */
	const struct link_message *message; /* the owner's; NULL: the head is all */
	size_t n_out;                       /* bytes of head and message yet to be sent */
	bool is_writing;                    /* written() is to be told, */
	bool is_put_off;                    /* but after the next poll: the hook `sent` waits */
	bool is_deaf;   /* what comes is of no use any more; changed by the leader alone */
	bool is_behind; /* TLS has more, which is to be read soon */
	bool is_closing, close_after;
	int close_code; /* told instead of the network's when this end closed */
	char close_text[256];
};

/* Tells the owner that it is over, unless it was told: end, or what this end closed it with. In the
 * leader. */
void socket_finish(struct socket_link *l, struct link_end end);
/* The connection was lost: number is why, 0 for no reason. In the leader. */
void socket_lost(struct socket_link *l, int number);
/* What the engine is to tell of. With the lock. */
void socket_watch(struct socket_link *l);
void socket_close(struct link *link, int code, const char *text);
/* Takes what has come. In the leader. */
void socket_read(struct socket_link *l);
/* It reads no more. In the leader. */
void socket_forget(struct socket_link *l);

/* ---- link_socket_tls.c ---- */

/* A client's connection stands: TLS is to be agreed on. Takes fd. Returns false when memory is
 * out. */
bool socket_shake_begin(struct socket_link *l, int fd);
/* Goes on with it. Returns true once the connection is to be greeted. In the leader. */
bool socket_shake(struct socket_link *l);
/* As recv() with what it has decrypted, but -2 if TLS is broken: tls_why(). In the leader, without
 * the lock. */
ssize_t socket_tls_receive(struct socket_link *l, void *to, size_t n);
/* There is more that TLS has read, and the system does not tell of. */
bool socket_tls_has_more(struct socket_link *l);
/* Sends what the socket takes of the message. Returns 0, or an errno. With the lock. */
int socket_tls_send(struct socket_link *l);
/* For link_kind.bond. */
enum link_bond socket_tls_bond(struct link *link, uint8_t ret[LINK_BOND]);
/* Sends all of it, on a connection just made. Returns false if not. With the lock. */
bool socket_tls_send_all(struct socket_link *l, const char *p, size_t n);
#endif
