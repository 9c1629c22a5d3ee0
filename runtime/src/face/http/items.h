/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FACE_HTTP_ITEMS_H
#define PYRITE_FACE_HTTP_ITEMS_H
/* The items of a stream that a request has, as a list. */
#include <pyrite/pyrite.h>

#include "base/buf.h"

/* Writes each; text: the list, without NUL, n = 0: there is none. Returns 0, or minus a status with
 * the last error. */
int items_write(pyr_stream *stream, struct span text);
#endif
