/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PROXY_PATIENCE_H
#define PYRITE_PROXY_PATIENCE_H
/*
 * How long a call goes on trying: until what it is for is there (wait_ms), and again after a loss
 * when running it twice does no harm (max_retries). Between two attempts it waits in the engine,
 * from 10 ms on and twice as long each time up to half a second, of which a random half is left
 * out; never beyond the call's deadline. A release ends the wait. In the calling thread; what goes
 * on without one is in future_patience.h.
 */
#include "proxy/proxy.h"

#define PATIENCE_BIND (UINT32_MAX / 2) /* instead of an operation */

struct patience {
	pyr_proxy *proxy; /* counted by the caller */
	int64_t deadline;
	bool is_patient;
	/* if so: */
	int64_t wait_until, pause, next;
	unsigned retries, n_released;
	pyr_error *before; /* the last error, which success must not touch */
};

struct patience_pause { /* on the stack of who waits; in its proxy's list */
	struct engine_waiter waiter;
	struct patience_pause *next;
};

void patience_begin(struct patience *patience, pyr_proxy *proxy, unsigned operation,
		    int64_t deadline);
/* Whether there is to be another attempt. call: how the last one ended; NULL: it got no session,
 * and the last error tells why. */
bool patience_wants(struct patience *patience, const struct outcall *call);
/* Waits for its time. Returns false, with the last error set, if the proxy was released. */
bool patience_pause(struct patience *patience);
/* After the last attempt. */
void patience_done(struct patience *patience, bool is_success);

/* Of the proxy's side. What the options and settings say. */
void patience_options(pyr_proxy *proxy, const struct pyr_proxy_options *options);
/* Nobody waits any longer. With the proxy's lock. */
void patience_end(pyr_proxy *proxy);
#endif
