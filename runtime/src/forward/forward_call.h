/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FORWARD_CALL_H
#define PYRITE_FORWARD_CALL_H
/* Calls that are handed on, and their streams. In the leader, without locks. */
#include "incall/incall.h"
#include "session/session.h"

/* Hands it on in the session, which lasts as long as the call. Takes a reference of it, with which
 * it is answered. */
void forward_call(pyr_call *call, struct session *session);
/* Answers it with that. The same. */
void forward_fail(pyr_call *call, int code, const char *text);
#endif
