/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PATIENCE_H
#define PYRITE_PATIENCE_H
/*
 * The attempts that one call is made of, whoever makes it: a thread that waits, a future, a batch,
 * a stream.
 *
 *     session --> attempt --> over
 *        ^           |
 *        |           +--> again: its session was over before it could leave; at once, elsewhere
 *        |           |
 *        +---------<-+--> pause: what it is for is not there (wait_ms), or it was lost and running
 *                         it twice does no harm (max_retries)
 *
 * A call of a group (group.h) goes on at once with another member where others would pause.
 *
 * A pause lasts 10 ms, then twice as long each time up to half a second, of which a random half is
 * left out; it never goes beyond the call's deadline, and a release ends it. What is decided is
 * here; a blocking call waits for it here too, a future does not wait (future/retry.h).
 */
#include "outcall/outcall.h"
#include "proxy/proxy.h"

#define PATIENCE_BIND (UINT32_MAX / 2) /* instead of an operation */

struct patience {
	pyr_proxy *proxy; /* counted by the caller */
	unsigned operation;
	struct call_terms terms; /* of all attempts */
	int tries;               /* those made at once */
	bool may_have_run;       /* one of the attempts that ended */
	bool is_again;           /* the one before was refused */
	bool is_patient;
	/* if so: */
	const struct scope *outer; /* not counted: its cancel ends all; NULL: none */
	int64_t wait_until, pause, next;
	unsigned retries, n_released;
	pyr_error *before; /* the last error, which success must not touch */
};

enum patience_next { PATIENCE_OVER, PATIENCE_AGAIN, PATIENCE_PAUSE };

/* A call through the proxy starts now, in the calling thread. Streams, which go on by themselves,
 * are not patient. */
void patience_begin(struct patience *patience, pyr_proxy *proxy, unsigned operation);
/* A session for the next attempt, whose answer the thread waits for: else it is the last one, if it
 * leaves. Returns NULL with the last error set. In the thread that makes the call. */
struct session *patience_session(const struct patience *patience, bool waits);
/* What follows an attempt. call: how it ended; without a session, or NULL: it got none, and the
 * last error tells why. If there is to be another the call is cleared, its session left. */
enum patience_next patience_next(struct patience *patience, struct outcall *call);
/* After the last attempt. */
void patience_done(struct patience *patience, bool is_success);

/* Makes an attempt in the calling thread: call->session stays NULL if there is none for it, with
 * the last error set. */
void patience_attempt(struct patience *patience, const struct codec_packer *packer,
		      struct outcall *call, bool waits);
/* Waits for the next attempt in the calling thread. Returns false when the last was made. */
bool patience_goes_on(struct patience *patience, struct outcall *call);
/* Waits until patience->next. Returns false, with the last error set, if the proxy was released. */
bool patience_pause(struct patience *patience);

/* ---- proxy_call.c ---- */
/* Makes a call, and waits: in another session if the one at hand was over, and again as far as the
 * proxy is patient. Returns false with the last error set if there is no session for it. */
bool proxy_perform(pyr_proxy *proxy, unsigned operation, const struct codec_packer *packer,
		   struct outcall *call);

/* Of the proxy's side. What the options and settings say. */
void patience_options(pyr_proxy *proxy, const struct pyr_proxy_options *options);
#endif
