/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_H
#define PYRITE_H
/*
 * Pyrite: remote objects for C.
 *
 * Describe an interface in IDL, implement it as a table of C functions, register the object with
 * a daemon, and give it a name at the name server. Clients anywhere call it through a proxy that
 * looks like a local object.
 *
 * Conventions:
 *  - A function that returns int returns 0, or minus a status code (enum pyr_status). A
 *    constructor returns NULL on failure. pyr_last_error() has the details, per thread, until the
 *    thread's next failing call.
 *  - Ownership has three words. borrowed: valid until the call returns. owned: the caller frees
 *    it, with the function named. taken: the callee frees it, also on failure. Inputs are
 *    borrowed unless said otherwise.
 *  - Outputs come last and are untouched on failure. x_free(NULL) does nothing. Passing another
 *    function a NULL handle returns INVALID_ARGUMENT, or the error of the constructor that
 *    failed.
 *  - Any function may be called from any thread unless its description says otherwise.
 *  - Times are in milliseconds, sizes in bytes.
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

/* The version of these headers; pyr_version() returns that of the library. */
#define PYR_VERSION_MAJOR 0
#define PYR_VERSION_MINOR 2
#define PYR_VERSION       "0.2.0"

/* The version of generated code. It is raised when generated code and the library no longer fit
 * together. */
#define PYR_GEN_ABI 4

/* Makes the compiler warn of a result that is ignored; of arguments that do not fit their
 * format; of a deprecated operation. */
#if defined(__GNUC__)
#define PYR_MUST_CHECK       __attribute__((warn_unused_result))
#define PYR_PRINTF(f, a)     __attribute__((format(printf, f, a)))
#define PYR_DEPRECATED(text) __attribute__((deprecated(text)))
#else
#define PYR_DEPRECATED(text)
#define PYR_MUST_CHECK
#define PYR_PRINTF(f, a)
#endif

typedef struct pyr_daemon pyr_daemon;     /* holds objects and runs calls to them */
typedef struct pyr_proxy pyr_proxy;       /* stands for a remote object */
typedef struct pyr_call pyr_call;         /* the call that a method serves */
typedef struct pyr_deferred pyr_deferred; /* a call that is answered later */
typedef struct pyr_future pyr_future;     /* a call that was started */
typedef struct pyr_batch pyr_batch;       /* calls that are sent together: <pyrite/future.h> */
typedef struct pyr_stream pyr_stream;     /* one end of a stream<T>: <pyrite/stream.h> */
typedef struct pyr_ns pyr_ns;             /* a name server */
typedef struct pyr_uri pyr_uri;           /* a URI, parsed */
typedef struct pyr_any pyr_any;           /* an IDL any, a value of any type: <pyrite/any.h> */
struct pyr_annotation;                    /* <pyrite/context.h> */
typedef struct pyr_annotations pyr_annotations; /* of a call that is about to be sent */
typedef struct pyr_proxy pyr_object; /* an IDL Object: a proxy that I_narrow() makes one of I */

/* A struct of options that is all zero asks for the defaults. A time or count of 0 means the
 * setting of docs/limits.md; PYR_NONE means none: no deadline, no waiting, no retries. New
 * members are added at the end of these structs. Each function is passed the size of the
 * caller's struct, so programs need not be recompiled. */
#define PYR_NONE UINT32_MAX

/* A switch in a struct of options whose default is not "no". */
enum pyr_switch { PYR_DEFAULT = 0, PYR_YES, PYR_NO };

/* An IDL sequence<octet>. */
struct pyr_bytes {
	size_t n;       /* bytes */
	uint8_t *items; /* may be NULL if n is 0 */
};

