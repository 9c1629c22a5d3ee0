/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEC_REFERENCE_H
#define PYRITE_CODEC_REFERENCE_H
/* The message pyrite.Reference of link.proto: a remote object as a value. */
#include "base/buf.h"

enum { REFERENCE_ID = 16 };

/* Spans are borrowed; empty ones are not sent. */
struct codec_reference {
	struct span interface, uri, object;
	uint64_t fingerprint;
	struct span link_local, identity; /* REFERENCE_ID bytes each */
};

void codec_reference_write(const struct codec_reference *reference, struct buf *buf);
/* Returns NULL, or what is wrong with it: "names an interface that is no text". */
const char *codec_reference_read(struct span encoded, struct codec_reference *ret);
#endif
