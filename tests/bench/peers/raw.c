/* SPDX-License-Identifier: MIT */
/*
 * The floor: read() and write() on a socket, both ends in one program. bench-raw [--socket PATH]
 * serves with a thread for each connection; bench-raw ADDRESS MODE [-n N] measures. A request is
 * its number of bytes and those, or 0 and two numbers to add. Calls in flight leave in one write.
 */
#include "drive.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BUFFER = 64 * 1024, STACK = 256 * 1024 };

struct request {
	uint32_t n_bytes;
	int32_t x, y; /* if that is 0 */
};

/* ---- sockets ---- */

union place {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_un un;
};

/* A path, or a port of the loopback interface. Returns a socket for it. */
static int socket_for(const char *text, union place *place, socklen_t *ret_n)
{
	int fd;

	memset(place, 0, sizeof(*place));
	if (strchr(text, '/')) {
		place->un.sun_family = AF_UNIX;
		snprintf(place->un.sun_path, sizeof(place->un.sun_path), "%s", text);
		*ret_n = sizeof(place->un);
	} else {
		place->in.sin_family = AF_INET;
		place->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		place->in.sin_port = htons((uint16_t)atoi(text));
		*ret_n = sizeof(place->in);
	}
	fd = socket(place->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		bench_fail("socket: %s", strerror(errno));
	return fd;
}

static void send_at_once(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* not of unix sockets */
}

/* Returns false at the other end's end. */
static bool read_all(int fd, void *data, size_t n)
{
	ssize_t came;
	size_t done;

	for (done = 0; done < n; done += (size_t)came) {
		came = read(fd, (char *)data + done, n - done);
		if (came <= 0)
			return false;
	}
	return true;
}

static bool write_all(int fd, const void *data, size_t n)
{
	ssize_t left;
	size_t done;

	for (done = 0; done < n; done += (size_t)left) {
		left = send(fd, (const char *)data + done, n - done, MSG_NOSIGNAL);
		if (left <= 0)
			return false;
	}
	return true;
}

/* ---- server ---- */

/* The bytes of a request, some of which have come with it. */
static bool echo_bytes(int fd, const struct request *request, const char *came, size_t n_came)
{
	char *data = malloc(request->n_bytes);
	bool ok;

	if (!data)
		bench_fail("out of memory");
	memcpy(data, came, n_came);
	ok = read_all(fd, data + n_came, request->n_bytes - n_came) &&
	     write_all(fd, data, request->n_bytes);
	free(data);
	return ok;
}

/* Answers all that is in the buffer. Returns how many bytes of it are left, -1 at the end. */
static ssize_t answer(int fd, char *buffer, size_t n)
{
	int32_t sums[BUFFER / sizeof(struct request)];
	struct request request;
	size_t at = 0, n_sums = 0, part;

	while (n - at >= sizeof(request)) {
		memcpy(&request, buffer + at, sizeof(request));
		at += sizeof(request);
		if (request.n_bytes == 0) {
			sums[n_sums++] = request.x + request.y;
			continue;
		}
		part = n - at < request.n_bytes ? n - at : request.n_bytes;
		if (!echo_bytes(fd, &request, buffer + at, part))
			return -1;
		at += part;
	}
	if (n_sums > 0 && !write_all(fd, sums, n_sums * sizeof(sums[0])))
		return -1;
	memmove(buffer, buffer + at, n - at);
	return (ssize_t)(n - at);
}

static void *serve(void *data)
{
	int fd = (int)(intptr_t)data;
	ssize_t came, left = 0;
	char *buffer = malloc(BUFFER);

	if (!buffer)
		bench_fail("out of memory");
	send_at_once(fd);
	while (left >= 0 && (came = read(fd, buffer + left, (size_t)(BUFFER - left))) > 0)
		left = answer(fd, buffer, (size_t)(left + came));
	free(buffer);
	close(fd);
	return NULL;
}

static void run_server(const struct bench_options *options)
{
	union place place;
	socklen_t n;
	int fd = socket_for(options->socket ? options->socket : "0", &place, &n), client;
	pthread_attr_t attributes;
	pthread_t thread;
	char port[16];

	if (bind(fd, &place.any, n) < 0 || listen(fd, SOMAXCONN) < 0 ||
	    getsockname(fd, &place.any, &n) < 0)
		bench_fail("listen: %s", strerror(errno));
	snprintf(port, sizeof(port), "%d", ntohs(place.in.sin_port));
	bench_print_address(options->socket ? options->socket : port);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK);
	while ((client = accept(fd, NULL, NULL)) >= 0)
		if (pthread_create(&thread, &attributes, serve, (void *)(intptr_t)client) != 0)
			bench_fail("no thread");
	bench_fail("accept: %s", strerror(errno));
}

