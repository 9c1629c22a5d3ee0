/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINKS_H
#define PYRITE_LINKS_H
/*
 * The links of this process to daemons, shared by the proxies that go to the same address; and
 * those over sockets that the program had connected itself, each shared by the copies of one proxy.
 */
#include "base/uri.h"
#include "peer/peer.h"

struct given_socket;

/* What a proxy wants of its link; it is shared with those that want the same. */
struct link_wish {
	struct given_socket *given; /* counted by the proxy; NULL: it connects itself */
	/* Whose calls they are, within the process; nothing else is looked at then. Outlives the
	 * proxy. NULL: the process's own. */
	const struct link_visitor *visitor;
	bool is_own;   /* nobody shares it */
	bool in_chain; /* it is for a call of a chain: one that goes away may take that */
	enum pyr_plain plain;
	enum pyr_lane lane; /* not the default */
	uint32_t connect_timeout_ms;
	struct tls_settings *tls; /* counted by the proxy; NULL: PYRITE_KEYS's for TCP, or none */
	bool only_tcp;            /* and for TCP alone */
	/* Counted by the proxy; NULL: the environment's for TCP, or none. Those of the environment
	 * are for TCP in any case. */
	struct key_settings *keys;
	bool has_no_key; /* whatever the environment says */
};

/* A peer for the address of a PYRO uri, connecting if there is none that may be shared. Returns
 * NULL with *problem told. Owned: links_put(). */
struct peer *links_get(const pyr_uri *uri, const struct link_wish *wish,
		       struct uri_problem *problem);
/* Another user of one that had some: returns false if it has none any more. */
bool links_share(struct peer *peer);
/* Gives it back; the last user closes the link. */
void links_put(struct peer *peer);
/* The same, but the link stays until its calls have been answered. */
void links_leave(struct peer *peer);

/*
 * A socket that the program had connected: it carries one link, from the first use on, and is
 * closed with the last proxy that has it. Counted.
 */
struct given_socket {
	atomic_int refs;
	bool is_local;
	char address[128];
	/* the links' lock: */
	int fd;            /* until there is a link; then 0 */
	struct peer *peer; /* one user of it is this; NULL: no link was made */
};

/* Takes fd, also on failure. Returns NULL with *problem told. */
struct given_socket *given_new(int fd, struct uri_problem *problem);
struct given_socket *given_ref(struct given_socket *given);
void given_unref(struct given_socket *given);
/* The uri of an object at its other end, in text; uri itself if it is more than an id. */
const char *given_uri(const struct given_socket *given, const char *uri, char *text, size_t n);
#endif
