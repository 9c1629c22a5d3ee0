/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_H
#define PYRITE_H
/*
 * Pyrite: remote objects for C.
 *
 * Describe an interface in IDL, implement it as a table of C functions, register the object with a
 * daemon, give it a name at the name server; a client anywhere calls it through a proxy that looks
 * like a local object.
 *
 * Conventions, everywhere below:
 *  - Functions that return int return 0, or minus a status code (enum pyr_status); constructors
 * return NULL. What went wrong stands in pyr_last_error(), per thread, until the thread's next
 * failing call.
 *  - Ownership in three words. borrowed: valid until the call returns. owned: the caller frees it,
 * with the function named. taken: the callee frees it, also on failure. Inputs are borrowed unless
 * said otherwise.
 *  - Outputs come last and are untouched on failure. x_free(NULL) does nothing. A NULL handle is
 * answered with INVALID_ARGUMENT, or with the error of the constructor that returned it.
 *  - Any function may be called from any thread unless its description says otherwise.
 *  - Times are milliseconds, sizes are bytes. A struct of options that is all zero asks for the
 * defaults.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* Of these headers; pyr_version() tells the library's. */
#define PYR_VERSION_MAJOR 0
#define PYR_VERSION_MINOR 1
#define PYR_VERSION       "0.1.0"

/* Of generated code; it grows when that and the library do not go together any more. */
#define PYR_GEN_ABI 2

/* The compiler warns of a result that nobody looks at; of a format that its arguments do not fit.
 */
#if defined(__GNUC__)
#define PYR_MUST_CHECK       __attribute__((warn_unused_result))
#define PYR_PRINTF(f, a)     __attribute__((format(printf, f, a)))
#define PYR_DEPRECATED(text) __attribute__((deprecated(text)))
#else
#define PYR_DEPRECATED(text)
#define PYR_MUST_CHECK
#define PYR_PRINTF(f, a)
#endif

typedef struct pyr_daemon pyr_daemon;           /* holds objects and answers calls to them */
typedef struct pyr_proxy pyr_proxy;             /* stands for a remote object */
typedef struct pyr_call pyr_call;               /* the call that a method serves */
typedef struct pyr_deferred pyr_deferred;       /* the place of an answer that comes later */
typedef struct pyr_future pyr_future;           /* a call that was started */
typedef struct pyr_batch pyr_batch;             /* calls that travel together: <pyrite/future.h> */
typedef struct pyr_stream pyr_stream;           /* one end of a stream<T>: <pyrite/stream.h> */
typedef struct pyr_ns pyr_ns;                   /* a name server */
typedef struct pyr_uri pyr_uri;                 /* a URI, parsed */
typedef struct pyr_any pyr_any;                 /* an IDL any: does not travel yet */
struct pyr_annotation;                          /* <pyrite/context.h> */
typedef struct pyr_annotations pyr_annotations; /* of a call that is about to leave */
typedef struct pyr_object pyr_object; /* an IDL Object: a reference of no known interface */

/*
 * A struct of options that is all zero asks for the defaults, and 0 in one of its times and counts
 * for the setting of docs/limits.md. PYR_NONE is none at all: no deadline, no waiting, no retries.
 * These structs grow at their end; each function is told the caller's size of its struct, so
 * programs need not be compiled again.
 */
#define PYR_NONE UINT32_MAX

/* A switch in an options struct whose default is not "no". */
enum pyr_switch { PYR_DEFAULT = 0, PYR_YES, PYR_NO };

/* An IDL sequence<octet>. */
struct pyr_bytes {
	size_t n;       /* bytes */
	uint8_t *items; /* may be NULL if n is 0 */
};

/*
 * ---- Status and errors ----
 *
 * One status space, gRPC's. A function that fails returns the negative of one of these, and leaves
 * the detail with the thread: what happened, to which object, at which address, and whether the
 * call may have run all the same. Success never touches the last error. Read it right after the
 * failure, or keep it with pyr_error_take().
 */
