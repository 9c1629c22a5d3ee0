/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_ETCD_OWN_H
#define PYRITE_NS_ETCD_OWN_H
/*
 * What the parts of the client share. It has one thread that runs tasks: the main one, which takes
 * what callers give and hands it out (client.c); one that looks after the endpoint in use and makes
 * barriers (pulse.c); one for each call under way (work.c), each watch (watch.c) and each stream of
 * renewals (renew.c). Everything belongs to that thread but what the lock protects. The lock is
 * never held while a callback runs.
 */
#include <pyrite/pyrite.h>

#include <pthread.h>

#include "clock.h"
#include "endpoints.h"
#include "rpc.h"
#include "verdict.h"

enum {
	MAX_WORKERS = 512,    /* calls under way at a time, beside renewals and the barrier */
	MAX_BYTES = 64 << 20, /* of calls that wait */
	LANES = 4,          /* streams of renewals: followers answer one after the other in each */
	SILENCE_MS = 300,   /* without any answer, and no more calls are sent */
	PATIENCE_MS = 1000, /* with an endpoint that does not answer */
	TOKEN_SIZE = 2048,
	LOGGED = 8 /* texts that are known to have been logged */
};

/* One endpoint. */
struct member {
	char address[ETCD_ENDPOINT_SIZE];
	struct etcdserverpb_KV *kv;
	struct etcdserverpb_Lease *lease;
	struct etcdserverpb_Watch *watch; /* with a connection of its own: much may come */
	struct etcdserverpb_Auth *auth;
	char token[TOKEN_SIZE];
	int64_t done_at;   /* when it last did what takes a quorum, for a worker */
	size_t n_sent;     /* calls of workers that are not answered */
	int64_t silent_at; /* since when nothing has come, though something was sent; 0: all is
			      answered */
};

enum call_kind { CALL_TXN, CALL_GRANT, CALL_RANGE, CALL_RENEW, CALL_BARRIER, CALL_TOO_MANY };

struct call {
	struct call *next;
	enum call_kind kind;
	bool has_ended; /* its callback was called */
	bool was_sent;  /* an attempt got no answer */
	int64_t deadline;
	size_t cost;
	etcd_done_cb done;
	etcd_page_cb page; /* of a range */
	void *data;
	union {
		struct etcdserverpb_TxnRequest txn;
		struct etcdserverpb_LeaseGrantRequest grant;
		struct etcdserverpb_RangeRequest range;
		struct etcdserverpb_LeaseKeepAliveRequest renew;
	} request; /* what it points to follows */
};

struct calls {
	struct call *first, **last;
};

/* A task, which may have to be told that something has changed. */
struct live {
	struct etcd *etcd;
	struct live *next, **at;
	pyr_task *task;
	bool rests;        /* in live_rest() */
	bool is_committed; /* what it waits for is not to be cut short when the endpoint is left */
	bool was_cut;      /* it may have a cancel that it has not seen */
};

/* Calls that are answered over one stream, in order. */
struct lane {
	struct etcd *etcd;
	struct live live;
	struct calls waiting, sent;
	pyr_stream *stream; /* NULL: none is open */
};

struct etcd_watch {
	struct etcd *etcd;
	struct etcd_watch *next;
	struct live live;
	etcd_watch_cb callback;
	void *data;
	pyr_task *task;                      /* with the lock; NULL: not begun, or over */
	bool is_stopped, is_done, is_orphan; /* with the lock */
	bool is_live;                        /* etcd has said that it watches */
	bool has_own_keys;                   /* those of the client lie in its range */
	uint64_t position;                   /* all up to there was told */
	size_t n_partly, n_skip; /* events of the revision after that which were told; which are
				    still to come again */
	uint64_t wanted;         /* a barrier's revision, which it has to reach */
	int64_t wanted_since;
	uint64_t stuck_at; /* its position when it was looked at last */
	int64_t stuck_since;
	struct etcd_bytes key, end; /* which follow */
};

