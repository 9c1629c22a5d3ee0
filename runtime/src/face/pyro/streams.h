/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PYRO_STREAMS_H
#define PYRITE_PYRO_STREAMS_H
/*
 * Streams that calls returned, which clients read item by item and name by ids that nobody guesses.
 * A stream is its caller's. When his connection ends while he has some, he lingers: who connects
 * next and names one of them, and has proved to be the same, goes on where he was. A stream may be
 * closed over another connection: Pyro's clients do that when they collect garbage.
 */
#include <pyrite/stream.h>

#include "door/door.h"
#include "face/pyro/connection.h"

enum {
	PYRO_STREAMS = 64,   /* of a caller, open */
	PYRO_LINGERING = 64, /* callers of a face */
	STREAM_ID = 36       /* "9b2f2c4e-..." */
};

struct pyro_stream;

/* Somebody who calls. */
struct pyro_caller {
	struct visitor *visitor;
	struct visitor *aside; /* for oneways that hold nobody up; NULL: none yet */
	char identity[DOOR_IDENTITY_MAX];
	struct pyro_stream *streams;
	unsigned n;               /* of them */
	int64_t until;            /* that he lingers */
	struct pyro_caller *next; /* of the connection, its own first; of those that linger */
};

/* The connection's own. Returns false when memory is out, or it has ended. */
bool caller_let_in(struct pyro_connection *connection);
/* His other sessions, for oneways. NULL when memory is out, or it has ended. */
struct visitor *caller_aside(struct pyro_connection *connection);
/* All callers of the connection end; with_oneways: also what they do not wait for. With the face's
 * lock. */
void callers_end(struct pyro_connection *connection, bool with_oneways);
/* The connection has ended: those who have streams linger. */
void callers_leave(struct pyro_connection *connection);
/* Ends those who have lingered long enough. */
void callers_expire(struct face *face, int64_t now);

/* Takes the stream, also on failure. Returns 1, 0 if there are too many, -1 if memory is out. */
int stream_add(struct pyro_connection *connection, pyr_stream *stream, char ret_id[STREAM_ID + 1]);
/* Returns: borrowed, until it is closed over this connection; NULL if there is none. */
pyr_stream *stream_find(struct pyro_connection *connection, struct span id);
/* Ends it, if it is there. */
void stream_close(struct pyro_connection *connection, struct span id);

/* "9b2f2c4e-0102-..." of 16 bytes. */
void stream_uuid(const uint8_t bytes[16], char ret[STREAM_ID + 1]);
#endif
