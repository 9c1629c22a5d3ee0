/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_RELAY_H
#define PYRITE_TEST_RELAY_H
/*
 * A relay between callers and a daemon that does to connections what networks do: listens as the
 * daemon does (TCP or a unix socket), passes bytes both ways, and delays, trickles, swallows,
 * flips, cuts and resets as it is told. Near is the end of the caller, far that of the daemon. One
 * thread carries all connections; what a function orders is done when it returns. fault-relay
 * (main.c) is the same as a program.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The directions of a connection, for functions that take several. */
enum { RELAY_THERE = 1, RELAY_BACK = 2, RELAY_BOTH = 3 };

/* What happens to bytes in one direction of each connection; all zero: they pass. */
struct relay_fault {
	uint32_t delay_ms;
	uint32_t piece;       /* bytes that leave at a time; 0: as many as there are */
	uint32_t interval_us; /* between two pieces */
	uint32_t late_permil; /* of the chunks that are read: so many are late_ms late, and what */
	uint32_t late_ms;     /* follows waits behind them, as after a lost packet */
	bool is_hole;         /* read and dropped; so is the end of the connection */
	bool is_stopped;      /* neither read nor written; an end is not noticed */
	uint64_t flip_at;     /* the byte with this number, from 1, is changed; 0: none */
	uint8_t flip_mask;    /* by these bits */
	uint64_t cut_at;      /* after so many bytes both ends get an RST; 0: never */
};

struct relay_chunk {
	struct relay_chunk *next;
	int64_t due;  /* ns */
	size_t n, at; /* n = 0: the end */
	uint8_t data[];
};

struct relay_way {
	int *from, *to; /* the ends' descriptors, -1: closed */
	struct relay_chunk *head, **tail;
	size_t held;
	uint64_t n_read, n_sent;
	int64_t next_piece; /* ns */
	bool is_read;       /* the end was read */
	bool is_ended;      /* and passed on */
	bool has_lost;      /* bytes were swallowed: what follows makes no sense */
};

struct relay_pair {
	int near, far;
	struct relay_way there, back;
	size_t poll_at;
};

enum relay_what {
	RELAY_SET,
	RELAY_GET,
	RELAY_HEAL,
	RELAY_RESET,
	RELAY_RESET_NEAR,
	RELAY_RESET_FAR,
	RELAY_END_NEAR,
	RELAY_END_FAR,
	RELAY_HALF_OPEN,
	RELAY_REDIRECT,
	RELAY_COUNT,
	RELAY_QUIT
};

struct relay_order {
	enum relay_what what;
	struct relay_fault there, back;
	const char *to;
	size_t n_open;
	uint64_t n_there, n_back; /* bytes passed, of all connections so far */
};

struct relay {
	char address[160]; /* of a URI */
	char to[160];      /* the daemon's */
	int fd, orders[2]; /* orders: a pipe */
	pthread_t thread;
	struct relay_pair **pairs; /* these of the thread */
	struct pollfd *polls;
	size_t n_pairs, max_pairs;
	struct relay_fault there, back;
	uint64_t n_there, n_back;
	uint32_t chance;
	pthread_mutex_t lock;
	pthread_cond_t obeyed;
	struct relay_order *order; /* lock */
	atomic_llong budget;       /* bytes both ways until it cuts by itself; negative: never */
	atomic_int n_cuts;         /* so often it did */
	atomic_int n_taken;        /* connections that came */
	atomic_bool is_refusing;   /* resets new connections at once */
	atomic_bool is_mute;       /* takes new connections, and leads them nowhere */
};

/* address: of the daemon. own: where to listen, NULL: on a port of its own, or for a unix socket
 * beside it. Returns false if there is no socket to be had. */
bool relay_open_at(struct relay *relay, const char *address, const char *own);
bool relay_open(struct relay *relay, const char *address);
void relay_close(struct relay *relay);

/* What happens to bytes from now on, of connections that are there as well. */
void relay_set(struct relay *relay, const struct relay_fault *there,
	       const struct relay_fault *back);
void relay_get(struct relay *relay, struct relay_fault *ret_there, struct relay_fault *ret_back);
/* All is well again; connections that have lost bytes are reset. */
void relay_heal(struct relay *relay);
/* Any other order. */
void relay_tell(struct relay *relay, struct relay_order *order);

/* Resets all connections, at both ends. */
void relay_cut(struct relay *relay);
/* The same, but the daemon does not hear of it. */
void relay_cut_near(struct relay *relay);
/* Passes nothing on, until it goes on, or cuts. */
void relay_pause(struct relay *relay);
void relay_go_on(struct relay *relay);
/* Cuts after so many more bytes, both ways together. */
void relay_cut_after(struct relay *relay, long long n);
/* New connections go to another daemon; the old ones are cut. */
void relay_redirect(struct relay *relay, const char *address);
#endif