struct etcd {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	/* With the lock: */
	pyr_task *main;  /* NULL: not begun, or over */
	bool has_failed; /* it could not begin */
	bool is_woken, is_closing;
	struct calls inbox;
	struct etcd_watch *new_watches;
	size_t n_calls, n_bytes;
	struct etcd_seen seen;
	/* Not changed: */
	uint32_t timeout_ms;
	char *user, *password, *barrier_key, *mark_key;
	size_t n_own_prefix; /* bytes of both that are the prefix */
	/* The thread's: */
	struct member *members;
	size_t n_members, at;   /* the one in use, or to be tried next */
	struct member *current; /* NULL: none answers */
	bool must_beat;         /* it does not answer: a barrier is due */
	bool is_suspect;        /* something is wrong with the current one */
	bool is_ending;
	bool was_up, was_told;
	bool is_full;                 /* the quota is used up, and that was logged */
	char trouble[ETCD_TEXT_SIZE]; /* the last one */
	struct {
		uint64_t hash;
		int64_t at;
	} logged[LOGGED];
	size_t n_logged;
	int64_t used_at;  /* since when the current one is used */
	unsigned n_short; /* so often in turn one was left soon */
	struct calls queue, barriers;
	struct live *lives;
	size_t n_tasks; /* but for the main one */
	struct live main_live, pulse_live;
	size_t n_workers;
	struct lane lanes[LANES];
	struct etcd_watch *watches;
};

/* ---- state.c: the thread, tasks and the endpoint in use ---- */

/* Logs "pyrite-ns: etcd: ..."; the same not again within a minute. */
void etcd_log(struct etcd *etcd, const char *text);
/* Everything is worth to be logged again. */
void etcd_forget_logged(struct etcd *etcd);
/* Any thread: the main task looks at everything again. */
void etcd_wake(struct etcd *etcd);
/* With the lock. */
void etcd_wake_locked(struct etcd *etcd);

/* A task begins, in that task, and ends. */
void live_begin(struct etcd *etcd, struct live *live);
void live_end(struct live *live);
/* Waits, at most so long; less if live_nudge() says that something has changed. */
void live_rest(struct live *live, int64_t ms);
void live_nudge(struct live *live);
/* Whatever it waits for is cut short. */
void live_cut(struct live *live);
/* A cancel that it has not seen will not end what it waits for next. */
void live_settle(struct live *live);
/* Something is different for all: each looks again. all: whatever it waits for. */
void lives_cut(struct etcd *etcd, bool all);

/* The endpoint for calls; NULL: they wait. */
struct member *etcd_member(const struct etcd *etcd);
/* If it is in use still, it is to be left. why: NULL, or the last error. */
void etcd_suspect(struct etcd *etcd, struct member *member, const char *why);
/* The endpoint for calls that may not be made twice: not one that answers nothing at all, as what
 * is sent to it is in doubt. NULL: they wait. */
struct member *etcd_member_that_answers(struct etcd *etcd);
/* A call of a worker is sent, and over. */
void member_sent(struct member *member);
void member_over(struct member *member);
/* It has answered something. */
void member_heard(struct member *member);
/* Options of a call to it. token: a place for one. */
struct pyr_call_options member_options(const struct member *member, int64_t timeout_ms,
				       struct pyr_annotation *token);
/* Whether an answer is one of this cluster. If not, the endpoint is left. */
bool member_check(struct etcd *etcd, struct member *member, bool has_header,
		  const struct etcdserverpb_ResponseHeader *header);
/* What the last error, of a call to it, means; and what follows for the endpoint. */
struct verdict member_verdict(struct etcd *etcd, struct member *member,
			      struct etcd_outcome *outcome);

/* ---- call.c ---- */

void calls_init(struct calls *calls);
void calls_add(struct calls *calls, struct call *call);
void calls_add_first(struct calls *calls, struct call *call);
struct call *calls_take(struct calls *calls);
/* Appends all of others, which is empty then. */
void calls_append(struct calls *calls, struct calls *others);

/* Calls back, once. outcome: NULL: whoever calls this does so himself. */
void call_tell(struct etcd *etcd, struct call *call, const struct etcd_outcome *outcome);
/* And frees. */
void call_end(struct etcd *etcd, struct call *call, const struct etcd_outcome *outcome);
void call_fail(struct etcd *etcd, struct call *call, enum etcd_result result, const char *text);
/* Its time is over and it has no answer. */
void call_expire(struct etcd *etcd, struct call *call);
/* The client is closed, and it has no answer. */
void call_close(struct etcd *etcd, struct call *call);

/* ---- kv.c: what etcd sends, as long as its answer is there ---- */

struct etcd_bytes bytes_lent(const struct pyr_bytes *bytes);
/* Byte by byte, the shorter one first: below, at or above 0. */
int bytes_compare(struct etcd_bytes a, struct etcd_bytes b);
struct etcd_kv kv_lent(const struct etcdserverpb_KeyValue *kv);

/* ---- the tasks ---- */

int pulse_run(void *etcd);
int work_run(void *etcd);
int watch_run(void *watch);
int lane_run(void *lane);

void lane_add(struct lane *lane, struct call *call);
/* Ends those whose time is over. */
void lane_expire(struct lane *lane, int64_t now);
/* Ends all. */
void lane_close(struct lane *lane);
#endif