/* ---- client ---- */

struct end {
	int fd;
	size_t n_out, n_in, at; /* bytes to send; bytes that came, and how many of them are used */
	char out[BUFFER], in[BUFFER];
};

static void *open_end(const char *address)
{
	struct end *end = calloc(1, sizeof(*end));
	union place place;
	socklen_t n;

	if (!end)
		bench_fail("out of memory");
	end->fd = socket_for(address, &place, &n);
	if (connect(end->fd, &place.any, n) < 0)
		bench_fail("%s: %s", address, strerror(errno));
	send_at_once(end->fd);
	return end;
}

static void close_end(void *data)
{
	struct end *end = data;

	close(end->fd);
	free(end);
}

static int32_t add(void *data, struct bench_sum sum)
{
	struct request request = { 0, sum.x, sum.y };
	struct end *end = data;
	int32_t ret;

	if (!write_all(end->fd, &request, sizeof(request)) || !read_all(end->fd, &ret, sizeof(ret)))
		bench_fail("the connection ended");
	return ret;
}

static void flush(struct end *end)
{
	if (!write_all(end->fd, end->out, end->n_out))
		bench_fail("the connection ended");
	end->n_out = 0;
}

static void start(void *data, struct bench_call *call)
{
	struct request request = { 0, call->sum.x, call->sum.y };
	struct end *end = data;

	if (end->n_out + sizeof(request) > BUFFER)
		flush(end);
	memcpy(end->out + end->n_out, &request, sizeof(request));
	end->n_out += sizeof(request);
}

static struct bench_call *finish(void *data, struct bench_call *oldest)
{
	struct end *end = data;
	ssize_t came;

	if (end->n_in - end->at < sizeof(oldest->answer)) {
		flush(end);
		memmove(end->in, end->in + end->at, end->n_in - end->at);
		end->n_in -= end->at;
		end->at = 0;
		for (; end->n_in < sizeof(oldest->answer); end->n_in += (size_t)came) {
			came = read(end->fd, end->in + end->n_in, BUFFER - end->n_in);
			if (came <= 0)
				bench_fail("the connection ended");
		}
	}
	memcpy(&oldest->answer, end->in + end->at, sizeof(oldest->answer));
	end->at += sizeof(oldest->answer);
	return oldest;
}

static uint8_t *came; /* of the last echo, kept as a program would that reads into memory it has */

static void echo(void *data, const uint8_t *bytes, size_t n)
{
	struct request request = { (uint32_t)n, 0, 0 };
	struct end *end = data;

	if (!came)
		came = malloc(n);
	if (!came)
		bench_fail("out of memory");
	if (!write_all(end->fd, &request, sizeof(request)) || !write_all(end->fd, bytes, n) ||
	    !read_all(end->fd, came, n))
		bench_fail("the connection ended");
	bench_check_bytes(bytes, n, came, n);
}

int main(int argc, char **argv)
{
	static const struct bench_peer raw = {
		.open = open_end,
		.close = close_end,
		.add = add,
		.start = start,
		.finish = finish,
		.echo = echo,
	};
	struct bench_options options;

	bench_start(&options, argc, argv, BENCH_EITHER);
	if (!options.address)
		run_server(&options);
	bench_drive(&options, &raw);
	free(came);
	return 0;
}
