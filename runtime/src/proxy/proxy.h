/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PROXY_H
#define PYRITE_PROXY_H
/* What a proxy is: its data, which the other files of this module share, and who waits for it. */
#include <pyrite/gen.h>

#include "base/root.h"
#include "base/uri.h"
#include "exec/exec.h"
#include "outcall/outcall.h"
#include "proxy/links.h"
#include "reference/reference.h"
#include "session/session.h"
#include "wire/codec.h"

/* A thread that waits for the proxy; on its stack. */
struct proxy_waiter {
	struct engine_waiter waiter;
	struct proxy_waiter *next;
	bool has_failed;  /* what it waits for could not be had */
	pyr_error *error; /* owned: a copy of why */
};

/* A call that no thread waits for, between two attempts (proxy_later.c). */
struct proxy_later {
	struct proxy_later *next, **link; /* the proxy's lock: link: what leads here */
	atomic_bool is_over;              /* it wants no session any more */
	/* Here is the session: a reference, taken; NULL: none, and the last error tells why. In a
	 * thread of attempts, without locks. */
	void (*go)(struct proxy_later *later, struct session *session);
	/* The proxy is released. With its lock. */
	void (*release)(struct proxy_later *later);
	const struct call_terms *terms; /* of the call */
};

struct group;
struct follow;

/* When news may be looked at again; all zero: at once. */
struct follow_pace {
	int64_t next, pause;
};

struct pyr_proxy {
	const struct codec_interface *interface;
	/* It stands for several objects, and session is NULL: from the start, or since its name was
	 * found to be shared. Then constant; set with the lock. */
	struct group *_Atomic group;
	enum pyr_pick pick; /* for that time */
	bool is_member;     /* of a group: it stands for one */
	pyr_uri *uri;       /* as given; of a reference a text for people, unless that has one */
	struct reference *reference; /* lock: what it came as, or is passed as; counted. NULL: it
					never was */
	bool is_reference;           /* it came as one: then that is constant */
	struct proxy_lost *lost;     /* lock: who is told of the end of its link; NULL: nobody */
	unsigned n_users; /* of one that stands for an object of this process: reference_share() */
	struct link_wish wish;
	struct buf annotations;    /* of each call, encoded; constant */
	struct session_ways *ways; /* lock: of the next session; counted, may be NULL */
	atomic_uint timeout_ms;
	atomic_int refs;         /* its user's, and those of calls that will look at it again */
	pthread_mutex_t lock;    /* before the links' and a peer's; nobody waits under it */
	atomic_bool is_near;     /* its last session's daemon is in this process */
	struct session *session; /* lock: counted; NULL: to be opened */
	struct session *going;   /* lock: counted; its link goes away, but may take calls of chains
				    in flight there; NULL: none */
	bool is_opening;         /* lock: by one of them, while the others wait */
	struct session *greeted; /* lock: while its answer is waited for; then NULL */
	pthread_t opener;        /* lock: while is_opening */
	const void *opener_task; /* lock: of that thread; NULL: its own stack */
	bool is_freed;           /* lock: by its user; calls that ran then are left */
	unsigned n_released;     /* lock: what was being opened meanwhile is not wanted */
	struct proxy_waiter *waiting;            /* lock: those others */
	struct proxy_waiter *pausing;            /* lock: calls between two attempts, */
	struct proxy_later *pausing_later, *due; /* lock: of no thread; those that want a session */
	struct exec_job due_job;
	bool is_due_posted;            /* lock: until the job has run */
	struct follow *_Atomic follow; /* proxy_follow.h; NULL: not followed. Set once */
	atomic_uint follow_seen;       /* its version that was looked at */
	struct follow_pace pace;       /* lock */
	bool is_moving; /* lock: the session was given up as the name leads elsewhere */
	uint32_t wait_ms;
	atomic_uint max_retries;
	pyr_batch *batch; /* it stands for one: its stubs queue, */
	int (*queue)(pyr_batch *batch, unsigned operation, pyr__in *in, void *const *out);
	struct root root;
};

void proxy_ref(pyr_proxy *proxy);
void proxy_unref(pyr_proxy *proxy);
bool proxy_is_freed(pyr_proxy *proxy);
/* Whether it has a session, over a link of Pyro's protocol. */
bool proxy_speaks_pyro(pyr_proxy *proxy);
/* Sets the last error, that it was released. Returns minus its code. */
int proxy_was_released(const pyr_proxy *proxy);

/* Sets the last error, and returns true, in a forked child: nothing works there until exec. */
bool proxy_is_forked(void);

/* Waits in one of its lists, at the end. Returns 1 if it was woken, 0 at `until`, -PYR_CANCELLED if
 * the task was cancelled. With the proxy's lock, which is not held meanwhile. */
int proxy_wait(pyr_proxy *proxy, struct proxy_waiter **list, struct proxy_waiter *self,
	       int64_t until);
/* Wakes all who do. has_failed: with the last error. With the proxy's lock. */
void proxy_wake(struct proxy_waiter **list, bool has_failed);

/* ---- proxy_later.c ---- */
/* Lets it pause. With the proxy's lock. */
void proxy_later_pause(pyr_proxy *proxy, struct proxy_later *later);
/* It wants a session, perhaps after a pause. */
void proxy_later_want(pyr_proxy *proxy, struct proxy_later *later, bool pauses);

/* ---- proxy_new.c ---- */
/* uri: taken. NULL with the last error set. */
pyr_proxy *proxy_make(const struct codec_interface *interface, pyr_uri *uri,
		      const struct pyr_proxy_options *options);
/* ---- proxy_like.c ---- */
/* Another proxy for the same object with the same options. NULL with the last error set. */
pyr_proxy *proxy_like(pyr_proxy *proxy, const struct pyr__interface *interface);
/* What it proves and expects: proxy->wish. Before others know it. */
void proxy_set_tls(pyr_proxy *proxy, struct tls_settings *tls, bool only_tcp);
void proxy_set_keys(pyr_proxy *proxy, struct key_settings *keys, bool has_none);
/* A member of a group: the same for one object, but not patient. */
pyr_proxy *proxy_like_at(pyr_proxy *proxy, const struct pyr__interface *interface, const char *uri);

/* ---- proxy_reference.c ---- */
/* Takes the reference. NULL with the last error set. */
pyr_proxy *proxy_of_reference(struct reference *reference, const struct codec_interface *interface,
			      const struct pyr_proxy_options *options);
/* The object of this process that it stands for; NULL: none. */
static inline struct object *proxy_object(const pyr_proxy *proxy)
{
	return proxy->is_reference ? proxy->reference->object : NULL;
}

#endif
