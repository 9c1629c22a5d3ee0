/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FUTURE_PATIENCE_H
#define PYRITE_FUTURE_PATIENCE_H
/*
 * The call of a future whose proxy is patient: made again and again until it is over, by the rules
 * of proxy_patience.h, without a thread that waits. The future's own outcall never leaves: it ends
 * as the last of the attempts did. So whoever waits for the future, or has a callback set, hears
 * once.
 */
#include "proxy/future.h"
#include "proxy/proxy_patience.h"

struct future_patience;

/* Makes the first attempt, in this thread. patience: begun; it and terms are copied, as is the
 * request. Returns NULL with the last error set if there will be no other and that one got no
 * session, or memory is out. */
struct future_patience *future_patience_new(struct outcall *front, const struct patience *patience,
					    unsigned operation, const struct call_terms *terms,
					    const struct codec_packer *packer);
/* Ends it as CANCELLED, at once and whatever it is about, if it is not over. */
void future_patience_cancel(struct future_patience *p, const char *text);
/* It is over, and nobody wants to know more. */
void future_patience_drop(struct future_patience *p);
/* Sets the thread's last error, if it ended without a session. Returns minus its code. */
int future_patience_error(struct future_patience *p);

/* The proxy is released. With its lock. */
void future_patience_end_all(pyr_proxy *proxy);
#endif
