/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_STREAM_H
#define PYRITE_STREAM_H
/*
 * ---- Streams ----
 *
 * An operation whose result is a stream<T>, or one of whose parameters is, carries any number of
 * items in one call. The call I_op() opens it and returns a pyr_stream; the method gets the other
 * end. For each direction there is a pair of generated functions:
 *
 * - stream<T> op(...): the caller has int I_op_next(stream, T *ret), the method
 *   int I_op_yield(stream, T).
 *
 * - op(stream<T> x): the caller has int I_op_write(stream, T) and int I_op_finish(stream, results),
 *   the method int I_op_read(stream, T *ret).
 *
 * next and read return 1 with an item, 0 at the end, or minus a status; what next stores is owned
 * (pyr_free()), what read stores is borrowed until the next read. A result's stream ends when its
 * method returns; an error of the method comes after the items before it. Both sides are held to
 * what the other takes: write and yield block while 256 KiB (on this host) or 4 MiB wait unread.
 * A stream survives the loss of its connection for the daemon's .stream_linger_ms: meanwhile next
 * gives what had come, then it and write fail with UNAVAILABLE "ConnectionClosed" without ending
 * the stream; once the proxy has reconnected they go on where they were, each item once. finish
 * reconnects by itself. Source: Pyro's ITER_STREAM_LINGER.
 *
 * No thread stands behind a stream. One thread at a time reads an end, and one writes it; they may
 * be two. Source: Pyro's item streaming; OMG IDL has none, gRPC's streams are its model.
 */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* The caller's end: says that no more items will be written; the method's reads return 0 after
 * those before. I_op_finish() does so by itself. Twice is once. */
int pyr_stream_end(pyr_stream *stream) PYR_MUST_CHECK;

/* The caller's end: ends the call as CANCELLED, here at once, and there as soon as the method
 * reads, yields or looks. Any thread, also beside one that waits in next or write. */
void pyr_stream_cancel(pyr_stream *stream);

/* The caller's end: cancels what still runs, and frees. Unread items are lost. */
void pyr_stream_free(pyr_stream *stream);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
