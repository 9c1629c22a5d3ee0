/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FACE_HTTP_BY_NAME_H
#define PYRITE_FACE_HTTP_BY_NAME_H
#include "face/http/exchange.h"

/* "/v1/names/NAME" and what follows, as "/v1/objects/ID". */
void names_describe(struct http_request *request, struct http_answer *answer);
void names_post(struct http_request *request, struct http_answer *answer);
void names_events(struct http_request *request, struct http_answer *answer);
#endif