enum pyr_status {
	PYR_OK = 0,
	PYR_CANCELLED = 1,
	PYR_UNKNOWN = 2,
	PYR_INVALID_ARGUMENT = 3,
	PYR_DEADLINE_EXCEEDED = 4,
	PYR_NOT_FOUND = 5,
	PYR_ALREADY_EXISTS = 6,
	PYR_PERMISSION_DENIED = 7,
	PYR_RESOURCE_EXHAUSTED = 8,
	PYR_FAILED_PRECONDITION = 9,
	PYR_ABORTED = 10,
	PYR_OUT_OF_RANGE = 11,
	PYR_UNIMPLEMENTED = 12,
	PYR_INTERNAL = 13,
	PYR_UNAVAILABLE = 14,
	PYR_DATA_LOSS = 15,
	PYR_UNAUTHENTICATED = 16
};

/* Read only; strings are never NULL, "" when there is nothing to say. New members may follow in
 * later versions. */
typedef struct pyr_error {
	int code;          /* enum pyr_status, positive */
	bool remote;       /* the other side answered so; false: it was found here */
	bool may_have_run; /* the call had left and no answer came: it may have been carried out */
	const char *message;   /* "NamingError: no name 'x' at 127.0.0.1:9090" */
	const char *object;    /* id of the object called */
	const char *operation; /* "example.Server.add" */
	const char *address;   /* host:port or ./u:path of the other side */
	const char *exception; /* wire name of the typed exception, "example.Bank.NoFunds" */
	const char *trace;     /* a line for where it was raised, and for each call it came through:
				  "file:line in operation of 'object' at address\n" */
	const char *correlation_id; /* of the request this call was part of */
	bool raised; /* by the method (pyr_fail(), an exception, an error it handed on), or by a
			server of plain gRPC; false: by Pyrite at either end. Only then has it a
			class: pyr_error_class() */
} pyr_error;

/* The thread's last error. Returns: never NULL, code 0 if nothing has failed yet; valid until the
 * thread's next failing call. */
const pyr_error *pyr_last_error(void);

/* The message of the last error, with object, operation and address. Returns: borrowed, as
 * pyr_last_error(). */
const char *pyr_errmsg(void);

/* Prints "what: message" to stderr, control characters escaped. Returns 1, so that main() can
 * return it. */
int pyr_perror(const char *what);

/*
 * Prints an error on some lines: its code, message and place, and the trace of one that came from
 * elsewhere, the outermost call first, framed as Pyro's tracebacks are. Control characters are
 * escaped, long parts cut. error: NULL is the last error. Source: Pyro's get_pyro_traceback().
 */
void pyr_error_print(const pyr_error *error, FILE *stream);

/*
 * Which of Pyro's errors it would be: "ConnectionClosed", "TimeoutError", "CommunicationError",
 * "MessageTooLarge", "ProtocolError", "NamingError", "DaemonError", "SecurityError"; "" for all
 * that methods say themselves. NULL is the last error. Returns: a constant.
 */
const char *pyr_error_class(const pyr_error *error);

/* The network or the other end's runtime failed, not the method: one of the first five of those.
 * Source: Pyro's tree of errors, where they are CommunicationErrors. */
bool pyr_error_is_communication(const pyr_error *error);

/* Takes the last error out of the thread's hands. Returns: owned, pyr_error_free(); NULL if nothing
 * has failed. */
pyr_error *pyr_error_take(void);
void pyr_error_free(pyr_error *error);

/* The name of a status code of either sign: "NOT_FOUND"; "?" if there is none. */
const char *pyr_status_name(int code);

/* The version of the library in use, as "0.1.0". */
const char *pyr_version(void);

/* Frees one output of a call (string, struct, sequence ...: each is one block). */
void pyr_free(void *block);

/*
 * ---- Addresses ----
 *
 * PYRO:id@host:port, PYRO:id@[v6]:port, PYRO:id@./u:path, PYRONAME:name[@host[:port]],
 * PYROMETA:tag,tag[@host[:port]]. Source: Pyro's core.URI; the schemes keep its names.
 */
enum pyr_uri_scheme { PYR_URI_PYRO = 1, PYR_URI_PYRONAME, PYR_URI_PYROMETA };

/* Parses a URI. Returns: owned, pyr_uri_free(); NULL with INVALID_ARGUMENT saying which part is
 * wrong. */
