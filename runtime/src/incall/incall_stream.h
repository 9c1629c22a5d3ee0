/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_INCALL_STREAM_H
#define PYRITE_INCALL_STREAM_H
/* The method's end of a stream, as far as it is the same whatever carries it. */
#include "stream/stream.h"

bool stream_is_wanted(const pyr_stream *stream); /* not cancelled, too late or left alone */
/* Of a stream_kind: */
int64_t stream_method_until(pyr_stream *stream);
void stream_method_expire(pyr_stream *stream);
/* Why one that is not open cannot be used: sets the last error. */
int stream_method_error(pyr_stream *stream);
/* References of the item read last: nobody looks at them any more. let_go: without locks. */
void stream_let_go(pyr_stream *stream);
struct taken stream_leave_taken(pyr_stream *stream);
/* The call is gone. With or without the lock. */
void stream_release(pyr_stream *stream);
#endif
