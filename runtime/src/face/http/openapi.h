/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FACE_HTTP_OPENAPI_H
#define PYRITE_FACE_HTTP_OPENAPI_H
/* A description of all objects for HTTP clients: OpenAPI 3.1, made of the tables. */
#include "face/http/exchange.h"

void openapi_get(struct http_request *request, struct http_answer *answer);
#endif