pyr_uri *pyr_uri_parse(const char *text) PYR_MUST_CHECK;
void pyr_uri_free(pyr_uri *uri);
enum pyr_uri_scheme pyr_uri_scheme(const pyr_uri *uri);
const char *pyr_uri_object(const pyr_uri *uri); /* the object's id, the name, or the tags */
const char *
pyr_uri_host(const pyr_uri *uri); /* "" if none was given or the address is a unix socket */
uint16_t pyr_uri_port(const pyr_uri *uri);      /* 0 if none was given */
const char *pyr_uri_socket(const pyr_uri *uri); /* path of the unix socket, "" if it is none */
const char *
pyr_uri_text(const pyr_uri *uri); /* the normal form: equal addresses have equal texts */

/*
 * ---- Daemons ----
 *
 * A daemon holds objects and answers calls to them. pyr_daemon_new() listens at once (so that URIs
 * are known); pyr_daemon_run() serves until pyr_daemon_stop() or a SIGTERM or SIGINT, drains, and
 * returns. Methods run in a pool of threads, the caller of pyr_daemon_run() among them; with
 * threads = 1 one method at a time, in that thread only, so that objects need no locks. Register
 * and unregister whenever you like, from any thread. <pyrite/daemon.h> has what few daemons need.
 */

#include <pyrite/hooks.h> /* what daemons and proxies call back */

/* How a daemon listens, and what it puts up with. */
struct pyr_daemon_options {
	const char *host;   /* address to listen on; default PYRITE_HOST, else 127.0.0.1 */
	uint16_t port;      /* default 0: the system picks one */
	const char *socket; /* path of a unix socket to listen on instead of TCP; default none */
	unsigned threads;   /* methods that run at a time, those not counted that wait for a call of
			       their own; 1 = serial; default: cores, at least 4 */
	unsigned max_calls; /* unanswered calls a link may have here; default 16,384 */
	unsigned max_links; /* connections; default (RLIMIT_NOFILE - in use - 16) / 2, at least 8 */
	uint32_t max_message; /* bytes of one request or reply; default 64 MiB */
	uint32_t drain_ms;    /* how long running calls may go on after a stop; default 5,000;
				 PYR_NONE: they end at once */
	/* How long a method waits for the caller of its stream to read or write again; then the
	 * stream ends with DEADLINE_EXCEEDED. Each use begins it anew. Default PYR_NONE: for ever.
	 */
	uint32_t stream_lifetime_ms;
	/* How long a stream whose connection was lost waits for its proxy to reconnect; then its
	 * method is CANCELLED. Default 30,000; PYR_NONE: not at all. */
	uint32_t stream_linger_ms;
	/* SIGTERM and SIGINT end pyr_daemon_run(), where they are SIG_DFL. One that comes between
	 * pyr_daemon_new() and the run ends the run at once; without a run within a second it has
	 * its default effect, as a second signal has. Default PYR_YES. */
	enum pyr_switch signals;
	enum pyr_switch
		insecure; /* accept a bind beyond loopback without TLS or key; default PYR_NO */
	enum pyr_switch traces; /* errors tell callers where they came from (file, line, object):
				   PYR_YES all, PYR_NO none; default those on this host */
	pyr_call_error_cb on_call_error; /* default: none */
	/* Default: every session is accepted, and answered with nothing. With it, calls of plain
	 * gRPC, which have no handshake, are refused: FAILED_PRECONDITION. */
	pyr_connect_cb on_connect;
	pyr_disconnect_cb on_disconnect;          /* default: none */
	pyr_answer_cb on_answer;                  /* default: none */
	void *hook_data;                          /* last parameter of the hooks */
	const struct pyr_annotation *annotations; /* go with each answer; copied */
	size_t n_annotations;                     /* of annotations */
};

/* For pyr_daemon_new() alone. */
pyr_daemon *pyr__daemon_new(const struct pyr_daemon_options *options, size_t size);

/* Starts to listen. Returns: owned, pyr_daemon_free(); NULL naming the address that could not be
 * had. */
static inline PYR_MUST_CHECK pyr_daemon *pyr_daemon_new(const struct pyr_daemon_options *options)
{
	return pyr__daemon_new(options, sizeof(*options));
}

