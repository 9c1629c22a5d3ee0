/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FACE_HTTP_LIMITS_H
#define PYRITE_FACE_HTTP_LIMITS_H
/* What one daemon's HTTP takes; docs/limits.md has them. */

enum {
	HTTP_CONNECTIONS = 128,     /* a thread each */
	HTTP_HEAD = 32 << 10,       /* bytes of a request's line and headers */
	HTTP_BODY = 16 << 20,       /* bytes of a body */
	HTTP_BODIES = 256 << 20,    /* of all together, and of answers */
	HTTP_READ_MS = 30 * 1000,   /* until a request is there, and between requests */
	HTTP_WRITE_MS = 60 * 1000,  /* that a client may take to read an answer, beside */
	HTTP_WRITE_RATE = 16 << 10, /* bytes a second */
	HTTP_ARENA = 1 << 20,       /* of what is taken apart */
	HTTP_DOCUMENT = 8 << 20,    /* bytes of the description of all objects */
	HTTP_HEADERS = 12
};
#endif
