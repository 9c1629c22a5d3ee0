/* SPDX-License-Identifier: MIT */
/*
 * The HTTP face: libmicrohttpd reads requests and writes answers, with a thread for each
 * connection, in which calls block. The door has the port: connections are handed in. Between both
 * stand requests and answers (exchange.h), which know nothing of libmicrohttpd.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/audit.h"
#include "base/log.h"
#include "base/random.h"
#include "context/context.h"
#include "face/http/connections.h"
#include "face/http/exchange.h"
#include "face/http/http.h"
#include "face/http/mhd.h"
#include "face/visitor.h"

struct face {
	const struct face_host *host;
	struct MHD_Daemon *daemon; /* NULL: why says it */
	const char *why;
	struct connections connections;
	atomic_size_t held; /* bytes of bodies */
	char own_host[256]; /* "": a unix socket's */
};

struct exchange {
	struct http_request request;
	struct http_answer answer;
	struct http_wire wire;
	struct face *face;
	char *target; /* a copy */
	bool has_begun, is_too_large;
	size_t charged;
	int64_t begun_ms; /* of connections_now() */
};

/* ---- the beginning of a request ---- */

/* A new one, as uuids are written. */
static void make_id(char *ret, size_t n)
{
	uint8_t b[16] = { 0 };

	(void)random_bytes(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 15) | 0x40);
	b[8] = (uint8_t)((b[8] & 63) | 0x80);
	snprintf(ret, n, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
		 b[13], b[14], b[15]);
}

static void take_id(struct http_request *request)
{
	const char *id = http_header(request->wire, "X-Correlation-Id");

	if (!id)
		id = http_header(request->wire, "X-Pyro-Correlation-Id");
	if (id && context_is_correlation_id(span_of(id)))
		snprintf(request->correlation_id, sizeof(request->correlation_id), "%s", id);
	else
		make_id(request->correlation_id, sizeof(request->correlation_id));
}

/* "/v1/objects?after=x", or a whole URL (RFC 9112, 3.2.2). */
static void split_target(struct http_request *request, const char *target)
{
	const char *path = target, *query;

	if (strncasecmp(target, "http://", 7) == 0 || strncasecmp(target, "https://", 8) == 0) {
		path = strchr(strchr(target, ':') + 3, '/');
		if (!path)
			path = "/";
	}
	query = strchr(path, '?');
	request->path = (struct span){ (const uint8_t *)path,
				       query ? (size_t)(query - path) : strlen(path) };
	request->query = span_of(query ? query + 1 : "");
}

/* What a request has is its connection's until then. */
static void finish(struct exchange *x)
{
	x->request.connection->exchange = NULL;
	connection_rest(x->request.connection);
	events_free(x->answer.events);
	visitor_free(x->request.visitor);
	atomic_fetch_sub(&x->face->held, x->charged);
	buf_free(&x->request.body);
	buf_free(&x->answer.body);
	arena_clear(&x->request.arena);
	free(x->target);
	free(x);
}

/* Before libmicrohttpd takes the target apart, which it would decode, NULs and all. */
static void *on_target(void *data, const char *target, struct MHD_Connection *connection)
{
	struct exchange *x = calloc(1, sizeof(*x));
	const union MHD_ConnectionInfo *info =
		mhd.MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	if (!x || !info || !info->socket_context || !(x->target = strdup(target))) {
		free(x);
		return NULL;
	}
	x->face = data;
	x->wire.connection = connection;
	x->request.wire = &x->wire;
	x->request.host = x->face->host;
	x->request.connection = info->socket_context;
	/* libmicrohttpd forgets a request whose parameters it has no memory for. */
	if (x->request.connection->exchange)
		finish(x->request.connection->exchange);
	x->request.connection->exchange = x;
	x->request.own_host = x->face->own_host[0] ? x->face->own_host : NULL;
	x->request.is_near = x->request.connection->who.is_local || x->face->host->has_tls;
	arena_init(&x->request.arena, NULL, 0);
	x->request.arena.max = HTTP_ARENA;
	split_target(&x->request, x->target);
	return x;
}

/* ---- the answer ---- */

static ssize_t read_events(void *data, uint64_t at, char *room, size_t n)
{
	struct exchange *x = data;
	size_t read;

	(void)at;
	connection_has(x->request.connection, CONNECTIONS_FOREVER);
	read = events_read(x->answer.events, room, n);
	connection_has(x->request.connection, HTTP_WRITE_MS);
	return read > 0 ? (ssize_t)read : MHD_CONTENT_READER_END_OF_STREAM;
}

static struct MHD_Response *make_response(struct exchange *x)
{
	struct span body = x->answer.fixed.n > 0 ? x->answer.fixed : span_of_buf(&x->answer.body);

	if (x->answer.events)
		return mhd.MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16 << 10,
							     read_events, x, NULL);
	return mhd.MHD_create_response_from_buffer(body.n, (void *)(uintptr_t)body.p,
						   MHD_RESPMEM_PERSISTENT);
}

