/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FACE_HTTP_URL_H
#define PYRITE_FACE_HTTP_URL_H
/* Targets of HTTP requests (RFC 3986) and forms, taken apart into memory of an arena. What is no
 * UTF-8, holds NUL or a '%' without two digits is refused. No state, any thread. */
#include "base/arena.h"
#include "base/buf.h"

enum { URL_SEGMENTS = 8, URL_PARAMETERS = 256 };

struct url {
	const char *segments[URL_SEGMENTS]; /* decoded; the last is "" behind a slash */
	unsigned n;                         /* 0: "/" */
};

struct url_parameter {
	const char *name, *value;
};

struct url_parameters {
	struct url_parameter *items;
	size_t n;
};

/* What is wrong, when memory is out. */
extern const char url_no_memory[];

/* Without the slashes: "/v1/objects" has two. Returns what is wrong, or NULL. */
const char *url_path(struct arena *arena, struct span path, struct url *ret);
/* "x=1&text=a+b", as forms are sent. Returns what is wrong, or NULL. */
const char *url_parameters(struct arena *arena, struct span text, struct url_parameters *ret);
/* Appends the text as one segment. */
void url_put_segment(struct buf *out, const char *text);
#endif
