/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_RETRY_H
#define PYRITE_RETRY_H
/*
 * A call of a patient proxy that no thread waits for: its attempts, which proxy/patience.h decides
 * on, follow each other by themselves. The future's own outcall never leaves: it ends as the last
 * of the attempts did. So whoever waits for the future, or has a callback set, hears once.
 */
#include "proxy/patience.h"

struct retry;

/* Makes the first attempt, in this thread. patience: begun; it is copied, as are its terms and the
 * request. Returns NULL with the last error set if there will be no other and that one got no
 * session, or memory is out. */
struct retry *retry_new(struct outcall *front, const struct patience *patience,
			const struct codec_packer *packer);
/* Ends it as CANCELLED, at once and whatever it is about, if it is not over. */
void retry_cancel(struct retry *retry, const char *text);
/* It is over, and nobody wants to know more. */
void retry_drop(struct retry *retry);
/* Sets the thread's last error, if it ended without a session. Returns minus its code. */
int retry_error(struct retry *retry);
#endif
