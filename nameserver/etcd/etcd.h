/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_ETCD_H
#define PYRITE_NS_ETCD_H
/*
 * A client of etcd 3.4 or later, on stubs that pyrite-idl makes of rpc.proto. It has one thread,
 * in which all callbacks run; they must not block, and may make further calls. Every function may
 * be called by any thread, and none but etcd_close() and etcd_watch_stop() waits. What is passed is
 * copied before a call returns; what a callback is passed is valid until that returns.
 *
 * One endpoint is used at a time. It is left for the next when it cannot be reached, has no leader,
 * or does not answer a heartbeat within a second. Calls that surely have not run are made again
 * there until their time is over; those that were sent and got no answer end as ETCD_UNKNOWN.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store.h"

enum {
	ETCD_MAX_CALLS = 16384, /* that wait or run at a time; more are ETCD_NOT_RUN at once */
	ETCD_MAX_ENDPOINTS = 16,
	ETCD_TEXT_SIZE = 256,
	ETCD_ENDPOINT_SIZE = 272 /* a name of 255 characters, brackets, and a port */
};

enum etcd_result {
	ETCD_DONE,
	ETCD_CONFLICT,  /* a compare of the transaction failed, so nothing was changed */
	ETCD_NOT_RUN,   /* no endpoint took it in time: surely nothing was changed */
	ETCD_UNKNOWN,   /* it was sent and got no answer: perhaps it ran, or will */
	ETCD_NO_LEASE,  /* the lease has expired or never was; nothing was changed */
	ETCD_NO_SPACE,  /* etcd's quota is used up; nothing was changed. The text says what to do */
	ETCD_COMPACTED, /* the revision asked for is no longer kept */
	ETCD_REFUSED    /* not allowed, invalid, too large: nothing was changed; it will not do
			   another time either */
};

/* How a call ended. */
struct etcd_outcome {
	enum etcd_result result;
	uint64_t revision; /* ETCD_DONE, ETCD_CONFLICT: etcd's, at which it was executed. Of a
			      transaction that changes something, the one of its changes. */
	char text[ETCD_TEXT_SIZE]; /* why, with the endpoint; "" if ETCD_DONE */
};

typedef void (*etcd_done_cb)(const struct etcd_outcome *outcome, void *data);

/* Bytes, borrowed. */
struct etcd_bytes {
	const char *p;
	size_t n;
};

struct etcd;

/* All texts are copied. */
struct etcd_options {
	const char *endpoints; /* "host:port,[::1]:2379,host"; the default port is 2379 */
	uint32_t timeout_ms;   /* of a call, with all its attempts; 0: 2,000 */
	/* Keys of the client's own begin with it; two are used: for barriers, and to see how far a
	 * watch has come. It should lie in the range that is watched; watches do not tell of them.
	 */
	const char *own_prefix;
	/* TLS, if one of them is set, or PYRITE_KEYS is, whose files are the defaults then. Paths,
	 * as struct pyr_tls_options has them. */
	const char *ca, *cert, *key;
	/* NULL: no authentication. Without TLS they are sent as they are. */
	const char *user, *password;
};

/* Starts a client, which connects by itself. Returns: owned, etcd_close(); NULL with *problem told:
 * INVALID_ARGUMENT for options that will not do, RESOURCE_EXHAUSTED. */
struct etcd *etcd_open(const struct etcd_options *options, struct store_problem *problem);

/* Ends all calls: those that did not run as ETCD_NOT_RUN, the others as ETCD_UNKNOWN. Returns when
 * every callback has been called. Not in a callback. NULL: nothing. */
void etcd_close(struct etcd *etcd);

/* When and at which revision etcd last was seen to work. */
struct etcd_seen {
	int64_t at_ms; /* CLOCK_MONOTONIC: when the barrier that succeeded was begun; 0: never */
	uint64_t revision;   /* of it */
	uint64_t cluster_id; /* 0: not known yet. It never changes: another cluster is not used. */
	bool is_up;          /* the endpoint in use answers */
	char endpoint[ETCD_ENDPOINT_SIZE]; /* host:port of the one in use, or that was last */
};
void etcd_last_seen(struct etcd *etcd, struct etcd_seen *ret);

/* ---- transactions ---- */

enum etcd_compare_kind {
	ETCD_MOD_IS,   /* the key's mod_revision is this; 0: there is no such key */
	ETCD_MOD_BELOW /* those of all keys in [key, end) are below this; keys that are not there
			  do not matter */
};