static void add_headers(const struct exchange *x, struct MHD_Response *response)
{
	static const char page[] = "default-src 'none'; script-src 'self'; style-src 'self'; "
				   "connect-src 'self'; img-src 'self' data:; base-uri 'none'; "
				   "form-action 'none'; frame-ancestors 'none'",
			  data[] = "default-src 'none'; frame-ancestors 'none'";
	const struct http_answer *answer = &x->answer;
	unsigned i;

#define ADD(name, value) (void)mhd.MHD_add_response_header(response, name, value)
	for (i = 0; i < answer->n_headers; i++)
		ADD(answer->headers[i].name, answer->headers[i].value);
	if (answer->type)
		ADD("Content-Type", answer->type);
	ADD("Content-Security-Policy", answer->is_page ? page : data);
	ADD("X-Content-Type-Options", "nosniff");
	ADD("Referrer-Policy", "no-referrer");
	ADD("Cross-Origin-Resource-Policy", "same-origin");
	ADD("Cache-Control", answer->is_page ? "no-cache" : "no-store");
	ADD("X-Correlation-Id", x->request.correlation_id);
	if (strncmp(x->target, "/pyro/", 6) == 0)
		ADD("X-Pyro-Correlation-Id", x->request.correlation_id);
	if (connection_is_last(x->request.connection))
		ADD("Connection", "close");
#undef ADD
}

/* Returns false if all requests and answers together are too much. */
static bool hold(struct exchange *x, size_t n)
{
	x->charged += n;
	return atomic_fetch_add(&x->face->held, n) + n <= HTTP_BODIES;
}

static enum MHD_Result queue(struct exchange *x)
{
	struct MHD_Response *response;
	enum MHD_Result ret;

	if (x->answer.body.broken || !hold(x, x->answer.body.n)) {
		buf_free(&x->answer.body);
		answer_problem(&x->request, &x->answer, 503,
			       "the daemon holds too much data for HTTP clients now");
	}
	response = make_response(x);
	if (!response)
		return MHD_NO;
	add_headers(x, response);
	if (!x->answer.events)
		connection_has(x->request.connection,
			       HTTP_WRITE_MS +
				       (int64_t)(x->answer.body.n / HTTP_WRITE_RATE) * 1000);
	ret = mhd.MHD_queue_response(x->wire.connection, x->answer.status, response);
	mhd.MHD_destroy_response(response);
	return ret;
}

/* ---- one request ---- */

/* Why this client may not ask for anything; NULL: it may. */
static const char *why_not(const struct exchange *x)
{
	const struct face_host *host = x->face->host;

	if (host->keys)
		return "this daemon requires a shared key, which HTTP cannot prove";
	if (x->request.connection->who.is_local || host->has_tls || host->rules)
		return NULL;
	return "HTTP is for this host only, because the daemon has neither TLS nor rules";
}

static bool may_come(struct exchange *x)
{
	const char *why = why_not(x);

	if (why)
		answer_problem(&x->request, &x->answer, 403, "%s", why);
	return !why;
}

/* What an operator may want to know of who was not let in. */
static void tell_refusal(const struct exchange *x)
{
	const struct door_peer *who = &x->request.connection->who;
	const char *why = why_not(x);
	const struct audit_event event = {
		.who = who->identity,
		.from = who->address,
		.action = "connect",
		.decision = "refused",
		.why = why ? why : "HTTP: made by a web page of another site, or for another host",
	};

	log_line(PYR_LOG_INFO, "%s: a request from %s is refused with %u: %s",
		 x->face->host->address, who->address, x->answer.status, event.why);
	audit_say(x->face->host->audit, &event);
}

static bool is_length_bad(struct exchange *x)
{
	const char *length = http_header(&x->wire, "Content-Length");

	if (!length || strtoull(length, NULL, 10) <= HTTP_BODY)
		return false;
	answer_problem(&x->request, &x->answer, 413, "a body of more than %d bytes", HTTP_BODY);
	return true;
}

static enum MHD_Result begin(struct exchange *x, const char *method)
{
	x->has_begun = true;
	x->begun_ms = connections_now();
	x->request.method = method;
	take_id(&x->request);
	if (may_come(x) && !is_length_bad(x) && route_begin(&x->request, &x->answer))
		return MHD_YES;
	if (x->answer.status == 403 || x->answer.status == 421)
		tell_refusal(x);
	return queue(x);
}

/* What is too much is read to its end, unless there is no end to it. */
static enum MHD_Result take_body(struct exchange *x, const char *data, size_t *n)
{
	struct buf *body = &x->request.body;
	int64_t left;

	if (!hold(x, *n) || x->charged > HTTP_BODY) {
		x->is_too_large = true;
		buf_free(body);
	}
	if (!x->is_too_large)
		buf_append(body, data, *n);
	*n = 0;
	/* Counted from the request's beginning: who sends a byte now and then is late, too. */
	left = HTTP_READ_MS + (int64_t)(x->charged / HTTP_WRITE_RATE) * 1000 -
	       (connections_now() - x->begun_ms);
	connection_has(x->request.connection, left > 0 ? left : 0);
	return x->charged > 2 * (size_t)HTTP_BODY ? MHD_NO : MHD_YES;
}