/* Stops at once if it still runs, and frees; not from one of its own methods. */
void pyr_daemon_free(pyr_daemon *daemon);

/* Serves until stopped. Returns 0 after a drained stop. One thread at a time. Flushes stdout before
 * it waits, so that what was printed is seen also where stdout is a pipe or a file. */
int pyr_daemon_run(pyr_daemon *daemon) PYR_MUST_CHECK;

/* Asks pyr_daemon_run() to drain and return; also from a method. Async-signal-safe it is not. */
void pyr_daemon_stop(pyr_daemon *daemon);

/* Where it listens: "127.0.0.1:40123" or "./u:/run/x.sock". Returns: borrowed, valid as long as the
 * daemon. */
const char *pyr_daemon_address(pyr_daemon *daemon);

/* The URI of a registered object. Returns: the daemon's, valid until the object is unregistered;
 * NULL with NOT_FOUND. */
const char *pyr_daemon_uri(pyr_daemon *daemon, const char *id);

/* Forgets an object: calls to it are answered NOT_FOUND, also those that wait; running and deferred
 * ones go on. */
int pyr_daemon_unregister(pyr_daemon *daemon, const char *id);

/*
 * Sets what frees the object's data, which it gets as it was registered: called once, after the
 * object was unregistered, or its daemon freed, and its last call that had begun is through (a
 * deferred one: answered). In a method thread, at the latest in pyr_daemon_free(); in the callback
 * thread, where a deferred outlives its daemon. Until then the data are valid in all its calls and
 * their hooks; then pyr_call_data() gives NULL. Instead of what was set before. NOT_FOUND if there
 * is no such object: then nothing will be called.
 */
typedef void (*pyr_destroy_cb)(void *data);
int pyr_daemon_set_destroy(pyr_daemon *daemon, const char *id, pyr_destroy_cb destroy);

/* Makes the object the one that answers plain gRPC calls which name none. Of several of an
 * interface the last set wins. */
int pyr_daemon_set_default(pyr_daemon *daemon, const char *id);

/*
 * ---- In a method ----
 *
 * The call belongs to the method until it returns (or, deferred, until the deferred is completed).
 * Memory from pyr_call_alloc() and pyr_call_strdup() lives as long, so it may be handed out as a
 * result.
 */
void *pyr_call_data(const pyr_call *call);            /* the object's data, as registered */
const char *pyr_call_object(const pyr_call *call);    /* id of the object */
const char *pyr_call_operation(const pyr_call *call); /* "example.Server.add" */
const char *pyr_call_peer(const pyr_call *call);      /* address of the caller; not authenticated */
/* Nobody waits for the answer any more. Whatever the method then answers, its call ends with
 * CANCELLED or DEADLINE_EXCEEDED, here (on_call_error) as at the caller. */
bool pyr_call_is_cancelled(const pyr_call *call);
int64_t pyr_call_time_left(
	const pyr_call *call); /* ms to the caller's deadline; INT64_MAX if there is none */

/* Memory of the call, zeroed. Returns NULL only when memory is out. */
void *pyr_call_alloc(pyr_call *call, size_t n);
char *pyr_call_strdup(pyr_call *call, const char *s);

/*
 * Ends a method with an error: return pyr_fail(call, PYR_NOT_FOUND, "no account %s", id);
 * Returns minus the code; file and line become part of the error's trace.
 */
#define pyr_fail(call, code, ...) pyr_call_fail((call), __FILE__, __LINE__, (code), __VA_ARGS__)
int pyr_call_fail(pyr_call *call, const char *file, int line, int code, const char *format, ...)
	PYR_PRINTF(5, 6);

/*
 * Hands on the error of a call that the method made: return pyr_pass(call); As does returning its
 * status, but file and line become part of the trace. Returns minus the code of the last error.
 */
#define pyr_pass(call) pyr_call_pass((call), __FILE__, __LINE__)
int pyr_call_pass(pyr_call *call, const char *file, int line);

/*
 * Answers later: return pyr_call_defer(call, &deferred); From then on arguments, pyr_call_alloc()
 * memory and call belong to the deferred, until it is completed exactly once by the operation's
 * I_op_reply() or by pyr_deferred_fail(), from any thread; both take it. Freeing it unanswered
 * replies INTERNAL.
 */
