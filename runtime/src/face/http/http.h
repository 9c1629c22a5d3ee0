/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FACE_HTTP_HTTP_H
#define PYRITE_FACE_HTTP_HTTP_H
/* HTTP/1.1 at a daemon's port: calls with JSON, a page, a description, metrics (docs/http.md). */
#include "face/face.h"

extern const struct face_kind face_http;
#endif