/*
 * ---- Status and errors ----
 *
 * Pyrite uses gRPC's status codes. A function that fails returns minus one of them and stores
 * the details for the thread: what happened, to which object, at which address, and whether the
 * call may have run nevertheless. Success does not change the last error. Read it right after
 * the failure, or keep it with pyr_error_take().
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

/* Read-only. Strings are never NULL, but may be "". Later versions may add members. */
typedef struct pyr_error {
	int code;              /* enum pyr_status, positive */
	bool remote;           /* the other side reported it; false: it was found here */
	bool may_have_run;     /* an attempt was sent and got no answer: the call may have run */
	const char *message;   /* "NamingError: no name 'x' at 127.0.0.1:9090" */
	const char *object;    /* id of the called object */
	const char *operation; /* "example.Server.add" */
	const char *address;   /* host:port or ./u:path of the other side */
	const char *exception; /* wire name of the typed exception, "example.Bank.NoFunds" */
	const char *trace; /* a line for where it was raised, and one for each call it came through:
			      "file:line in operation of 'object' at address\n" */
	const char *correlation_id; /* of the request this call was part of */
	bool raised; /* true: raised by the method (pyr_fail(), an exception, or an error status
			that it returned), or by a server that speaks plain gRPC; false: raised by
			Pyrite at either end. Only errors raised by Pyrite can have a class, see
			pyr_error_class() */
} pyr_error;

/* The thread's last error. Returns: never NULL, code 0 if nothing has failed yet; valid until
 * the thread's next failing call. */
const pyr_error *pyr_last_error(void);

/* The message of the last error, with object, operation and address. Returns: borrowed, as with
 * pyr_last_error(). */
const char *pyr_errmsg(void);

/* Prints "what: message" to stderr, with control characters escaped. Returns 1, so that main()
 * can return it. */
int pyr_perror(const char *what);

/* Prints an error on several lines: its code, message and place. The trace of an error that came
 * from another process follows, the outermost call first. Control characters are escaped, long
 * parts cut. error: NULL is the last error. */
void pyr_error_print(const pyr_error *error, FILE *stream);

/* The class of an error: "ConnectionClosed", "TimeoutError", "CommunicationError",
 * "MessageTooLarge", "ProtocolError", "NamingError", "DaemonError", "SecurityError"; "" if it
 * has none, as all errors that methods raise. docs/errors.md explains them. error: NULL is the
 * last error. Returns: a constant. */
const char *pyr_error_class(const pyr_error *error);

/* Whether the network or the runtime at the other end failed, and not the method: whether the
 * class is one of the first five above. */
bool pyr_error_is_communication(const pyr_error *error);

/* Takes the thread's last error. Returns: owned, pyr_error_free(); NULL if nothing has failed. */
pyr_error *pyr_error_take(void);
void pyr_error_free(pyr_error *error);

/* The name of a status code, such as "NOT_FOUND". code: positive or negative; "?" if it is not a
 * status code. */
const char *pyr_status_name(int code);

/* The version of the library that the program runs with: "0.2.0". */
const char *pyr_version(void);

/* Frees one output of a call: a string, struct, sequence and so on, each of which is one block. */
void pyr_free(void *block);

/*
 * ---- Addresses ----
 *
 * PYRO:id@host:port, PYRO:id@[v6]:port, PYRO:id@./u:path, PYRONAME:name[@host[:port]],
 * PYROMETA:tag,tag[@host[:port]].
 */
enum pyr_uri_scheme { PYR_URI_PYRO = 1, PYR_URI_PYRONAME, PYR_URI_PYROMETA };

/* Parses a URI. Returns: owned, pyr_uri_free(); NULL with INVALID_ARGUMENT, naming the part that
 * is wrong. */
pyr_uri *pyr_uri_parse(const char *text) PYR_MUST_CHECK;
void pyr_uri_free(pyr_uri *uri);
enum pyr_uri_scheme pyr_uri_scheme(const pyr_uri *uri);
const char *pyr_uri_object(const pyr_uri *uri); /* the object's id, the name, or the tags */
const char *pyr_uri_host(const pyr_uri *uri);   /* "" if none is given, and for unix sockets */
uint16_t pyr_uri_port(const pyr_uri *uri);      /* 0 if none is given */
const char *pyr_uri_socket(const pyr_uri *uri); /* path of the unix socket, or "" */
const char *pyr_uri_text(const pyr_uri *uri);   /* normal form: equal for equal addresses */

/*
 * ---- Daemons ----
 *
 * A daemon holds objects and runs the calls to them. pyr_daemon_new() listens at once, so URIs
 * are known before the daemon runs. pyr_daemon_run() serves until pyr_daemon_stop(), SIGTERM or
 * SIGINT, lets running calls finish, and returns. Methods run in a pool of threads, one of which
 * is the caller of pyr_daemon_run(); a thread of the same process that calls a method may take a
 * place in the pool and run it itself. With threads = 1 they run one at a time and only in the
 * thread that called pyr_daemon_run(), so objects need no locks. Objects may be registered and
 * unregistered at any time, from any thread. <pyrite/daemon.h> has functions that few daemons need.
 */