int pyr_call_defer(pyr_call *call, pyr_deferred **ret);
int pyr_deferred_fail(pyr_deferred *deferred, int code, const char *format, ...) PYR_PRINTF(3, 4);
void pyr_deferred_free(pyr_deferred *deferred);
pyr_call *
pyr_deferred_call(pyr_deferred *deferred); /* borrowed: for pyr_call_alloc(), pyr_call_data() ... */

/*
 * Called once, in a method thread of the daemon, when the caller cancels or is gone before the
 * answer, with no lock held. It may answer itself; if another thread may do so at the same time, it
 * is theirs to agree who does. An answer does not wait for an on_cancel that runs, and the deferred
 * and its call stay valid until that has returned.
 */
typedef void (*pyr_cancel_cb)(pyr_deferred *deferred, void *data);
/* After it returns the one that was set before neither runs nor will (it waits for one that runs,
 * except from its own thread): so, with NULL and before the answer, data can be freed. */
void pyr_deferred_set_on_cancel(pyr_deferred *deferred, pyr_cancel_cb on_cancel, void *data);

/*
 * ---- Proxies ----
 *
 * A proxy stands for a remote object. It connects at its first call, by itself again after a loss,
 * shares its connection with other proxies to the same daemon, and may be used by many threads at
 * once. Its functions are generated, per interface; these work on each of them
 * (example_Server_as_proxy(server)).
 */

/*
 * How a proxy speaks to its server. A daemon is called over its link. Any other gRPC server with
 * the services of `pyrite-idl --proto` is called the way gRPC clients do, one gRPC call per call;
 * what needs a session is then refused. docs/grpc.md tells more.
 */
enum pyr_plain {
	PYR_PLAIN_AUTO = 0, /* plain if the server does not know links */
	PYR_PLAIN_NEVER,    /* such a server is FAILED_PRECONDITION */
	PYR_PLAIN_ONLY      /* always plain, also to a daemon */
};

/* How a proxy connects and calls. */
struct pyr_proxy_options {
	uint32_t timeout_ms; /* deadline of each call; default: the operation's @timeout, else
				PYRITE_TIMEOUT_MS, else PYR_NONE */
	uint32_t connect_timeout_ms; /* default 5,000 */
	bool own_link;               /* a connection of its own */
	uint32_t wait_ms;     /* how long a call or bind waits for its name server, name, server and
				 object to be there; default PYRITE_WAIT_MS, else PYR_NONE */
	uint32_t max_retries; /* of a call of an @idempotent operation that found no connection or
				 lost it; default PYRITE_MAX_RETRIES, else PYR_NONE */
	enum pyr_plain plain; /* whether it may call a server that is no Pyrite */
	const struct pyr_annotation *annotations; /* go with each call; copied */
	size_t n_annotations;                     /* of annotations */
	/* Goes to the daemon's on_connect whenever the proxy binds; copied. With it, or with
	 * on_handshake, the proxy calls no server of plain gRPC, which would not look at it:
	 * FAILED_PRECONDITION. At most PYR_HANDSHAKE_MAX bytes. Source: Pyro's _pyroHandshake. */
	struct pyr_bytes handshake;
	/* Default: none. With it a call that opens a session, also one that is started, waits until
	 * the session is accepted: connect_timeout_ms at most. */
	pyr_handshake_cb on_handshake;
	pyr_annotate_cb on_call; /* default: none */
	pyr_reply_cb on_reply;   /* default: none */
	void *hook_data;         /* last parameter of the hooks */
};

/*
 * Options of one call. I_with(proxy, &options) returns the proxy, to be used at once as the first
 * argument of a stub, which takes the options along: example_Server_add(example_Server_with(server,
 * &(struct pyr_call_options){ .timeout_ms = 20 }), 1, 2, &sum). They hold for the calling thread's
 * (or task's) next call through that proxy, and no other. Strings and annotations are borrowed
 * until that call has been started.
 */
