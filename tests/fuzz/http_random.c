/* SPDX-License-Identifier: MIT */
/*
 * http-random [N [SEED [THREADS]]]: N requests at random, by so many clients at a time over socket
 * pairs, into the HTTP face of a daemon. Most are requests of its own with some bytes changed, so
 * that they get far; several go over one connection. What comes back has to look like answers, none
 * may take longer than a client waits, and in the end the daemon has to work and be left with
 * nothing. The seed is printed first; a finding ends the program with 1.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "cart.h"
#include "daemon/daemon_own.h"
#include "face/face.h"
#include "face/http/http.h"

enum { CLIENTS = 16, ROW = 8, QUIET_MS = 40, MOST = 64 << 10, PATIENCE_MS = 30000 };

static struct face_host host;
static struct face *face;
static atomic_ulong n_left, n_answers, n_ok, n_calls;

/* ---- chance ---- */

static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static size_t below(uint64_t *state, size_t n)
{
	return (size_t)(next(state) % n);
}

static bool one_in(uint64_t *state, size_t n)
{
	return below(state, n) == 0;
}

#define PICK(state, texts) ((texts)[below(state, sizeof(texts) / sizeof((texts)[0]))])

/* ---- requests ---- */

static void put(struct buf *out, const char *text)
{
	buf_append(out, text, strlen(text));
}

static const char *const methods[] = { "GET ",     "POST ", "POST ",   "POST ",  "HEAD ",
				       "OPTIONS ", "PUT ",  "DELETE ", "PATCH ", "TRACE " };

static const char *const targets[] = {
	"/",
	"/app.js",
	"/metrics",
	"/v1/objects",
	"/v1/objects?after=cart",
	"/v1/objects/cart",
	"/v1/objects/c%61rt",
	"/v1/openapi.json",
	"/v1/objects/cart/numbers?from=1&n=3&pause_ms=0",
	"/pyro/cart/add?x=1&y=2",
	"/pyro/cart/$meta",
	"/pyro/cart/echo?text=a+b%20c",
	"/pyro/nobody/x",
	"http://localhost/v1/objects",
	"*",
	"/%00%ff%c0%af",
};

static const struct {
	const char *operation, *body;
} calls[] = {
	{ "add", "{\"x\": 1, \"y\": 2}" },
	{ "add", "[1, 2]" },
	{ "echo", "[\"\\u20ac \\ud83d\\ude00\"]" },
	{ "put",
	  "{\"line\": {\"name\": \"a\", \"cents\": \"7\", \"size\": \"LARGE\", \"note\": \"x\"}}" },
	{ "lines", "" },
	{ "total", "{\"discount\": {\"percent\": 1.5e0}}" },
	{ "pay", "[\"9007199254740993\"]" },
	{ "bytes", "[\"AAEC/w==\"]" },
	{ "count_names", "[[\"a\", \"b\", \"a\"]]" },
	{ "fail", "[5, \"so\"]" },
	{ "wait", "[1]" },
	{ "who", "{}" },
	{ "note", "[\"x\"]" },
	{ "numbers", "[1, 5, 0]" },
	{ "sum", "{\"label\": \"x\", \"numbers\": [1, \"2\", 3]}" },
	{ "shout", "{\"words\": [\"a\"]}" },
	{ "shop.Cart.get_owner", "[]" },
};

static const char *const headers[] = {
	"Host: localhost\r\n",
	"Host: evil.example\r\n",
	"Content-Type: application/json\r\n",
	"Content-Type: application/x-www-form-urlencoded\r\n",
	"Accept: text/event-stream\r\n",
	"Accept: application/json\r\n",
	"Origin: http://localhost\r\n",
	"Origin: null\r\n",
	"Sec-Fetch-Site: cross-site\r\n",
	"Pyrite-Timeout: 20\r\n",
	"Grpc-Timeout: 20m\r\n",
	"X-Correlation-Id: abc\r\n",
	"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n",
	"Last-Event-ID: 7\r\n",
	"X-Pyro-Options: oneway\r\n",
	"Expect: 100-continue\r\n",
	"Connection: close\r\n",
	"Content-Length: 5\r\n",
	"Transfer-Encoding: chunked\r\n",
	"Cookie: a=b\r\n",
};

