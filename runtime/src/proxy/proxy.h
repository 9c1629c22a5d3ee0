/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PROXY_H
#define PYRITE_PROXY_H
/* What a proxy and its futures have in common: the way to a session, and the time a call may take.
 */
#include <pyrite/gen.h>

#include "base/root.h"
#include "base/uri.h"
#include "exec/exec.h"
#include "outcall/outcall.h"
#include "proxy/links.h"
#include "wire/codec.h"

/* Somebody who waits while another opens the session; on his stack. */
struct proxy_wait {
	struct engine_waiter waiter;
	struct proxy_wait *next;
	bool has_failed;  /* it could not be opened */
	pyr_error *error; /* owned: a copy of his */
};

/* A future whose call waits for its next attempt. */
struct future_wait {
	struct future_wait *next, **link; /* link: what leads here */
};

struct pyr_proxy {
	const struct codec_interface *interface;
	pyr_uri *uri; /* as given */
	struct link_wish wish;
	struct buf annotations;    /* of each call, encoded; constant */
	struct session_ways *ways; /* lock: of the next session; counted, may be NULL */
	atomic_uint timeout_ms;
	atomic_int refs;            /* its user's, and those of calls that will look at it again */
	pthread_mutex_t lock;       /* before the links' and a peer's; nobody waits under it */
	struct session *session;    /* lock: counted; NULL: to be opened */
	bool is_opening;            /* lock: by one of them, while the others wait */
	struct session *greeted;    /* lock: while its answer is waited for; then NULL */
	pthread_t opener;           /* lock: while is_opening */
	const void *opener_task;    /* lock: of that thread; NULL: its own stack */
	bool is_freed;              /* lock: by its user; calls that ran then are left */
	unsigned n_released;        /* lock: what was being opened meanwhile is not wanted */
	struct proxy_wait *waiting; /* lock: those others */
	struct patience_pause *pausing;            /* lock: calls between two attempts, */
	struct future_wait *pausing_futures, *due; /* lock: those of futures; the due_job's */
	struct exec_job due_job;
	bool is_due_posted; /* lock: until the job has run */
	uint32_t wait_ms;
	atomic_uint max_retries;
	pyr_batch *batch; /* it stands for one: its stubs queue */
	struct root root;
};

/* What the options say of handshakes. The proxy's annotations are known. Returns what is wrong, or
 * NULL. */
const char *greet_options(pyr_proxy *proxy, const struct pyr_proxy_options *options);
/* What the session that is to be opened says and wants of its link: a reference of its ways, or
 * NULL. With the proxy's lock. */
struct session_ways *greet_ways(pyr_proxy *proxy, struct link_wish *ret);
/* Binds the session if the other end's answer is to be looked at, and has it looked at. Returns
 * false with the last error set. n_released: as it was when the session was wanted. No lock is
 * held. */
bool greet(pyr_proxy *proxy, struct session *session, int64_t until, unsigned n_released);
/* Binds, and waits for the answer. Returns 0, or minus a status with the last error set. */
int greet_bind(struct session *session, int64_t until);

/* Another proxy for the same URI with the same options. NULL with the last error set. */
pyr_proxy *proxy_like(pyr_proxy *proxy, const struct pyr__interface *interface);
/* What I_with() has said of the thread's next call through a proxy. */
struct call_wish {
	const pyr_proxy *proxy; /* not counted; NULL: nothing */
	struct pyr_call_options options;
};
/* Exchanges the thread's with another's. */
void proxy_swap_wish(struct call_wish *other);
/* The call through the proxy cannot be made. */
void proxy_drop_wish(const pyr_proxy *proxy);
/* Whether there is one for it. */
bool proxy_has_wish(const pyr_proxy *proxy);

void proxy_ref(pyr_proxy *proxy);
void proxy_unref(pyr_proxy *proxy);

/*
 * Follows a PYRONAME or PYROMETA to the PYRO uri of an object, which takes a proxy of its own: so
 * it is set by naming when the library is loaded. Blocks, at most timeout_ms. *ret: owned,
 * pyr_uri_free(). Returns 0, or minus a status with the last error set. A PYRO uri is copied.
 */
typedef int proxy_resolver(const pyr_uri *uri, uint32_t timeout_ms, pyr_uri **ret);
void proxy_set_resolver(proxy_resolver *resolver);

/* Sets the last error, and returns true, in a forked child: nothing works there until exec. */
bool proxy_is_forked(void);

/* A session to call in, opened if need be: a new reference. Returns NULL with the last error set.
 */
struct session *proxy_session(pyr_proxy *proxy);
/* The same; a look-up ends with DEADLINE_EXCEEDED at `until`. */
struct session *proxy_session_until(pyr_proxy *proxy, int64_t until);
/* Ends its session, as pyr_proxy_release(). keep_streams: those that can be resumed wait for
 * another.
 */
void proxy_release(pyr_proxy *proxy, bool keep_streams);
/* The session at hand if calls may be made in it, a new reference; NULL if it is to be opened. */
struct session *proxy_open_session(pyr_proxy *proxy);
bool proxy_is_freed(pyr_proxy *proxy);
/* Makes a call, and waits: in another session if the one at hand was over, and again as far as the
 * proxy is patient. Returns false with the last error set if there is no session for it. */
bool proxy_perform(pyr_proxy *proxy, unsigned operation, const struct codec_packer *packer,
		   struct outcall *call);
/* A stub of the batch's proxy was called. */
int batch_add(pyr_batch *batch, unsigned operation, pyr__in *in, void *const *out);
/* The session is of no more use: the next call opens another. */
void proxy_forget(pyr_proxy *proxy, struct session *session);

/* What a stub calls: the operation's place in the proxy's interface, which may derive from the
 * stub's. -1 with the last error set. */
int proxy_operation(const pyr_proxy *proxy, const struct pyr__interface *interface, unsigned op);
/* What is said of a call that starts now: takes the thread's options of its next call, which must
 * live until it has been started. */
void proxy_terms(pyr_proxy *proxy, unsigned operation, struct call_terms *ret);
#endif
