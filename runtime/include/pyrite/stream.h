/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_STREAM_H
#define PYRITE_STREAM_H
/*
 * ---- Streams ----
 *
 * An operation with a stream<T> as its result or as a parameter carries any number of items in
 * one call. The caller's I_op() opens the stream and returns a pyr_stream; the method gets the
 * other end. Each direction has a pair of generated functions:
 *
 *  - stream<T> op(...): the caller has int I_op_next(stream, T *ret), the method int
 *    I_op_yield(stream, T).
 *
 *  - op(stream<T> x): the caller has int I_op_write(stream, T) and int I_op_finish(stream,
 *    results), the method int I_op_read(stream, T *ret).
 *
 * next and read return 1 with an item, 0 at the end, or minus a status. An item from next is
 * owned (pyr_free()), one from read is borrowed until the next read. A result's stream ends when
 * its method returns; an error of the method follows the items before it. Writers wait for
 * readers: write and yield block while 256 KiB (on the same host) or 4 MiB are unread.
 *
 * A stream survives the loss of its connection for the daemon's .stream_linger_ms. Meanwhile
 * next returns the items that had arrived; then next and write fail with UNAVAILABLE
 * "ConnectionClosed" without ending the stream. Once the proxy has reconnected they continue,
 * and each item comes once. finish reconnects by itself; it takes the stream and frees it, also
 * when it returns an error.
 *
 * A stream needs no thread. One thread at a time may read an end, and one may write it; they may
 * be different ones.
 */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/*
 * I_op_try_yield() and I_op_try_write() are for writers that must not wait, such as one that sends
 * the same items to many readers, some of them slow, or a program with its own event loop. They
 * return 0 if the item was accepted, 1 if there is no room for it now, or minus a status as yield
 * and write do. An item that is larger than the whole window fails with RESOURCE_EXHAUSTED,
 * "MessageTooLarge".
 */

/* Called once when there is room for the item that was tried last, or when the stream can no longer
 * be written, which the next try then reports. */
typedef void (*pyr_room_cb)(pyr_stream *stream, void *data);

/* Sets that callback, after a try that returned 1; callback: NULL removes it. If there is room by
 * now it is called soon, never from within this call. It runs where callbacks of futures do: in a
 * method thread of the daemon in one of whose methods or callbacks it was set, else in the callback
 * thread or the program's loop. It is not called once the stream is freed or its call was answered.
 * One thread at a time, as for writing. */
int pyr_stream_on_room(pyr_stream *stream, pyr_room_cb callback, void *data) PYR_MUST_CHECK;

/* Bytes of items that this end has written and that have not left the process, because the
 * connection is busy or the other end does not read. A writer that serves many readers and must
 * save memory tries only while this is 0. Returns 0 for NULL and for an end that does not write. */
size_t pyr_stream_unsent(pyr_stream *stream);

/* Caller's end: no more items will be written. The method's reads return 0 after the last item.
 * I_op_finish() does this by itself. A second call does nothing. */
int pyr_stream_end(pyr_stream *stream) PYR_MUST_CHECK;

/* Caller's end: ends the call with CANCELLED, here at once, and there as soon as the method
 * reads, yields or checks. Any thread, even while another waits in next or write. */
void pyr_stream_cancel(pyr_stream *stream);

/* Caller's end: cancels the call if it still runs, and frees the stream. Unread items are lost. */
void pyr_stream_free(pyr_stream *stream);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