static void put_body(struct buf *out, uint64_t *state, const char *body)
{
	char text[64];
	size_t n = strlen(body), part;

	if (!one_in(state, 5)) {
		snprintf(text, sizeof(text), "Content-Length: %zu\r\n\r\n", n);
		put(out, text);
		put(out, body);
		return;
	}
	put(out, "Transfer-Encoding: chunked\r\n\r\n");
	for (; n > 0; n -= part, body += part) {
		part = 1 + below(state, n);
		snprintf(text, sizeof(text), "%zx\r\n", part);
		put(out, text);
		buf_append(out, body, part);
		put(out, "\r\n");
	}
	put(out, "0\r\n\r\n");
}

static void put_request(struct buf *out, uint64_t *state, bool is_last)
{
	bool is_call = !one_in(state, 3);
	size_t i = below(state, sizeof(calls) / sizeof(calls[0])), n;

	if (is_call) {
		put(out, "POST /v1/objects/cart/");
		put(out, calls[i].operation);
	} else {
		put(out, PICK(state, methods));
		put(out, PICK(state, targets));
	}
	put(out, one_in(state, 10) ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
	put(out, "Host: localhost\r\n");
	if (is_last)
		put(out, "Connection: close\r\n");
	if (is_call)
		put(out, "Content-Type: application/json\r\n");
	for (n = below(state, 4); n > 0; n--)
		if (!one_in(state, 3))
			put(out, PICK(state, headers));
	put_body(out, state, is_call ? calls[i].body : one_in(state, 2) ? "x=1&y=2" : "");
}

/* Behind the first word, which told the door that it is HTTP. */
static void change(struct buf *text, size_t from, uint64_t *state)
{
	static const char pieces[] = "\r\n%/?&=:{}[]\",\\ 0-9eE+.;";
	size_t at, n, changes = 1 + below(state, 4);

	for (; changes > 0 && text->n > from + 8; changes--) {
		at = from + below(state, text->n - from);
		n = 1 + below(state, one_in(state, 4) ? text->n - at : 3);
		if (n > text->n - at)
			n = text->n - at;
		switch (below(state, 5)) {
		case 0:
			text->data[at] ^= (uint8_t)(1u << below(state, 8));
			break;
		case 1:
			text->data[at] = (uint8_t)pieces[below(state, sizeof(pieces) - 1)];
			break;
		case 2:
			text->data[at] = (uint8_t)next(state);
			break;
		case 3: /* a part is gone */
			memmove(text->data + at, text->data + at + n, text->n - at - n);
			text->n -= n;
			break;
		default: /* a part stands twice */
			if (text->n + n < MOST && buf_grow(text, n))
				memmove(text->data + at + n, text->data + at, text->n - n - at);
		}
	}
}

/* ---- clients ---- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void finding(const char *what, const struct buf *sent, const char *came, size_t n)
{
	fprintf(stderr, "http-random: %s\n---- sent:\n%.*s\n---- came:\n%.*s\n", what, (int)sent->n,
		(const char *)sent->data, (int)n, came);
	exit(1);
}

/* Sends, and reads until the end; says that there is no more when nothing comes. Returns how much
 * came. */
static size_t talk(int fd, const struct buf *sent, char *room)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN | POLLOUT };
	int64_t end = now_ms() + PATIENCE_MS;
	size_t at = 0, n = 0;
	bool is_over = false;
	ssize_t some;

	while (now_ms() < end) {
		poller.events = (short)(POLLIN | (at < sent->n ? POLLOUT : 0));
		if (poll(&poller, 1, QUIET_MS) == 0 && !is_over) {
			is_over = true;
			shutdown(fd, SHUT_WR);
			at = sent->n;
		}
		if (poller.revents & POLLOUT) {
			some = send(fd, sent->data + at, sent->n - at, MSG_NOSIGNAL | MSG_DONTWAIT);
			at = some > 0 ? at + (size_t)some : errno == EAGAIN ? at : sent->n;
		}
		if (!(poller.revents & (POLLIN | POLLHUP)))
			continue;
		some = recv(fd, room + n, MOST - n, MSG_DONTWAIT);
		if (some <= 0 && errno != EAGAIN)
			return n;
		n += some > 0 ? (size_t)some : 0;
		if (some == 0 || n == MOST)
			return n; /* of a stream without end */
	}
	finding("the connection does not end", sent, room, n);
	return n;
}

