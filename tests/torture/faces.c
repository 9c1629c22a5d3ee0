/* SPDX-License-Identifier: MIT */
/* Other protocols at the daemon's door: HTTP, plain gRPC, Pyro's own. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pyrite/value.h>

#include "place.h"

/* Whether it is a message of Pyro that is complete. */
static bool is_whole_of_pyro(const char *answer, size_t n)
{
	const unsigned char *p = (const unsigned char *)answer;
	size_t size;

	if (n < 40 || memcmp(answer, "PYRO", 4) != 0)
		return false;
	size = (size_t)p[13] << 16 | (size_t)p[14] << 8 | p[15];
	size += (size_t)p[18] << 8 | p[19];
	return n >= 40 + size;
}

/* Sends data and reads until `end` has come, or the connection ends. Returns whether it came; else
 * a status as of a peer that is lost, or of one that does not answer in time. */
static int ask(int fd, const void *data, size_t n, const char *end, size_t n_end, char *answer,
	       size_t size)
{
	size_t at = 0;
	ssize_t got;

	if (send(fd, data, n, MSG_NOSIGNAL) != (ssize_t)n)
		return -PYR_UNAVAILABLE;
	while (at + 1 < size) {
		got = recv(fd, answer + at, size - 1 - at, 0);
		if (got <= 0)
			return got < 0 && errno == EAGAIN ? -PYR_DEADLINE_EXCEEDED
							  : -PYR_UNAVAILABLE;
		at += (size_t)got;
		answer[at] = '\0';
		if (memmem(answer, at, end, n_end))
			return 0;
		if (is_whole_of_pyro(answer, at) && memmem(answer, at, "connection closed", 17))
			return -PYR_UNAVAILABLE;
		if (is_whole_of_pyro(answer, at) && memmem(answer, at, "may not inspect", 15))
			return -PYR_PERMISSION_DENIED;
		if (is_whole_of_pyro(answer, at))
			return memmem(answer, at, "memory", 6) ||
					       memmem(answer, at, "sessions", 8) ||
					       memmem(answer, at, "no threads", 10) ||
					       memmem(answer, at, "too large", 9)
				       ? -PYR_RESOURCE_EXHAUSTED
				       : -PYR_UNKNOWN;
	}
	return -PYR_DATA_LOSS;
}

/* ---- HTTP ---- */

static const char http_call[] = "POST /v1/objects/thing/echo HTTP/1.1\r\nHost: localhost\r\n"
				"Content-Type: application/json\r\nConnection: close\r\n"
				"Content-Length: 42\r\n\r\n"
				"{\"x\": {\"number\": 3, \"tags\": [\"a\", \"b\"]}}  ";
static const char http_list[] = "GET /v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n"
				"Connection: close\r\n\r\n";
