/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FACE_HTTP_NAMES_H
#define PYRITE_FACE_HTTP_NAMES_H
/*
 * Names of a name server in requests. Those that lead to objects of this daemon stand for these.
 * Where the name server is, others are resolved by redirection: a client follows to the daemon that
 * has the object and calls as itself, which a gateway would do in its own name.
 */
#include "face/http/exchange.h"

/* The object of this daemon that has the name; the name if none has. Of the arena. */
const char *names_object(struct http_request *request, const char *name);

/* Redirects to where the name leads. */
void names_look_up(struct http_request *request, struct http_answer *answer);

/* Whether this daemon has the object. */
bool names_has_object(const struct http_request *request, const char *id);
#endif