static void check(const struct buf *sent, const char *came, size_t n)
{
	static const char begin[] = "HTTP/1.";
	size_t at;

	if (n > 0 && (n < 12 || memcmp(came, begin, sizeof(begin) - 1) != 0))
		finding("what comes is no answer", sent, came, n);
	for (at = 0; at + 12 < n; at++) {
		if (memcmp(came + at, begin, sizeof(begin) - 1) != 0 || came[at + 8] != ' ')
			continue;
		atomic_fetch_add(&n_answers, 1);
		if (memcmp(came + at + 9, "200", 3) == 0)
			atomic_fetch_add(&n_ok, 1);
		if (memcmp(came + at + 9, "500", 3) == 0)
			atomic_fetch_add(&n_calls, 1);
	}
}

static void visit(uint64_t *state, char *room)
{
	static const struct door_peer who = { .is_local = true, .address = "127.0.0.1:1" };
	size_t n = 1 + below(state, ROW), i, from;
	struct buf sent = { 0 };
	int fds[2];

	for (i = 0; i < n; i++) {
		from = sent.n;
		put_request(&sent, state, i == n - 1);
		if (one_in(state, 2))
			change(&sent, from, state);
	}
	if (sent.broken || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
		perror("http-random");
		exit(1);
	}
	face_http.take(face, fds[1], &who);
	check(&sent, room, talk(fds[0], &sent, room));
	close(fds[0]);
	buf_free(&sent);
	i = atomic_load(&n_left);
	while (!atomic_compare_exchange_weak(&n_left, &i, i > n ? i - n : 0))
		;
}

static void *client(void *data)
{
	uint64_t state = (uint64_t)(uintptr_t)data;
	char *room = malloc(MOST + 1);

	while (atomic_load(&n_left) > 0)
		visit(&state, room);
	free(room);
	return NULL;
}

/* ---- the daemon ---- */

static bool works(void)
{
	static const struct door_peer who = { .is_local = true, .address = "127.0.0.1:1" };
	struct buf sent = { 0 };
	char room[MOST];
	size_t n;
	int fds[2];

	put(&sent, "POST /v1/objects/cart/add HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
		   "Content-Type: application/json\r\nContent-Length: 6\r\n\r\n[1, 2]");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return false;
	face_http.take(face, fds[1], &who);
	n = talk(fds[0], &sent, room);
	close(fds[0]);
	buf_free(&sent);
	return n > 2 && memcmp(room + n - 2, "3\n", 2) == 0;
}

static void *serve(void *daemon)
{
	return pyr_daemon_run(daemon) < 0 ? daemon : NULL;
}

int main(int argc, char **argv)
{
	unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
	size_t n_clients = argc > 3 ? strtoul(argv[3], NULL, 10) : 4, i;
	pthread_t clients[CLIENTS], server;
	pyr_daemon *daemon;
	bool ok;

	printf("seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	daemon = pyr_daemon_new(
		&(struct pyr_daemon_options){ .threads = 8, .faces = "+http", .signals = PYR_NO });
	if (!shop_Cart_register(daemon, "cart", &cart_methods, NULL))
		return pyr_perror("http-random");
	host = (struct face_host){ .objects = &daemon->objects,
				   .place = &daemon->place,
				   .address = daemon->host.address };
	face = face_http.open(&host);
	if (!face || pthread_create(&server, NULL, serve, daemon) != 0)
		return 1;
	atomic_store(&n_left, n);
	for (i = 0; i < n_clients && i < CLIENTS; i++)
		if (pthread_create(&clients[i], NULL, client, (void *)(uintptr_t)(seed * 64 + i)) !=
		    0)
			return 1;
	while (i > 0)
		pthread_join(clients[--i], NULL);
	ok = works();
	face_http.stop(face);
	pyr_daemon_stop(daemon);
	pthread_join(server, NULL);
	face_http.free(face);
	pyr_daemon_free(daemon);
	printf("%lu requests, %lu answers, %lu of them 200, %lu 500\n", n, atomic_load(&n_answers),
	       atomic_load(&n_ok), atomic_load(&n_calls));
	if (!ok)
		fputs("http-random: it works no more\n", stderr);
	return ok ? 0 : 1;
}