struct pyr_call_options {
	uint32_t timeout_ms; /* deadline; default: the proxy's, else the operation's @timeout, else
				PYRITE_TIMEOUT_MS, else PYR_NONE */
	const char *correlation_id; /* default: the thread's, or that of the call it is part of */
	const char *traceparent;    /* likewise */
	const struct pyr_annotation *annotations; /* beside the proxy's */
	size_t n_annotations;                     /* of annotations */
	bool detached; /* inside a method: goes on if the method's own call is cancelled, and may
			  take longer than that one */
};

/* As pyr_proxy_options.timeout_ms, from the next call on: 0 is the default, PYR_NONE none. */
void pyr_proxy_set_timeout(pyr_proxy *proxy, uint32_t timeout_ms);
const char *pyr_proxy_uri(const pyr_proxy *proxy); /* as given */

/* Connects and binds now, instead of at the first call. */
int pyr_proxy_bind(pyr_proxy *proxy) PYR_MUST_CHECK;

/* Whether its calls go out as plain gRPC. Known once it is bound; before, of PYR_PLAIN_ONLY alone.
 */
bool pyr_proxy_is_plain(pyr_proxy *proxy);

/* Lets the connection go, ending running calls as CANCELLED; the next call connects again. */
void pyr_proxy_release(pyr_proxy *proxy);

/*
 * ---- Names ----
 *
 * The name server maps names to URIs. A URI of a daemon in this process is leased: the runtime
 * renews it, pyr_daemon_run() removes it before it closes, and it lapses if the process dies. Any
 * other URI is persistent: it stays until removed. A leased name is its owner's to change while the
 * owner's connection to the name server lives; a persistent name is anybody's. Metadata of a name
 * are tags, texts without white space, ',' and '@'. The interface itself is pyrite.NameServer
 * (naming.idl); these are its short forms. Source: Pyro's core.locate_ns and nameserver.
 */
struct pyr_ns_entry {
	const char *name;        /* never NULL */
	const char *uri;         /* as registered */
	const char *const *tags; /* sorted, each once */
	size_t n_tags;           /* of tags */
};

/* What a list of names gives. */
struct pyr_ns_entries {
	size_t n;                   /* of items */
	struct pyr_ns_entry *items; /* sorted by name */
};

/*
 * Finds the name server at address ("host", "host:port", "./u:path"), else at PYRITE_NS_HOST and
 * PYRITE_NS_PORT, else at 127.0.0.1:9090, and pings it. Returns: owned, pyr_ns_free(); NULL with
 * UNAVAILABLE.
 */
pyr_ns *pyr_ns_locate(const char *address) PYR_MUST_CHECK;

/* How long to look for it. */
struct pyr_ns_locate_options {
	uint32_t wait_ms; /* default PYRITE_WAIT_MS, else PYR_NONE: it is there, or the call fails
			   */
};

/* For pyr_ns_locate_with() alone. */
pyr_ns *pyr__ns_locate(const char *address, const struct pyr_ns_locate_options *options,
		       size_t size);

/* The same as pyr_ns_locate(); with wait_ms the server may be started later than this. */
static inline PYR_MUST_CHECK pyr_ns *pyr_ns_locate_with(const char *address,
							const struct pyr_ns_locate_options *options)
{
	return pyr__ns_locate(address, options, sizeof(*options));
}

/* Frees it; names that were registered through it stay. */
void pyr_ns_free(pyr_ns *ns);

/* Where it is, "127.0.0.1:9090". Returns: borrowed. */
const char *pyr_ns_address(const pyr_ns *ns);

/* Whether what is changed through ns may be another's: for tools of administrators, until callers
 * have identities. Default: no. */
void pyr_ns_set_force(pyr_ns *ns, bool force);

/* Registers a name, without metadata. ALREADY_EXISTS if somebody else's registration holds it. */
int pyr_ns_register(pyr_ns *ns, const char *name, const char *uri) PYR_MUST_CHECK;

/* What a name is registered with, beside its URI. */
struct pyr_ns_register_options {
	bool replace;            /* also a persistent name that leads elsewhere; default: no */
	const char *const *tags; /* the name's metadata; default: none */
	size_t n_tags;           /* of tags */
};
/* For pyr_ns_register_with() alone. */
int pyr__ns_register(pyr_ns *ns, const char *name, const char *uri,
		     const struct pyr_ns_register_options *options, size_t size);

