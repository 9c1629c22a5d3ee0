/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PYRO_STREAMS_H
#define PYRITE_PYRO_STREAMS_H
/* Streams that a connection's calls returned, which it reads item by item. One thread at a time. */
#include <pyrite/stream.h>

#include "base/buf.h"

enum {
	PYRO_STREAMS = 64, /* of a connection, open */
	STREAM_ID = 36     /* "9b2f2c4e-..." */
};

struct pyro_streams;

/* Takes the stream, also on failure. *streams: NULL at first. Returns false if there are too many,
 * or memory is out. */
bool streams_add(struct pyro_streams **streams, pyr_stream *stream, char ret_id[STREAM_ID + 1]);
/* Returns: borrowed; NULL if there is none. */
pyr_stream *streams_find(const struct pyro_streams *streams, struct span id);
/* Ends it, if it is there. */
void streams_remove(struct pyro_streams *streams, struct span id);
/* Ends all. NULL: nothing. */
void streams_free(struct pyro_streams *streams);

/* "9b2f2c4e-0102-..." of 16 bytes. */
void stream_uuid(const uint8_t bytes[16], char ret[STREAM_ID + 1]);
#endif
