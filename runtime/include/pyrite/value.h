/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_VALUE_H
#define PYRITE_VALUE_H
/*
 * ---- Calls without a stub ----
 *
 * A program that has no stubs for an object (a shell, a gateway, a test) calls it by the names of
 * operations, with values as JSON. pyr_proxy_new() makes a proxy of any object: it asks the
 * object's daemon for the interface. From then on it works like a generated one, with sessions,
 * deadlines, retries and TLS. All functions below take generated proxies too (I_as_proxy()).
 *
 *	pyr_proxy *server = pyr_proxy_new("PYRONAME:example.server");
 *	char *sum;
 *
 *	if (pyr_proxy_call_json(server, "add", "{\"x\": 1, \"y\": 2}", &sum) < 0)
 *		return pyr_perror("add");
 *	puts(sum);
 *	pyr_free(sum);
 *	pyr_proxy_free(server);
 *
 * JSON is that of protobuf: 64-bit integers and bytes (base64) are strings, enumerators names,
 * unions and structs objects. docs/values.md has the table. A value that does not fit its type is
 * refused before anything is sent: INVALID_ARGUMENT "items[3].name: expected a string, got 7".
 * Nothing here is for the fast path: a call by JSON costs some microseconds more than a stub.
 *
 * Any thread, as stubs. Inputs are borrowed until the function returns, outputs are owned.
 */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* For pyr_proxy_new_with() alone. */
pyr_proxy *pyr__proxy_learn(const char *uri, const struct pyr_proxy_options *options, size_t size);

/*
 * Makes a proxy of the object at uri, whatever its interface. Unlike I_proxy() it connects at once,
 * and waits for two answers: the object's, and the description of the interface by its daemon
 * (`Pyrite.Daemon`). Returns: owned, pyr_proxy_free(); NULL with the last error set:
 * PERMISSION_DENIED if the daemon does not describe its objects to this caller
 * (pyr_daemon_options.inspect), UNIMPLEMENTED if the daemon is too old for that,
 * FAILED_PRECONDITION if the server speaks plain gRPC only, RESOURCE_EXHAUSTED beyond 1,024 such
 * interfaces in one process, which keeps them. An object of Python's Pyro describes only the names
 * of its operations, which take any arguments, also by name, and return any value.
 */
static inline PYR_MUST_CHECK pyr_proxy *pyr_proxy_new_with(const char *uri,
							   const struct pyr_proxy_options *options)
{
	return pyr__proxy_learn(uri, options, sizeof(*options));
}

/* The same with default options. */
static inline PYR_MUST_CHECK pyr_proxy *pyr_proxy_new(const char *uri)
{
	return pyr__proxy_learn(uri, NULL, 0);
}

/* The proxy's interface as IDL, with all types that its operations use. pyrite-idl reads the text
 * and gives it the same fingerprints. Doc comments of the interface and its operations are
 * included; constants and typedef names are not. Sends nothing. *ret: owned, pyr_free(). */
int pyr_proxy_describe(pyr_proxy *proxy, char **ret) PYR_MUST_CHECK;

/*
 * Calls an operation by its name, "add" or "example.Server.add"; for an attribute x, "get_x" or
 * "set_x". args: a JSON object with the parameters' names, or a list in their order; NULL or "":
 * none. *ret: owned, pyr_free(); what the operation returns; if it has out parameters an object
 * with these, and "ret"; "null" if it returns nothing. ret may be NULL. Returns 0, or minus a
 * status: INVALID_ARGUMENT names the argument that does not fit; UNIMPLEMENTED if the interface has
 * no such operation; others as from a stub. pyr_proxy_error_json() has the members of an exception.
 */
int pyr_proxy_call_json(pyr_proxy *proxy, const char *operation, const char *args,
			char **ret) PYR_MUST_CHECK;

/* The exception in the last error as a JSON object: its members, and its name as "@type". Returns:
 * owned, pyr_free(); NULL, with the last error unchanged, if the last error is not an exception
 * that an operation of the proxy declares. */
char *pyr_proxy_error_json(pyr_proxy *proxy);

/* Arguments as people type them, made into JSON for pyr_proxy_call_json(): values in the order of
 * the parameters, and name=value for any of them; strings, enumerators and URIs without quotes,
 * bytes as base64, all else as JSON. One word alone that begins with '{' is JSON already, unless
 * the operation has one parameter that is a struct, union, map or any. *ret: owned, pyr_free().
 * INVALID_ARGUMENT names the word. */
int pyr_proxy_args_json(pyr_proxy *proxy, const char *operation, const char *const *words, size_t n,
			char **ret) PYR_MUST_CHECK;