#include <pyrite/hooks.h> /* what daemons and proxies call back */

/* How a daemon listens, and its limits. */
struct pyr_daemon_options {
	const char *host;   /* address to listen on; default PYRITE_HOST, else 127.0.0.1 */
	uint16_t port;      /* default 0: the system picks one */
	const char *socket; /* path of a unix socket to listen on instead of TCP; default none */
	unsigned threads; /* methods that run at a time, not counting those that wait for a call of
			     their own; 1: serial; default: one for each core, at least 4 */
	unsigned max_calls; /* unanswered calls that one connection may have; default 16,384 */
	unsigned max_links; /* connections; default (RLIMIT_NOFILE - in use - 16) / 2, at least 8 */
	uint32_t max_message; /* bytes of one request or reply; default 64 MiB */
	uint32_t drain_ms;    /* how long running calls may go on after a stop; default 5,000;
				 PYR_NONE: they are cancelled at once */
	/* How long a method waits for the caller of its stream to read or write again, counted
	 * from the last use; then the stream ends with DEADLINE_EXCEEDED. Default PYR_NONE: without
	 * limit. */
	uint32_t stream_lifetime_ms;
	/* How long a stream whose connection was lost waits for its proxy to reconnect; then its
	 * method is CANCELLED. Default 30,000; PYR_NONE: not at all. */
	uint32_t stream_linger_ms;
	/* SIGTERM and SIGINT end pyr_daemon_run(), if their disposition is SIG_DFL. A signal that
	 * comes between pyr_daemon_new() and the run ends the run at once; if there is no run
	 * within a second, it has its default effect. So has a second signal. Default PYR_YES. */
	enum pyr_switch signals;
	enum pyr_switch insecure; /* other hosts may connect without TLS or a key; default PYR_NO */
	/* Whether errors include where they were raised (file, line, object): PYR_YES for all
	 * callers, PYR_NO for none. Default: for callers that the rules allow this; without rules,
	 * for callers on this host. */
	enum pyr_switch traces;
	pyr_call_error_cb on_call_error; /* default: none */
	/* Default: every session is accepted, with an empty answer. With this hook, plain gRPC
	 * calls, which have no handshake, fail with FAILED_PRECONDITION. */
	pyr_connect_cb on_connect;
	pyr_disconnect_cb on_disconnect;          /* default: none */
	pyr_answer_cb on_answer;                  /* default: none */
	void *hook_data;                          /* last parameter of the hooks */
	const struct pyr_annotation *annotations; /* go with each answer; copied */
	size_t n_annotations;                     /* of annotations */
	/* Who may use the object "Pyrite.Daemon" that each daemon has (share/pyrite/idl/
	 * inspect.idl) and that lists and describes the others. Values and default as for traces.
	 */
	enum pyr_switch inspect;
	/* Objects that one connection may hold a reference to, in each direction; default 65,536. A
	 * call that passes more fails with RESOURCE_EXHAUSTED. */
	unsigned max_references;
	const struct pyr_tls_options *tls; /* default: PYRITE_KEYS for TCP, else none */
	const char *rules; /* file that says who may do what; default: PYRITE_RULES, else none */
	const struct pyr_key_options *key; /* shared; default: the environment's for TCP, or none */
	/* The address at which others reach the daemon, for its URIs: host or host:port, or
	 * ./u:path if it listens on a unix socket. Default: PYRITE_ADVERTISE, else where it
	 * listens. */
	const char *advertise;
	/* Its audit log: a file, to which lines are appended, or "syslog:". Default: PYRITE_AUDIT,
	 * else none. */
	const char *audit;
	pyr_audit_cb on_audit; /* gets these lines as well; default: none */
	/* Protocols that it speaks besides its own, for programs without Pyrite: "grpc" (operations
	 * as methods of plain gRPC), "reflection" and "health" (the services of gRPC), "pyro"
	 * (Pyro's own protocol), "http" (HTTP and JSON). A list, "grpc,health", "all" or "none", or
	 * changes to the default: "+http,-pyro". Default: PYRITE_FACES, else all but http. */
	const char *faces;
};