static const char http_metrics[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
				   "Connection: close\r\n\r\n";
static const char http_stream[] = "GET /v1/objects/thing/pour?n=3 HTTP/1.1\r\nHost: localhost\r\n"
				  "Connection: close\r\n\r\n";
static const char http_take[] = "POST /v1/objects/thing/twice HTTP/1.1\r\nHost: localhost\r\n"
				"Content-Type: application/json\r\nConnection: close\r\n"
				"Content-Length: 22\r\n\r\n{\"numbers\": [1, 2, 3]}";

/* An answer of 503 or 429 tells that memory is out, one of 500 does not. */
static int http_status(const char *answer)
{
	int code = 0;

	if (sscanf(answer, "HTTP/1.1 %d", &code) != 1)
		return -PYR_UNAVAILABLE;
	if (code == 200 && !strstr(answer, "event: error"))
		return -PYR_UNAVAILABLE; /* it was begun, and cut off */
	if (strstr(answer, "RESOURCE_EXHAUSTED"))
		return -PYR_RESOURCE_EXHAUSTED;
	if (strstr(answer, "\"UNAVAILABLE\""))
		return -PYR_UNAVAILABLE;
	if (code == 403)
		return -PYR_PERMISSION_DENIED;
	return code == 503                  ? -PYR_UNAVAILABLE
	       : code == 429 || code == 507 ? -PYR_RESOURCE_EXHAUSTED
					    : -PYR_UNKNOWN;
}

static int http_ask(struct place *place, const char *request, const char *expected)
{
	static char answer[262144];
	int fd = place_connect(place), status;

	if (fd < 0)
		return note("connect()", -PYR_UNAVAILABLE);
	answer[0] = '\0';
	status = ask(fd, request, strlen(request), expected, strlen(expected), answer,
		     sizeof(answer));
	close(fd);
	if (status == -PYR_UNAVAILABLE && answer[0]) {
		status = http_status(answer);
		if (status == -PYR_UNKNOWN)
			fprintf(stderr, "%.600s\n", answer);
	}
	return status < 0 ? note(request, status) : 0;
}

static int http(void)
{
	struct pyr_daemon_options options = { .threads = 2, .faces = "+http" };
	struct place place;
	int status;

	TRY(place_open(&place, &options));
	TRY(http_ask(&place, http_call, "\"tags\""));
	TRY(http_ask(&place, http_stream, "event: end"));
	TRY(http_ask(&place, http_take, "event: end"));
	TRY(http_ask(&place, http_list, "openapi"));
	TRY(http_ask(&place, http_metrics, "pyrite_"));
out:
	return place_close(&place, status);
}

/* ---- plain gRPC ---- */

static int plain_part(struct place *place, struct things_Thing *thing)
{
	pyr_stream *stream = NULL;
	struct things_Item *item;
	int status;

	TRY(part_call(place, thing));
	TRY(things_Thing_pour(thing, 1, &stream));
	TRY(things_Thing_pour_next(stream, &item));
	EXPECT(status == 1);
	pyr_free(item);
	TRY(things_Thing_pour_next(stream, &item));
	EXPECT(status == 0);
out:
	pyr_stream_free(stream);
	return status;
}

static int plain(void)
{
	struct pyr_daemon_options daemon = { .threads = 2 };
	struct pyr_proxy_options options = proxy_options(PYR_LANE_GRPC);

	options.plain = PYR_PLAIN_ONLY;
	return with_both(&daemon, &options, plain_part);
}

/* ---- Pyro ---- */

/* A message of Pyro 5 with JSON. Returns its size. */
static size_t pyro_message(unsigned char *to, int kind, int sequence, const char *body)
{
	const unsigned n = (unsigned)strlen(body);
	const unsigned char header[] = { 'P',
					 'Y',
					 'R',
					 'O',
					 502 >> 8,
					 502 & 255,
					 (unsigned char)kind,
					 3,
					 0,
					 0,
					 0,
					 (unsigned char)sequence,
					 0,
					 0,
					 (unsigned char)(n >> 8),
					 (unsigned char)n };

	memset(to, 0, 40);
	memcpy(to, header, sizeof(header));
	to[38] = 0x4d;
	to[39] = 0xc5;
	memcpy(to + 40, body, n);
	return 40 + n;
}

static int pyro_ask(int fd, int kind, int sequence, const char *body, const char *expected)
{
	unsigned char message[400];
	char answer[4096] = "";
	size_t n = pyro_message(message, kind, sequence, body);
	int status = ask(fd, message, n, expected, strlen(expected), answer, sizeof(answer));

	return status < 0 ? note(body, status) : 0;
}

static int pyro(void)
{
	struct pyr_daemon_options options = { .threads = 2, .faces = "pyro" };
	struct place place;
	int status, fd = -1;

	TRY(place_open(&place, &options));
	fd = place_connect(&place);
	TRY(fd < 0 ? -PYR_UNAVAILABLE : 0);
	TRY(pyro_ask(fd, 1, 0, "{\"handshake\": \"hello\", \"object\": \"thing\"}", "hello"));
	TRY(pyro_ask(fd, 4, 1,
		     "{\"object\": \"thing\", \"method\": \"add\", \"params\": [1, 2], "
		     "\"kwargs\": {}}",
		     "3"));
	TRY(pyro_ask(fd, 4, 2,
		     "{\"object\": \"thing\", \"method\": \"pour\", \"params\": [2], "
		     "\"kwargs\": {}}",
		     "STRM"));
	TRY(pyro_ask(fd, 4, 3,
		     "{\"object\": \"Pyro.Daemon\", \"method\": \"registered\", "
		     "\"params\": [], \"kwargs\": {}}",
		     "thing"));
out:
	if (fd >= 0)
		close(fd);
	return place_close(&place, status);
}

/* ---- a server of Python's Pyro, called ---- */

static char pyro_uri[128];
static pid_t pyro_pid;

static bool start_pyro(void)
{
	const char *source = getenv("PYRITE_SOURCE");
	char script[600];

	snprintf(script, sizeof(script), "%s/tests/torture/served.py", source ? source : ".");
	pyro_pid = start_program((const char *[]){ script, NULL }, pyro_uri, sizeof(pyro_uri));
	pyro_uri[strcspn(pyro_uri, "\n")] = '\0';
	return pyro_pid > 0;
}

static void stop_pyro(void)
{
	stop_program(pyro_pid);
}

static int pyro_stream(struct things_Thing *thing)
{
	pyr_stream *stream = NULL;
	struct things_Item *item;
	int status;

	TRY(things_Thing_pour(thing, 2, &stream));
	TRY(things_Thing_pour_next(stream, &item));
	EXPECT(status == 1);
	EXPECT(strcmp(item->name, "drop") == 0);
	pyr_free(item);
	status = 0;
out:
	pyr_stream_free(stream);
	return status;
}

static int pyro_called(void)
{
	struct pyr_proxy_options options = proxy_options(PYR_LANE_WIRE);
	struct things_Thing *thing = NULL;
	int status;

	GET(thing, things_Thing_proxy_with(pyro_uri, &options));
	TRY(part_call(NULL, thing));
	TRY(things_Thing_post(thing, 1));
	status = pyro_stream(thing);
out:
	things_Thing_free(thing);
	return status;
}

/* The same object, of which no generated code is known. */
static int pyro_untyped(void)
{
	struct pyr_proxy_options options = proxy_options(PYR_LANE_WIRE);
	pyr_proxy *proxy = NULL;
	char *json = NULL;
	int status;

	GET(proxy, pyr_proxy_new_with(pyro_uri, &options));
	TRY(pyr_proxy_call_json(proxy, "add", "[1, 2]", &json));
	EXPECT(strcmp(json, "3") == 0);
out:
	pyr_free(json);
	pyr_proxy_free(proxy);
	return status;
}

const struct scenario face_scenarios[] = {
	/* A peer whose address cannot be told is not served as one of this host. */
	{ .name = "http", .run = http, .also = ALSO(PYR_PERMISSION_DENIED) },
	{ .name = "plain-grpc", .run = plain },
	{ .name = "pyro", .run = pyro, .also = ALSO(PYR_PERMISSION_DENIED) },
	{ .name = "pyro-called", .run = pyro_called, .open = start_pyro, .close = stop_pyro },
	{ .name = "pyro-untyped", .run = pyro_untyped, .open = start_pyro, .close = stop_pyro },
	{ 0 },
};
