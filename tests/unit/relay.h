/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_RELAY_H
#define PYRITE_TEST_RELAY_H
/*
 * A wire between proxies and a daemon that can be cut: listens as the daemon does (TCP or a unix
 * socket), passes bytes both ways, and closes all connections when it is told, or after so many
 * bytes. One thread; what it does for a caller is done when the function returns.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { RELAY_PAIRS = 16 };

struct relay_end {
	int fd; /* -1: closed */
	size_t n, at;
	uint8_t data[65536]; /* that came here, to be passed to the other */
};

struct relay_pair {
	struct relay_end near, far; /* the proxy's, the daemon's */
};

struct relay {
	char address[160]; /* of a URI */
	char to[160];      /* the daemon's */
	int fd, orders[2]; /* orders: a pipe */
	pthread_t thread;
	struct relay_pair pairs[RELAY_PAIRS];
	size_t n_pairs;
	bool is_paused;
	pthread_mutex_t lock;
	pthread_cond_t obeyed;
	int n_given, n_obeyed;   /* orders; lock */
	atomic_llong budget;     /* bytes until it cuts by itself; negative: never */
	atomic_int n_cuts;       /* so often it did */
	atomic_int n_taken;      /* connections that came */
	atomic_bool is_refusing; /* closes new connections at once */
};

/* address: of the daemon. Returns false if there is no socket to be had. */
bool relay_open(struct relay *relay, const char *address);
void relay_close(struct relay *relay);
/* Closes all connections, at both ends. */
void relay_cut(struct relay *relay);
/* The same, but the daemon does not hear of it. */
void relay_cut_near(struct relay *relay);
/* Passes nothing on, until it goes on, or cuts. */
void relay_pause(struct relay *relay);
void relay_go_on(struct relay *relay);
/* Cuts after so many more bytes, both ways together. */
void relay_cut_after(struct relay *relay, long long n);
/* New connections go to another daemon. */
void relay_redirect(struct relay *relay, const char *address);
#endif