/* For pyr_daemon_new() alone. */
pyr_daemon *pyr__daemon_new(const struct pyr_daemon_options *options, size_t size);

/* Makes a daemon, which listens at once. Returns: owned, pyr_daemon_free(); NULL, with an error
 * that names the address that is not available. */
static inline PYR_MUST_CHECK pyr_daemon *pyr_daemon_new(const struct pyr_daemon_options *options)
{
	return pyr__daemon_new(options, sizeof(*options));
}

/* Frees a daemon, stopping it at once if it still runs. Not from one of its own methods. */
void pyr_daemon_free(pyr_daemon *daemon);

/* Serves until the daemon is stopped. Returns 0 after a drained stop. One thread at a time.
 * Flushes stdout before it waits, so that what was printed is seen even if stdout is a pipe or a
 * file. */
int pyr_daemon_run(pyr_daemon *daemon) PYR_MUST_CHECK;

/* Makes pyr_daemon_run() drain and return. May be called from a method; is not
 * async-signal-safe. */
void pyr_daemon_stop(pyr_daemon *daemon);

/* The address of the daemon as its URIs give it, which is .advertise or else where it listens:
 * "127.0.0.1:40123" or "./u:/run/x.sock". Returns: borrowed, valid as long as the daemon. */
const char *pyr_daemon_address(pyr_daemon *daemon);

/* The URI of a registered object. Returns: borrowed, valid until the object is unregistered;
 * NULL with NOT_FOUND. */
const char *pyr_daemon_uri(pyr_daemon *daemon, const char *id);

/* Unregisters an object. Later calls to it, and calls that are still queued, fail with
 * NOT_FOUND; running and deferred calls go on. */
int pyr_daemon_unregister(pyr_daemon *daemon, const char *id);

/*
 * ---- In a method ----
 *
 * The call belongs to the method until it returns or, if the call is deferred, until it is
 * answered. Memory from pyr_call_alloc() and pyr_call_strdup() is valid as long, so a method may
 * return it as a result.
 */
void *pyr_call_data(const pyr_call *call);            /* the object's data, as registered */
const char *pyr_call_object(const pyr_call *call);    /* id of the object */
const char *pyr_call_operation(const pyr_call *call); /* "example.Server.add" */
const char *pyr_call_peer(const pyr_call *call);      /* address of the caller; not authenticated */
/* Whether the call was cancelled or its deadline has passed. Whatever the method returns then, the
 * call ends with CANCELLED or DEADLINE_EXCEEDED, here (on_call_error) and at the caller. */
bool pyr_call_is_cancelled(const pyr_call *call);
int64_t pyr_call_time_left(
	const pyr_call *call); /* ms to the caller's deadline; INT64_MAX if there is none */

/* Memory of the call, zeroed, freed with the call. Returns NULL only if out of memory. */
void *pyr_call_alloc(pyr_call *call, size_t n);
char *pyr_call_strdup(pyr_call *call, const char *s);

/* Ends a method with an error: return pyr_fail(call, PYR_NOT_FOUND, "no account %s", id);
 * Returns minus the code. File and line become part of the error's trace. */
#define pyr_fail(call, code, ...) pyr_call_fail((call), __FILE__, __LINE__, (code), __VA_ARGS__)
int pyr_call_fail(pyr_call *call, const char *file, int line, int code, const char *format, ...)
	PYR_PRINTF(5, 6);

/* Ends a method with the error of a call that it made: return pyr_pass(call); Returning that
 * call's status does the same, but pyr_pass() adds file and line to the trace. Returns minus the
 * code of the last error. */
#define pyr_pass(call) pyr_call_pass((call), __FILE__, __LINE__)
int pyr_call_pass(pyr_call *call, const char *file, int line);

/* Answers a call later: return pyr_call_defer(call, &deferred); From then on the call, its
 * arguments and its memory belong to the deferred, until it is completed exactly once, from any
 * thread, by the operation's I_op_reply() or by pyr_deferred_fail(). Both take it. Freeing it
 * unanswered fails the call with INTERNAL. */
