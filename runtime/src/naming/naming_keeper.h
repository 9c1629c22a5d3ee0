/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMING_KEEPER_H
#define PYRITE_NAMING_KEEPER_H
/*
 * What a keeper is: of naming_lease.c, which adds and drops leases, and naming_renew.c, which
 * renews them in the runtime's thread. Of several name servers a keeper attends one, the nearest
 * that is up: when that is lost, or a nearer one is back, it attends and renews there at once.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "engine/engine.h"
#include "naming/naming_server.h"
#include "naming/naming_servers.h"
#include "naming/naming_told.h"
#include "outcall/outcall.h"

struct lease {
	struct lease *next;
	char *name, *uri, *daemon; /* one block with the lease, as is: */
	char *key;                 /* its name, or "name uri" if that is shared */
	bool is_shared;
	struct pyr_string_seq tags; /* one block, NULL without */
	uint32_t ttl_ms;
	uint64_t moment;         /* when it was kept */
	uint64_t batch;          /* the moment of the last renewal that it was in */
	uint64_t generation;     /* of its registration */
	int64_t ends;            /* by this clock, from when it was last asked for; 0: not ours */
	bool is_doubtful;        /* it has ended, which is told */
	struct told *told;       /* counted; NULL: nobody is told */
	int64_t asked_at;        /* when it was forgotten, or told again */
	bool is_refused;         /* the last time it was told again: said once */
	bool is_forgotten;       /* by the name server: it is to be told again */
	pyr_future *registering; /* told again */
};

/* A renewal on its way. */
struct renewal {
	struct renewal *next;
	pyr_future *future;
	uint64_t moment; /* it knows nothing of later leases */
	int64_t sent_at;
};

struct keeper {
	struct engine_timer timer; /* first */
	struct keeper *next;       /* constant once it is listed */
	struct servers *servers;   /* constant */
	atomic_bool wants_look;    /* something has happened: the timer fires at once */
	struct outcall_hook hook;  /* attending has ended */
	uint8_t secret[LEASE_SECRET];
	/* the lock: */
	unsigned at;                     /* which of the servers it attends */
	struct pyrite_NameServer *proxy; /* while there are leases */
	struct lease *leases;
	struct renewal *renewals;
	int64_t renewed_at;    /* when they were sent */
	pyr_future *attending; /* a call that lasts as long as the connection: we are there */
	int64_t attended_at;
	pyr_future *ping; /* renewals are not answered: is anybody there? NULL: not asked */
	int64_t pinged_at;
	struct pyrite_NameServer *left; /* one that is left once the names are renewed elsewhere; */
	pyr_future *left_attending;     /* NULL: none */
	pyr_future *leaving;            /* it is told so; NULL: not yet */
	uint64_t moment;                /* counts leases and renewals */
	int64_t round_at;               /* when the next round of renewals begins */
	uint32_t look_ms;
	unsigned n_again; /* names that are told again at a time */
	bool is_cut;      /* attending has ended with the connection */
	bool is_failing;  /* the last round failed: told once */
	unsigned n_users; /* threads that register a name, or wait for removals on the proxy */
};

extern struct keepers {
	pthread_mutex_t lock;
	struct keeper *_Atomic first; /* changed with the lock */
} keepers;

enum { KEEPER_LOOK_MS = 10 /* the first, for an answer */ };

static inline const char *keeper_address(const struct keeper *keeper)
{
	return servers_address(keeper->servers, keeper->at);
}

/* ---- naming_kept.c, with the lock ---- */
struct lease **lease_find(struct keeper *keeper, const char *key);
void lease_free(struct lease *lease);
void lease_unlink(struct lease **place);
/* It is, as asked for then. */
void lease_is_ours(struct keeper *keeper, struct lease *lease, int64_t asked_at);
/* Takes the answers to what was told again. Returns how many are still out. */
unsigned keeper_take_told(struct keeper *keeper);
/* Tells a few names that are forgotten; so many are out. */
void keeper_tell_again(struct keeper *keeper, unsigned n_out);
/* Whether there are any, or answers that are out. */
bool keeper_tells_again(const struct keeper *keeper);

/* ---- naming_renew.c, with the lock ---- */
/* Sets up one that has just been made, before it is listed. */
void keeper_init(struct keeper *keeper);
/* Begins to attend, if that has ended or never began. Returns false when memory is out. */
bool keeper_attend(struct keeper *keeper);
/* Without leases: lets go of the connection. The timer may still fire once, and finds nothing. */
void keeper_rest(struct keeper *keeper);
/* Sees to it that a lease is renewed that has just been added. Returns false when memory is out. */
bool keeper_set_timer(struct keeper *keeper, bool has_others);
#endif
