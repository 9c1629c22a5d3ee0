/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FACE_HTTP_METRICS_H
#define PYRITE_FACE_HTTP_METRICS_H
/* What the daemon counts, in the text format of Prometheus, 0.0.4. */
#include "face/http/exchange.h"

void metrics_get(struct http_request *request, struct http_answer *answer);
#endif
