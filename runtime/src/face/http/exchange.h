/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FACE_HTTP_EXCHANGE_H
#define PYRITE_FACE_HTTP_EXCHANGE_H
/*
 * The HTTP face from the inside: what a request is, and what answers it. server.c alone
 * speaks with libmicrohttpd; all else takes a request apart and makes an answer, in the thread of
 * its connection, which has nothing else to do. Calls block there.
 */
#include <pyrite/pyrite.h>

#include "base/arena.h"
#include "base/buf.h"
#include "face/http/limits.h"
#include "face/http/url.h"

struct events;
struct face_host;
struct http_connection;
struct visitor;

struct http_header {
	const char *name, *value;
};

/* What libmicrohttpd has of a request; headers are asked for. */
struct MHD_Connection;
struct http_wire {
	struct MHD_Connection *connection;
};
/* NULL: there is none. Borrowed, as long as the request. */
const char *http_header(const struct http_wire *wire, const char *name);
/* How often a header stands there. */
unsigned http_count(const struct http_wire *wire, const char *name);

struct http_request {
	const struct http_wire *wire;
	const char *method;
	struct span path, query; /* as they came */
	struct url url;
	struct buf body;
	struct arena arena;   /* of this request */
	bool is_near;         /* what a browser tells of other sites can be relied on */
	const char *own_host; /* the daemon's host as its URIs have it; NULL: a unix socket */
	const struct face_host *host;
	struct http_connection *connection;
	struct visitor *visitor;  /* NULL: nothing was called yet; http_proxy() makes it */
	char correlation_id[129]; /* what came, or a new one */
};

struct http_answer {
	unsigned status;
	const char *type; /* of the content; NULL: there is none */
	struct buf body;
	struct span fixed;                        /* instead of body: constant */
	struct http_header headers[HTTP_HEADERS]; /* constants, or of the request's arena */
	unsigned n_headers;
	struct events *events; /* instead of body; taken */
	bool is_page;          /* what a browser may show */
};

/* A proxy of an object, whose calls are the client's: borrowed, as long as the request; NULL with
 * the last error set. */
pyr_proxy *http_proxy(struct http_request *request, const char *object);

/* ---- answer.c ---- */
void answer_header(struct http_answer *answer, const char *name, const char *value);
/* An error of HTTP itself, as JSON. */
void answer_problem(const struct http_request *request, struct http_answer *answer, unsigned status,
		    const char *format, ...) PYR_PRINTF(4, 5);
/* The thread's last error, of a call through the proxy (NULL: of none). */
void answer_error(const struct http_request *request, struct http_answer *answer, pyr_proxy *proxy);
/* The last error as JSON. object: of one that tells none. */
void answer_error_json(struct buf *out, pyr_proxy *proxy, const char *object,
		       const char *correlation_id);
/* HTTP's status of one of Pyrite's, of either sign. */
unsigned answer_status(int code);

/* ---- guard.c ---- */
/* Whether a browser was not made to send it by another site. Answers otherwise. */
bool guard_check(const struct http_request *request, struct http_answer *answer);
/* The same of a request that calls something without saying that it is no form of a page. */
bool guard_check_simple(const struct http_request *request, struct http_answer *answer);
/* Whether the body is of that type. Answers otherwise. */
bool guard_check_type(const struct http_request *request, struct http_answer *answer,
		      const char *type);

/* ---- route.c ---- */
/* What can be said before the body is there. Returns whether it is wanted. */
bool route_begin(struct http_request *request, struct http_answer *answer);
void route_run(struct http_request *request, struct http_answer *answer);

/* ---- call.c ---- */
void call_post(struct http_request *request, struct http_answer *answer);
void call_events(struct http_request *request, struct http_answer *answer);
void call_pyro(struct http_request *request, struct http_answer *answer);

/* ---- objects.c ---- */
void objects_list(struct http_request *request, struct http_answer *answer);
void objects_describe(struct http_request *request, struct http_answer *answer);

/* ---- events.c ---- */
/* Items of a stream as server-sent events. Takes the stream, borrows the proxy. NULL with the last
 * error when memory is out. */
struct events *events_new(pyr_proxy *proxy, pyr_stream *stream, const char *correlation_id);
/* Items that are written meanwhile, by a thread: a list of JSON, borrowed until events_free().
 * Returns false, with the last error, when threads are out. */
bool events_write(struct events *events, struct span items);
/* Waits for the next. Returns how many bytes there are; 0: that was all. */
size_t events_read(struct events *events, char *room, size_t n);
/* Cancels what goes on. */
void events_free(struct events *events);
#endif
