/* SPDX-License-Identifier: MIT */
#ifndef FLOW_SERVANT_H
#define FLOW_SERVANT_H
/* A flow.Flow that tells what its methods saw, and a daemon for it that runs in a thread. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "flow.h"

struct flow_place {
	pyr_daemon *daemon;
	const char *uri;
	char socket[108];
	pthread_t thread;
	struct flow_Flow *self; /* what relay() calls: its own object, or NULL */
	atomic_int n_yielded;   /* items, by all methods */
	atomic_ullong n_bytes;  /* of blocks() */
	atomic_int n_read;      /* items that methods have read */
	atomic_int status;      /* what the last method that failed got from its stream */
	atomic_int n_ended;     /* methods that returned */
	atomic_int n_seen;      /* items of busy(), by its caller: it waits for that */
	bool has_threads;       /* it is no serial daemon */
	int result;
};

/* How a daemon is reached and how it runs its methods. */
struct flow_variant {
	const char *name;
	unsigned threads; /* 1: serial */
	bool is_unix;
	uint32_t stream_lifetime_ms, stream_linger_ms, drain_ms;
	pyr_connect_cb on_connect;
	pyr_call_error_cb on_call_error;
	const struct pyr_tls_options *tls;
};
extern const struct flow_variant flow_variants[4];

/* Makes the daemon and its object; the caller runs it. */
bool flow_make(struct flow_place *place, const struct flow_variant *variant);
/* The same, and runs it in a thread. */
bool flow_open(struct flow_place *place, const struct flow_variant *variant);
/* Returns what pyr_daemon_run() returned. */
int flow_close(struct flow_place *place);

/* Waits for *value >= n. Returns false after 20 s. */
bool flow_reaches(atomic_int *value, int n);
#endif
