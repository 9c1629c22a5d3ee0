/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_GENERIC_H
#define PYRITE_GENERIC_H
/*
 * Calls without a stub, for faces: what pyrite/value.h does for JSON, with arguments from any
 * source and results into any sink. All functions return 0, or minus a status with the last error
 * set. Any thread, as stubs; sources and sinks are borrowed until the function returns.
 */
#include <pyrite/gen.h>

#include "generic/generic_arguments.h"
#include "value/sink.h"

/* The proxy's interface, constant. NULL: the proxy is. */
const struct pyr__interface *generic_interface(const pyr_proxy *proxy);
/* By its name, "add" or "example.Server.add"; of an attribute x "get_x" and "set_x". NULL with the
 * last error set: UNIMPLEMENTED. */
const struct pyr__operation *generic_find(const pyr_proxy *proxy, const char *name);
/* The operation that reads or writes an attribute; NULL, without an error: there is none. Only the
 * last part of an operation's name tells, so a method get_x(), without parameters and with a
 * result, passes for one that reads. */
const struct pyr__operation *generic_attribute(const pyr_proxy *proxy, const char *name,
					       bool is_set);

/*
 * Calls an operation without streams. What it wants and is not passed is as @default or @optional
 * says; null stands for nothing there. INVALID_ARGUMENT says what does not fit, in Python's words:
 * "add() got an unexpected argument 'z'", "add(): parameter 'x': an integer is wanted, not 'a'".
 * results: one value, as pyr_proxy_call_json() returns it: null if the operation returns nothing,
 * an object if it has out parameters. NULL: not wanted. Nothing is written if the call fails.
 */
int generic_call(pyr_proxy *proxy, const char *operation, const struct generic_arguments *arguments,
		 struct sink *results) PYR_MUST_CHECK;

/* The same of an operation with streams. *ret: owned, pyr_stream_free() or generic_finish(). */
int generic_open(pyr_proxy *proxy, const char *operation, const struct generic_arguments *arguments,
		 pyr_stream **ret) PYR_MUST_CHECK;
/* Writes the one item that the source holds. */
int generic_write(pyr_stream *stream, struct source *item) PYR_MUST_CHECK;
/* Returns 1 with the next item written, 0 at the end, or minus a status. */
int generic_next(pyr_stream *stream, struct sink *item) PYR_MUST_CHECK;
/* Ends a stream that is written and not read, and waits for the results. Takes the stream. */
int generic_finish(pyr_stream *stream, struct sink *results) PYR_MUST_CHECK;

/*
 * Writes the members of the exception that the last error is, as an object; pyr_last_error() has
 * its name, which with is_named is the member "@type". Returns false, with nothing written, if it
 * is none that an operation of the proxy raises. The last error stays as it is.
 */
bool generic_exception(const pyr_proxy *proxy, bool is_named, struct sink *sink);
#endif
