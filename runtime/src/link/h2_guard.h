/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_H2_GUARD_H
#define PYRITE_H2_GUARD_H
/*
 * Reads the frame heads of HTTP/2 (RFC 9113, 4.1) on their way to gRPC core, at either end. Core
 * collects a header block of any length before it looks at its own limit, and copies all of it for
 * each frame, so the cost grows with the square of the length. The guard ends a connection whose
 * header block is too long or comes in too many frames. It does not rely on core: whatever comes
 * between the frames of a block, only END_HEADERS ends it. No lock.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	H2_GUARD_BLOCK = 65536, /* bytes of a header block; core accepts 8 KiB, decoded */
	H2_GUARD_FRAMES = 9,    /* of a block: HEADERS, and CONTINUATION, which may be empty */
	H2_GUARD_PREFACE = 24,  /* "PRI * HTTP/2.0 ..." of a client: the door has checked it */
	H2_GUARD_HEAD = 9
};

/* All zero at the beginning of what a client sends. */
struct h2_guard {
	uint32_t n_preface;          /* bytes of the preface that have passed */
	uint32_t left;               /* bytes of the current frame that have not come yet */
	uint32_t block;              /* bytes of the current header block */
	uint32_t last_stream;        /* the highest that the peer has begun */
	uint32_t n_streams;          /* that it has begun; may wrap around */
	uint8_t n_frames;            /* of that block */
	uint8_t n_head;              /* bytes of head */
	uint8_t head[H2_GUARD_HEAD]; /* of the next frame */
	bool is_unproved;            /* a server has not shown yet that it speaks HTTP/2 */
};

/* For what a server sends: it has no preface but a SETTINGS frame (3.4). */
void h2_guard_expect_server(struct h2_guard *guard);

enum h2_guard_verdict {
	H2_GUARD_PASSES,
	H2_GUARD_LONG,   /* the connection must end: a header block is too long */
	H2_GUARD_FOREIGN /* it must end: the server does not speak HTTP/2 */
};

/* Takes the next bytes of the connection. */
enum h2_guard_verdict h2_guard_pass(struct h2_guard *guard, const uint8_t *p, size_t n);
#endif
