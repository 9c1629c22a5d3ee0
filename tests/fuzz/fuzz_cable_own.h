/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FUZZ_CABLE_OWN_H
#define PYRITE_FUZZ_CABLE_OWN_H
/* A cable from the inside: fuzz_cable.c has what goes over it, fuzz_cable_ends.c how it comes to
 * be. */
#include "base/uri.h"
#include "engine/engine.h"
#include "fuzz_cable.h"
#include "link/link_socket_own.h"

struct cable {
	struct fake *fake;
	struct link *_Atomic inner; /* the library's; NULL: not yet */
	/* The link over a socket behind that: itself, or what link_auto has just now. */
	struct socket_link *_Atomic ends;
	pyr_uri *uri;          /* where a proxy's goes */
	bool has_second;       /* two attempts may be made */
	bool is_refused_first; /* the first comes to a stranger */
	atomic_uint n_attempts;
	struct chance chance;
	int fd;           /* the model's end; -1: there is none, or no more */
	struct tls *tls;  /* over it; NULL: none */
	bool has_names;   /* it is a unix socket, not of TCP */
	struct buf out;   /* to be sent */
	size_t n_sent;    /* of out */
	size_t n_begun;   /* of the rest: what TLS has begun to send */
	struct buf in;    /* what came, without the preface and whole messages */
	size_t n_preface; /* bytes of it that came */
	bool has_ended, is_eof;
	bool is_spoilt;   /* what was sent may be an end */
	bool is_accepted; /* by the daemon */
	bool was_closing; /* the library wanted it to end before it did; the fake's lock */
};

enum { WAIT_S = 100 };

struct cable *cable_new(struct fake *fake, uint64_t seed);
/* What the library's link tells goes to the fake's owner. */
extern const struct link_events cable_events;
void cable_be_like(struct fake *fake, const struct link *inner);
/* Its end was told. */
bool cable_is_over(struct cable *w);
/* Sends what is to be sent, in pieces, between which the library reads, or does not. all: until
 * nothing is left; else as far as chance has it. */
void cable_push(struct cable *w, bool all);
/* What has come is handled, as between two polls of the leader: from within a step. */
void cable_pump(void);
/* Pumps until it is so. */
void cable_wait(struct cable *w, bool (*is_so)(struct cable *w), const char *what);
/* Ends a connection by RST. */
void cable_reset(int fd);
#endif