/* The ends of streams that a caller of the operation has: */
enum pyr_streams {
	PYR_STREAMS_WRITTEN = 1, /* a parameter is a stream */
	PYR_STREAMS_READ = 2     /* the result is one */
};
/* Returns 0 or these, or minus a status. */
int pyr_proxy_operation_streams(pyr_proxy *proxy, const char *operation);

/* Calls an operation with streams. *ret: owned, pyr_stream_free() or pyr_stream_finish_json(). */
int pyr_proxy_open_json(pyr_proxy *proxy, const char *operation, const char *args,
			pyr_stream **ret) PYR_MUST_CHECK;
/* Writes an item. Returns the same as I_op_write(). Call pyr_stream_end() after the last item. */
int pyr_stream_write_json(pyr_stream *stream, const char *item) PYR_MUST_CHECK;
/* An item as people type it, made into JSON for pyr_stream_write_json(). *ret: owned, pyr_free().
 */
int pyr_stream_item_json(pyr_stream *stream, const char *text, char **ret) PYR_MUST_CHECK;
/* Reads the next item, as I_op_next(). Returns 1 with *ret: owned, pyr_free(); 0 at the end, or
 * minus a status. */
int pyr_stream_next_json(pyr_stream *stream, char **ret) PYR_MUST_CHECK;
/* Ends a stream that is written and not read, and waits for the answer, as I_op_finish(). Takes the
 * stream. *ret: as of pyr_proxy_call_json(). */
int pyr_stream_finish_json(pyr_stream *stream, char **ret) PYR_MUST_CHECK;

/*
 * ---- Objects without generated code ----
 *
 * One function serves all operations of an object, for gateways, recorders and mocks. The interface
 * is that of a proxy, generated or not, and callers see an ordinary object of that interface.
 *
 *	static int serve(pyr_call *call, const char *operation, const char *args, const char **ret)
 *	{
 *		pyr_proxy *next = pyr_call_data(call);
 *		char *said = NULL;
 *
 *		if (pyr_proxy_call_json(next, operation, args, &said) < 0)
 *			return pyr_pass(call);
 *		*ret = pyr_call_strdup(call, said);
 *		pyr_free(said);
 *		return 0;
 *	}
 */

/*
 * Serves a call, as a method does: in a method thread, with what <pyrite/pyrite.h> has for methods;
 * pyr_call_data(call) is what the object was registered with. operation: "add". args: a JSON object
 * with all parameters, streams apart; borrowed. Sets *ret to what pyr_proxy_call_json() gives
 * callers, in memory that is valid until the function returns (pyr_call_strdup(), a literal);
 * ignored if the operation returns nothing. If it does not fit the operation's results, the call
 * fails with INTERNAL. Returns 0, or what pyr_fail(), pyr_pass(), pyr_call_defer() or
 * pyr_call_raise_json() return.
 */
typedef int (*pyr_generic_cb)(pyr_call *call, const char *operation, const char *args,
			      const char **ret);

/*
 * Registers an object whose operations cb serves. id: NULL: a random one. like: a proxy whose
 * interface it has; it is not called, and may be freed. A generated interface must stay loaded as
 * long as the process runs. Returns: the URI, borrowed until the object is unregistered; NULL with
 * the last error set: as I_register(), or RESOURCE_EXHAUSTED if the process serves more than 1,024
 * interfaces so. Any thread.
 */
PYR_MUST_CHECK const char *pyr_daemon_register_generic(pyr_daemon *daemon, const char *id,
						       pyr_proxy *like, pyr_generic_cb cb,
						       void *data);

/* Raises an exception that the operation declares, "example.NoFunds", with its members as a JSON
 * object; NULL: all have defaults or there are none. The function must return the result. */
int pyr_call_raise_json(pyr_call *call, const char *exception, const char *members) PYR_MUST_CHECK;

/* Answers a call that the function deferred. Takes the deferred. ret as of pyr_generic_cb. Returns
 * 0 or minus a status, as I_op_reply(). */
int pyr_deferred_reply_json(pyr_deferred *deferred, const char *ret);

/* The function's end of streams. Reads the next item of the parameter: returns 1 with *ret: owned,
 * pyr_free(); 0 at the end, or minus a status. */
int pyr_call_next_json(pyr_call *call, char **ret) PYR_MUST_CHECK;
/* Writes an item of the result; waits while the caller has not read enough. Returns the same
 * as I_op_yield(); INVALID_ARGUMENT if the item does not fit. */
int pyr_call_yield_json(pyr_call *call, const char *item) PYR_MUST_CHECK;

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
