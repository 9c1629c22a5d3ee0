/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_STREAM_REFERENCES_H
#define PYRITE_STREAM_REFERENCES_H
/*
 * References that an item passes. They enter the tables of the link that carries the stream before
 * the item waits for room, for a stream's lock comes after its peer's; if the item does not leave
 * after all, or not there, they are taken out again.
 */
#include "stream/stream.h"

struct stream_pass {
	struct peer *peer; /* counted; NULL: no link carries the stream */
	const struct codec_carried *kept;
	struct buf list; /* as in an Item frame */
	unsigned n;
	bool is_done; /* the item's first part was put */
};

/* Without locks. Returns 0 or minus a status with the last error set. */
int stream_pass_begin(pyr_stream *stream, const struct codec_carried *carried,
		      struct stream_pass *ret);
void stream_pass_end(struct stream_pass *pass, const struct codec_carried *carried);

/* ---- with the stream's lock ---- */
/* pass: NULL: it passes none. */
void stream_pass_describe(const struct stream_pass *pass, struct stream_part *part);
/* Whether the stream is where it was. */
bool stream_pass_may(const pyr_stream *stream, const struct stream_pass *pass);
void stream_pass_done(pyr_stream *stream, struct stream_pass *pass);
#endif