int pyr_call_defer(pyr_call *call, pyr_deferred **ret);
int pyr_deferred_fail(pyr_deferred *deferred, int code, const char *format, ...) PYR_PRINTF(3, 4);
void pyr_deferred_free(pyr_deferred *deferred);
pyr_call *
pyr_deferred_call(pyr_deferred *deferred); /* borrowed: for pyr_call_alloc(), pyr_call_data() ... */

/* Called once, in a method thread of the daemon, if the caller cancels or is gone before the
 * answer. No lock is held. It may answer the call; if another thread may do so at the same time,
 * the program has to decide which one does. An answer does not wait for a running on_cancel, and
 * the deferred and its call stay valid until on_cancel has returned. */
typedef void (*pyr_cancel_cb)(pyr_deferred *deferred, void *data);
/* Sets the callback for cancellation; NULL: none. When it returns, the callback that was set
 * before is not running and will not run: it waits for one that is running, unless called from
 * within it. So after setting NULL before the answer, data can be freed. */
void pyr_deferred_set_on_cancel(pyr_deferred *deferred, pyr_cancel_cb on_cancel, void *data);

/*
 * ---- Proxies ----
 *
 * A proxy stands for a remote object. It connects at its first call, and again after a loss; it
 * shares its connection with other proxies to the same daemon; many threads may use it at once.
 * Its functions are generated for each interface. Those below work for all of them: pass them
 * example_Server_as_proxy(server).
 */

/* How a proxy calls its server. Calls to a Pyrite daemon share one connection and have sessions.
 * Any other gRPC server that has the services of `pyrite-idl --proto` is called as gRPC clients
 * do, with one gRPC call for each call; what needs a session then fails. See docs/grpc.md. */
enum pyr_plain {
	PYR_PLAIN_AUTO = 0, /* plain if the server is not a Pyrite daemon */
	PYR_PLAIN_NEVER,    /* calls to such a server fail with FAILED_PRECONDITION */
	PYR_PLAIN_ONLY      /* always plain, even to a daemon */
};

/*
 * How frames travel between a proxy and its daemon. Nothing else depends on it. Pyrite's own lanes
 * cost less; gRPC's passes through proxies and load balancers for HTTP/2. Over a socket that the
 * program has connected itself (I_proxy_from_fd()) there is no second attempt, and every value but
 * PYR_LANE_GRPC means PYR_LANE_SOCKET. Within a process the calling thread may run the method
 * itself, see docs/proxies.md.
 */
enum pyr_lane {
	PYR_LANE_DEFAULT = 0, /* PYRITE_LANE, else PYR_LANE_AUTO */
	PYR_LANE_AUTO,   /* PYR_LANE_PROCESS if the daemon is in this process, else PYR_LANE_WIRE */
	PYR_LANE_GRPC,   /* a stream of gRPC */
	PYR_LANE_SOCKET, /* over the socket; UNAVAILABLE if the server does not support it */
	PYR_LANE_PROCESS, /* within the process; UNAVAILABLE if the daemon is in another one */
	PYR_LANE_WIRE /* PYR_LANE_SOCKET, or PYR_LANE_GRPC if the server does not support that */
};

/* Which object of several takes a call: <pyrite/proxy.h>, "Many objects". */
enum pyr_pick { PYR_PICK_LEAST = 0, PYR_PICK_ROUND_ROBIN, PYR_PICK_RANDOM };