struct etcd_compare {
	enum etcd_compare_kind kind;
	struct etcd_bytes key, end;
	uint64_t revision;
};

enum etcd_op_kind { ETCD_PUT, ETCD_DELETE };

struct etcd_op {
	enum etcd_op_kind kind;
	struct etcd_bytes key, value;
	int64_t lease; /* of a key that is put; 0: none */
};

/* If all compares hold, does all ops, each key at most once, at one revision. etcd takes 128 of
 * either by default. */
void etcd_txn(struct etcd *etcd, const struct etcd_compare *compares, size_t n_compares,
	      const struct etcd_op *ops, size_t n_ops, etcd_done_cb callback, void *data);

/* ---- leases ---- */

/* Makes the lease id (positive) with a time to live of ttl_s seconds; etcd may choose a longer one,
 * 2 at least. ETCD_DONE if there is one with that id already, which is not renewed by that. */
void etcd_grant(struct etcd *etcd, int64_t id, int64_t ttl_s, etcd_done_cb callback, void *data);

/* Renews it. ETCD_NO_LEASE if it has expired. No etcd 3.4 before 3.4.38 is to be trusted wholly:
 * it may say that it renewed a lease which it has just revoked; a watch tells that its keys are
 * gone. The outcome has no revision. */
void etcd_renew(struct etcd *etcd, int64_t id, etcd_done_cb callback, void *data);

/* ---- reading ---- */

struct etcd_kv {
	struct etcd_bytes key, value;
	uint64_t mod_revision;
	int64_t lease; /* 0: none */
};

/* A barrier: outcome.revision is at least that of everything that was acknowledged to anybody
 * before the call. It goes through etcd's log, so that a member that was paused cannot answer with
 * what it knew before. Barriers that come while one is under way share the next one. A watch of the
 * range with own_prefix in it gets as far as that revision soon, even where others change other
 * keys. */
void etcd_barrier(struct etcd *etcd, etcd_done_cb callback, void *data);

/* kvs, n: in order of keys, if outcome->result is ETCD_DONE. more: there are others after them. */
typedef void (*etcd_page_cb)(const struct etcd_outcome *outcome, const struct etcd_kv *kvs,
			     size_t n, bool more, void *data);

struct etcd_range {
	struct etcd_bytes key, end; /* [key, end) */
	size_t limit;               /* of keys; there may be fewer though there are more to come,
				       but not none. 0: 1,000 */
	uint64_t revision;          /* the state as it was then; 0: the newest, linearizable */
	bool keys_only;             /* values are empty */
};

/* Reads a page. outcome.revision is the one to ask for the next page with, or to watch from its
 * successor on: range->revision, or if that is 0, the newest. */
void etcd_read(struct etcd *etcd, const struct etcd_range *range, etcd_page_cb callback,
	       void *data);

/* ---- watches ---- */

struct etcd_event {
	struct etcd_kv kv; /* of a delete: its key and mod_revision, when it was deleted */
	bool is_delete;
};

struct etcd_news {
	/* The watch is over, since etcd no longer has the changes that would have been next:
	 * read the range again, and watch from there. */
	bool is_lost;
	/* Everything up to this revision has been told. Events of one revision are told in one
	 * call, unless etcd splits them as they are large: then in several in turn, of which but
	 * the last have the revision before. */
	uint64_t revision;
	const struct etcd_event *events; /* in order of revisions */
	size_t n_events;                 /* 0: only the revision advances */
	const char *text;                /* is_lost: why */
};

typedef void (*etcd_watch_cb)(const struct etcd_news *news, void *data);

struct etcd_watch;

/* Tells all changes of keys in [key, end) from that revision (positive) on, in order, each once,
 * also where the endpoint changes meanwhile. Known faults of etcd 3.4 that it cannot see: before
 * 3.4.36, deletes may be missing that were being told while etcd compacted. So read the range again
 * now and then. Returns: owned, etcd_watch_stop(), before etcd_close(); NULL: memory is out. */
struct etcd_watch *etcd_watch(struct etcd *etcd, struct etcd_bytes key, struct etcd_bytes end,
			      uint64_t from_revision, etcd_watch_cb callback, void *data);

/* Ends and frees a watch. Its callback is not called after this has returned; if it runs, this
 * waits for it, unless it is called in it. NULL: nothing. */
void etcd_watch_stop(struct etcd_watch *watch);
#endif
