/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_STORE_ETCD_OWN_H
#define PYRITE_NS_STORE_ETCD_OWN_H
/* The store in etcd from the inside: store_etcd.c is the owner's side, etcd_request.c what goes to
 * etcd and comes back. */
#include <pthread.h>

#include "etcd_trial.h"
#include "expiry.h"
#include "replica.h"

struct etcd_store;

/* What when_safe() or catch_up() asked of etcd. Once all parts are answered, it waits for the
 * replica. */
struct request {
	struct expiry_item wait; /* first: ends is a revision */
	struct request *next;
	struct etcd_store *store;
	struct request *later, **link; /* of all that are not answered */
	bool is_lost;                  /* its owner is gone since it was made, */
	uint8_t lost[SECRET_SIZE];     /* this one */
	struct trial_message *message; /* NULL: no transaction */
	struct owned_lease *leases;    /* that are renewed */
	size_t n_leases;
	unsigned n_grants;
	int64_t sent_ms, renewed_ms; /* renewed_ms: the message's lease; 0: it was not */
	int64_t gathered_ms;         /* when its transaction could go */
	store_safe_cb callback;      /* NULL: nobody waits */
	void *data;
	/* with the lock: */
	size_t n_parts;              /* not answered yet */
	struct etcd_outcome outcome; /* the worst of them */
};

struct etcd_store {
	struct store store; /* first */
	char prefix[ETCD_PREFIX_MAX + 1];
	struct etcd *etcd;
	struct replica *replica;
	struct trial trial;
	struct request *open;  /* requests that are not answered; the owner's thread's, as is: */
	struct expiry waiting; /* requests, by the revision that the replica has to reach */
	struct owner_leases leases;
	store_change_cb on_change;
	void *change_data;
	store_presence_cb is_here;
	void *presence_data;
	int64_t current_at; /* when etcd last was known to be no further than the replica */
	store_aside_cb aside;
	void *aside_data;
	int64_t aside_since;  /* etcd's thread's, as is: when it last began to count */
	unsigned n_aside;     /* how many were told since */
	pthread_mutex_t lock; /* what follows */
	pthread_cond_t news;  /* for store_etcd_new() */
	struct request *done; /* all of it answered */
	struct request *gathered, **last_gathered; /* transactions that are to go */
	unsigned n_flying;                         /* that have gone together */
	store_wake_cb wake;
	void *wake_data;
	bool is_woken;
};

/* In any thread: settle() has something to do. */
void store_etcd_wake(void *store);

/* ---- etcd_request.c ---- */

/* Returns: owned, by whoever answers it; NULL when memory is out. */
struct request *request_new(struct etcd_store *store, store_safe_cb callback, void *data);
/* Sends its message, if it has one, and the renewals. */
void request_send(struct request *request);
/* Or asks how far etcd is. */
void request_ask(struct request *request);
void request_free(struct request *request);
/* The owner is gone: what is on its way for him may be done later, and would hold his names. */
void request_lose(struct etcd_store *store, const char *owner, const uint8_t secret[SECRET_SIZE]);
void request_on_transaction(const struct etcd_outcome *outcome, void *request);
/* Of those who do not mind. */
void request_ignore(const struct etcd_outcome *outcome, void *data);

/* ---- etcd_bundle.c ---- */

/* Sends its transaction, with others; request_on_transaction() follows. Any thread. */
void bundle_send(struct request *request);
/* To be called now and then: those that wait too long for others go. */
void bundle_check(struct etcd_store *store);

#endif