static enum MHD_Result run(struct exchange *x)
{
	connection_run(x->request.connection);
	if (x->is_too_large)
		answer_problem(&x->request, &x->answer, 413, "a body of more than %d bytes",
			       HTTP_BODY);
	else if (x->request.body.broken)
		answer_problem(&x->request, &x->answer, 503, "out of memory");
	else
		route_run(&x->request, &x->answer);
	return queue(x);
}

static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *body,
				  size_t *n, void **request)
{
	struct exchange *x = *request;

	(void)data;
	(void)connection;
	(void)url;
	(void)version;
	if (!x)
		return MHD_NO;
	if (!x->has_begun)
		return begin(x, method);
	return *n > 0 ? take_body(x, body, n) : run(x);
}

static void on_completed(void *data, struct MHD_Connection *connection, void **request,
			 enum MHD_RequestTerminationCode why)
{
	struct exchange *x = *request;

	(void)data;
	(void)connection;
	(void)why;
	*request = NULL;
	if (x && x->request.connection->exchange == x)
		finish(x);
}

/* ---- connections ---- */

static void on_connection(void *data, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	struct face *face = data;
	const union MHD_ConnectionInfo *info;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		info = mhd.MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		*context = info ? connections_start(&face->connections, info->connect_fd) : NULL;
		return;
	}
	if (*context && ((struct http_connection *)*context)->exchange)
		finish(((struct http_connection *)*context)->exchange);
	if (*context)
		connections_remove(*context);
	*context = NULL;
}

static void on_log(void *data, const char *format, va_list args)
{
	char text[256];

	(void)data;
	if (!log_is_on(PYR_LOG_DEBUG))
		return;
	vsnprintf(text, sizeof(text), format, args);
	log_line(PYR_LOG_DEBUG, "libmicrohttpd: %s", text);
}

static struct MHD_Daemon *start(struct face *face)
{
	return mhd.MHD_start_daemon(
		MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
			MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC | MHD_USE_ERROR_LOG,
		0, NULL, NULL, on_request, face, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
		MHD_OPTION_URI_LOG_CALLBACK, on_target, face, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, face, MHD_OPTION_NOTIFY_CONNECTION, on_connection, face,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_HEAD, MHD_OPTION_CONNECTION_LIMIT,
		2 * (unsigned)HTTP_CONNECTIONS, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

/* "127.0.0.1:4000", "[::1]:4000", "./u:/run/x.sock". */
static void keep_host(struct face *face, const char *address)
{
	const char *colon = strrchr(address, ':');
	size_t n = colon ? (size_t)(colon - address) : 0;

	if (!colon || address[0] == '.' || n >= sizeof(face->own_host))
		return;
	if (address[0] == '[' && n > 2) {
		address++;
		n -= 2;
	}
	memcpy(face->own_host, address, n);
}

static struct face *face_open(const struct face_host *host)
{
	struct face *face = calloc(1, sizeof(*face));

	if (!face)
		return NULL;
	face->host = host;
	face->why = mhd_load();
	keep_host(face, host->address);
	if (!connections_open(&face->connections)) {
		free(face);
		return NULL;
	}
	if (face->why)
		log_line(PYR_LOG_ERROR, "%s: no HTTP: %s", host->address, face->why);
	else if (!(face->daemon = start(face)))
		face->why = "out of memory, descriptors or threads";
	return face;
}

/* Says that it is of no use just now, as far as the socket has room; closes. */
static void turn_away(int fd, const char *why)
{
	char text[512], unread[4096];
	int n = snprintf(text, sizeof(text),
			 "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\n"
			 "Connection: close\r\nRetry-After: 1\r\nContent-Length: %zu\r\n\r\n%s\n",
			 strlen(why) + 1, why);

	/* What is unread when it is closed would make the client lose the answer. */
	while (recv(fd, unread, sizeof(unread), MSG_DONTWAIT) > 0)
		;
	(void)send(fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	close(fd);
}

static void face_take(struct face *face, int fd, const struct door_peer *who)
{
	static const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
	/* A client that is gone without a word is found in two minutes, however long its stream is
	 * silent. On other sockets than TCP's this does nothing. */
	int on = 1, idle_s = 60, every_s = 15, times = 4;

	if (!face->daemon) {
		turn_away(fd, face->why);
		return;
	}
	if (!connections_add(&face->connections, fd, who, HTTP_CONNECTIONS)) {
		turn_away(fd, "there are too many HTTP connections, or the daemon stops");
		return;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
	(void)mhd.MHD_add_connection(face->daemon, fd, &nowhere, sizeof(nowhere));
}

static void face_stop(struct face *face)
{
	connections_stop(&face->connections);
}

static void face_free(struct face *face)
{
	connections_end(&face->connections);
	if (face->daemon)
		mhd.MHD_stop_daemon(face->daemon);
	connections_close(&face->connections);
	free(face);
}

const struct face_kind face_http = {
	.name = FACE_HTTP,
	.protocol = DOOR_HTTP1,
	.open = face_open,
	.take = face_take,
	.stop = face_stop,
	.free = face_free,
};