/* How a proxy connects and calls. */
struct pyr_proxy_options {
	uint32_t timeout_ms; /* deadline of each call; default: the operation's @timeout, else
				PYRITE_TIMEOUT_MS, else PYR_NONE */
	uint32_t connect_timeout_ms; /* default 5,000 */
	bool own_link;               /* a connection of its own */
	uint32_t wait_ms; /* how long a call or bind waits until its name server, name, server and
			     object are there; default PYRITE_WAIT_MS, else PYR_NONE */
	uint32_t max_retries; /* how often a call of an @idempotent operation that found no
				 connection or lost it is repeated; default PYRITE_MAX_RETRIES, else
				 PYR_NONE */
	enum pyr_plain plain; /* whether it calls servers that are not Pyrite daemons */
	const struct pyr_annotation *annotations; /* go with each call; copied */
	size_t n_annotations;                     /* of annotations */
	/* Passed to the daemon's on_connect whenever the proxy binds; copied. At most
	 * PYR_HANDSHAKE_MAX bytes. With a handshake, or with on_handshake, calls to a server that
	 * speaks plain gRPC only, and would ignore it, fail with FAILED_PRECONDITION. */
	struct pyr_bytes handshake;
	/* Default: none. With this hook a call that opens a session, even one that is started,
	 * waits until the session is accepted, at most connect_timeout_ms. */
	pyr_handshake_cb on_handshake;
	pyr_annotate_cb on_call;           /* default: none */
	pyr_reply_cb on_reply;             /* default: none */
	void *hook_data;                   /* last parameter of the hooks */
	enum pyr_lane lane;                /* how frames travel */
	enum pyr_pick pick;                /* of several objects */
	const char *const *others;         /* URIs of more objects that calls may go to; copied */
	size_t n_others;                   /* of others; at most 63 */
	const struct pyr_tls_options *tls; /* default: PYRITE_KEYS for TCP, else none */
	const struct pyr_key_options *key; /* shared; default: the environment's for TCP, or none */
};

/*
 * Options of one call. I_with(proxy, &options) returns the proxy; use it at once as the first
 * argument of a stub: example_Server_add(example_Server_with(server, &(struct pyr_call_options){
 * .timeout_ms = 20 }), 1, 2, &sum). The options hold for the calling thread's (or task's) next
 * call through that proxy and for no other. Strings and annotations are borrowed until that call
 * has been started.
 */
struct pyr_call_options {
	uint32_t timeout_ms; /* deadline; default: the proxy's, else the operation's @timeout, else
				PYRITE_TIMEOUT_MS, else PYR_NONE */
	const char *correlation_id; /* default: the thread's, or that of the call it is part of */
	const char *traceparent;    /* default: the same */
	const struct pyr_annotation *annotations; /* sent in addition to the proxy's */
	size_t n_annotations;                     /* of annotations */
	bool detached;   /* inside a method: the call goes on if the method's own call is cancelled,
			    and may take longer than that one */
	const char *key; /* with several objects, selects the one to call; default: none */
};

/* Sets pyr_proxy_options.timeout_ms, from the next call on. 0: the default; PYR_NONE: none. */
void pyr_proxy_set_timeout(pyr_proxy *proxy, uint32_t timeout_ms);
const char *pyr_proxy_uri(const pyr_proxy *proxy); /* as given */

/* Connects and opens the session now, instead of at the first call. */
int pyr_proxy_bind(pyr_proxy *proxy) PYR_MUST_CHECK;

/* Whether its calls are sent as plain gRPC. Known once the proxy is bound; before that, true for
 * PYR_PLAIN_ONLY alone. */
bool pyr_proxy_is_plain(pyr_proxy *proxy);

/* Closes the session. Running calls end with CANCELLED; the next call connects again. */
void pyr_proxy_release(pyr_proxy *proxy);

/*
 * ---- Logging ----
 *
 * The library does not print. It passes messages for the operator to a callback; by default there
 * is none. (PYRITE_LOG in the environment makes it write to stderr.)
 */
enum pyr_log_level { PYR_LOG_ERROR = 1, PYR_LOG_WARNING, PYR_LOG_INFO, PYR_LOG_DEBUG };

/* text: one line, borrowed. Called from any thread, perhaps with a lock of the library held; it
 * must not call Pyrite. */
typedef void (*pyr_log_cb)(enum pyr_log_level level, const char *text, void *data);

/* Sets the callback, and the level up to which it is called. NULL: none. */
void pyr_set_log(pyr_log_cb callback, enum pyr_log_level level, void *data);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#include <pyrite/any.h>
#include <pyrite/context.h>
#include <pyrite/daemon.h>
#include <pyrite/future.h>
#include <pyrite/key.h>
#include <pyrite/loop.h>
#include <pyrite/names.h>
#include <pyrite/object.h>
#include <pyrite/proxy.h>
#include <pyrite/rules.h>
#include <pyrite/stream.h>
#include <pyrite/task.h>
#include <pyrite/timer.h>
#include <pyrite/tls.h>
#endif