/* As pyr_ns_register(); options may be NULL. */
static inline PYR_MUST_CHECK int pyr_ns_register_with(pyr_ns *ns, const char *name, const char *uri,
						      const struct pyr_ns_register_options *options)
{
	return pyr__ns_register(ns, name, uri, options, sizeof(*options));
}

/* Gives a name these tags instead of those it had. NOT_FOUND if there is no such name,
 * ALREADY_EXISTS if it is another's. */
int pyr_ns_set_metadata(pyr_ns *ns, const char *name, const char *const *tags,
			size_t n_tags) PYR_MUST_CHECK;

/* Looks a name up. *ret: owned, pyr_free(). NOT_FOUND if there is none. */
int pyr_ns_lookup(pyr_ns *ns, const char *name, char **ret) PYR_MUST_CHECK;

/* The same, with its metadata. *ret: owned, one pyr_free(). */
int pyr_ns_lookup_entry(pyr_ns *ns, const char *name, struct pyr_ns_entry **ret) PYR_MUST_CHECK;

/* Lists the names that begin with prefix (NULL: all), sorted. *ret: owned, one pyr_free(). */
int pyr_ns_list(pyr_ns *ns, const char *prefix, struct pyr_ns_entries **ret) PYR_MUST_CHECK;

/* The names that match, from their first byte on but not necessarily to their end. regex: PCRE2's,
 * at most 256 bytes. INVALID_ARGUMENT tells what is wrong with it and where, RESOURCE_EXHAUSTED
 * that it takes too long. */
int pyr_ns_list_matching(pyr_ns *ns, const char *regex, struct pyr_ns_entries **ret) PYR_MUST_CHECK;

/* The names with all of the tags, or with any of them. No tags: no names. */
int pyr_ns_list_metadata_all(pyr_ns *ns, const char *const *tags, size_t n_tags,
			     struct pyr_ns_entries **ret) PYR_MUST_CHECK;
int pyr_ns_list_metadata_any(pyr_ns *ns, const char *const *tags, size_t n_tags,
			     struct pyr_ns_entries **ret) PYR_MUST_CHECK;

/* Removes a name. NOT_FOUND if there is none, ALREADY_EXISTS if it is another's. */
int pyr_ns_remove(pyr_ns *ns, const char *name) PYR_MUST_CHECK;

/* Removes the names that begin with prefix, or match; others' stay. A failure in the middle leaves
 * some removed. ret: may be NULL. */
struct pyr_ns_removal {
	uint32_t removed; /* names that are gone */
	uint32_t kept;    /* names that matched and are others' */
};
int pyr_ns_remove_prefix(pyr_ns *ns, const char *prefix, struct pyr_ns_removal *ret) PYR_MUST_CHECK;
int pyr_ns_remove_matching(pyr_ns *ns, const char *regex,
			   struct pyr_ns_removal *ret) PYR_MUST_CHECK;

/* Whether it answers: UNAVAILABLE if not. */
int pyr_ns_ping(pyr_ns *ns) PYR_MUST_CHECK;

/* How many names it knows. */
int pyr_ns_count(pyr_ns *ns, uint32_t *ret) PYR_MUST_CHECK;

/*
 * ---- Logging ----
 *
 * The library never prints. It hands what an operator may want to know to a callback; until one is
 * set, nothing is said.
 */
enum pyr_log_level { PYR_LOG_ERROR = 1, PYR_LOG_WARNING, PYR_LOG_INFO, PYR_LOG_DEBUG };

/* text: one line, borrowed. Called from any thread, perhaps with a lock of the runtime held; it
 * must not call back into Pyrite. */
typedef void (*pyr_log_cb)(enum pyr_log_level level, const char *text, void *data);

/* Sets the callback and the level up to which it is called; NULL: none. */
void pyr_set_log(pyr_log_cb callback, enum pyr_log_level level, void *data);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#include <pyrite/context.h>
#include <pyrite/daemon.h>
#include <pyrite/future.h>
#include <pyrite/proxy.h>
#include <pyrite/stream.h>
#include <pyrite/task.h>
#include <pyrite/timer.h>
#endif
