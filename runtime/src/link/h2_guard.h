/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_H2_GUARD_H
#define PYRITE_H2_GUARD_H
/*
 * Frame heads of HTTP/2 (RFC 9113, 4.1), read on their way to gRPC core. Core collects a header
 * block of any length, at a cost that grows with its square, before it looks at its own limit: so a
 * connection whose block grows beyond H2_GUARD_BLOCK ends here. Not locked.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	H2_GUARD_BLOCK = 65536, /* bytes of one header block: core takes 8 KiB, decoded */
	H2_GUARD_PREFACE = 24,  /* "PRI * HTTP/2.0 ...", which the door has read */
	H2_GUARD_HEAD = 9
};

/* All zero: at the beginning of a connection. */
struct h2_guard {
	uint32_t n_preface;          /* bytes that have passed */
	uint32_t left;               /* bytes of the frame that are yet to come */
	uint32_t block;              /* bytes of the header block so far */
	uint8_t head[H2_GUARD_HEAD]; /* of the next frame, as far as it has come */
	uint8_t n_head;
};

/* What has come next. Returns false if the connection is to end. */
bool h2_guard_pass(struct h2_guard *guard, const uint8_t *p, size_t n);
#endif
