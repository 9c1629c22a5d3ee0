/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_ETCD_VERDICT_H
#define PYRITE_NS_ETCD_VERDICT_H
/* What an error that a stub returned means: for its call, and for the endpoint. */
#include <pyrite/pyrite.h>

#include "etcd.h"

struct verdict {
	enum etcd_result result; /* ETCD_DONE: what was asked for is so already */
	bool may_retry;          /* it surely has not run, and may elsewhere or later */
	bool leaves;             /* this endpoint is no good now */
	bool wants_token;        /* the token is no longer valid */
};

/* error: of a failed call that reached, or should have reached, etcd. */
struct verdict verdict_of(const pyr_error *error);

/* Writes "etcd at HOST:PORT: text", or the text alone if it has the address; and for a full etcd
 * what to do. */
void verdict_text(char text[ETCD_TEXT_SIZE], const char *address, const pyr_error *error,
		  enum etcd_result result);
#endif
