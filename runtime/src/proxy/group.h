/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_GROUP_H
#define PYRITE_GROUP_H
/*
 * A proxy that stands for several objects: those whose URIs it was given, or all that have the tags
 * of a PYROMETA, or that are registered under a shared name. Each member is an ordinary proxy;
 * calls are made in a session of one of them.
 *
 * A member is up while the group has its session. One that is lost is left at once, and opened
 * again by a thread of attempts, which a call sets going when the time for it has come: 50 ms after
 * the loss, then twice as long up to a second. So an idle proxy does nothing, and no call waits for
 * a member that is down unless all are. A group of one member is that member: calls open it
 * themselves.
 *
 * Whose names come and go is told while the name server can be watched (proxy_follow.h); else they
 * are looked up once a second, while calls are made.
 */
#include "proxy/proxy.h"

enum { GROUP_MAX = 64 /* members */ };

/* What else is known of a group. */
struct group_kind {
	/* Why no member can be up: returns 0, or minus a status with the last error set: then calls
	 * do not wait. With the proxy's lock. */
	int (*trouble)(void *data);
	void (*drop)(void *data); /* it is not used any more */
	uint32_t settle_ms; /* how long the first call waits for the members beside the first */
};

/* All that a PYROMETA or a shared name leads to, for the time being. */
struct group_uris {
	size_t n;
	char *items[GROUP_MAX]; /* owned, free() */
};
/*
 * Looks it up; set by naming when the library is loaded. seed: which of more than
 * GROUP_MAX there are. Blocks, at most timeout_ms. Returns 0, or minus a status with the last error
 * set: -PYR_NOT_FOUND if there are none.
 */
typedef int group_lister(const pyr_uri *uri, uint32_t timeout_ms, uint64_t seed,
			 struct group_uris *ret);
void group_set_lister(group_lister *lister);
/* Finds the members of what a PYRO uri stands for in this process; set when the first pool is made.
 * *data: owned, for the kind to drop. Returns NULL if it is an ordinary one. */
typedef const struct group_kind *group_finder(const pyr_uri *uri, struct group_uris *ret,
					      void **data);
void group_set_finder(group_finder *finder);

/* Makes the proxy, which nobody else knows yet, one of a group if it is to be. Returns false with
 * the last error set. */
bool group_init(pyr_proxy *proxy, const struct pyr_proxy_options *options);
/* Its name was found to be shared. Without an effect, with the last error set, when memory is out.
 */
void group_become(pyr_proxy *proxy);
/* The proxy's last reference is gone. */
void group_free(pyr_proxy *proxy);
/* As the group's, for one like it; others: GROUP_MAX of room. */
void group_options(pyr_proxy *proxy, struct pyr_proxy_options *options, const char **others);

/* As proxy_session_until(), or, if it is `once`, proxy_session_for_once(). key: that of the call;
 * NULL: none. */
struct session *group_session(pyr_proxy *proxy, int64_t until, bool again, bool once,
			      const char *key);
/* A session of a member if is_well() says so, a new reference, or NULL. */
struct session *group_any(pyr_proxy *proxy, bool (*is_well)(struct peer *peer));
/* Its member is of no more use for now. */
void group_forget(pyr_proxy *proxy, struct session *session);
void group_release(pyr_proxy *proxy, bool keep_streams);
/* The member that a session is of, a new reference: what belongs to one member stays with it. */
pyr_proxy *group_proxy_of(pyr_proxy *proxy, const struct session *session);
unsigned group_size(pyr_proxy *proxy);
/* From the next bind of each member on. */
void group_set_ways(pyr_proxy *proxy, struct session_ways *ways);
/* Its members prove what it does. Nobody else knows it yet. */
void group_set_tls(pyr_proxy *proxy);

/* ---- of group*.c alone ---- */

struct member {
	struct member *next;
	pyr_proxy *group;
	pyr_proxy *proxy; /* owned */
	uint64_t hash;    /* of its URI */
	struct exec_job job;
	/* the group's lock: */
	struct session *session; /* counted; NULL: it is down, */
	bool is_opening;         /* perhaps just being opened, */
	pthread_t opener;        /* by that thread */
	bool is_gone;            /* whoever opens it frees it */
	bool is_listed;
	unsigned ended;   /* the group's count when the last attempt to open it ended */
	int64_t due;      /* of the next one: when, */
	int64_t pause;    /* how long after this one */
	pyr_error *error; /* owned: of the last */
};

struct group {
	enum pyr_pick pick; /* constant */
	bool is_named;      /* constant: members come and go */
	const struct group_kind *kind;
	void *data;
	/* the proxy's lock: */
	struct member *members;
	unsigned n_members, n_up, n_opening;
	unsigned turn; /* of ties, and round robin */
	uint64_t random, seed;
	unsigned ended; /* attempts to open a member, and look-ups */
	int64_t settle; /* until then calls wait for members that are opened beside the first */
	/* of a PYROMETA or a shared name: */
	pyr_proxy *proxy;
	struct exec_job look_job;
	bool is_looking;
	unsigned look_ended; /* as a member's; 0: never */
	int64_t next_look;
	pyr_error *look_error; /* owned; NULL: it succeeded */
};

/* Returns NULL with the last error set. */
struct member *group_new_member(pyr_proxy *proxy, const char *uri);
/* Its calls go on. Without locks. */
void group_drop_member(struct member *member);
/* Looks the names up in another thread, unless that is done already. With the lock. */
void group_look(pyr_proxy *proxy);
/* The name server has told of others: members are added and taken out at once, unless somebody does
 * that already, or did so just now. With the lock, which is dropped meanwhile. */
void group_take_news(pyr_proxy *proxy);
#endif
