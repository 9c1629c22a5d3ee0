/* SPDX-License-Identifier: MIT */
/*
 * A server that says anything to a proxy: the first byte is how the proxy speaks (its own frames,
 * what it finds out, Pyro's protocol, plain gRPC) and what it calls; then come steps as those of
 * fuzz_lanes.c, over at most four connections, one after the other: what is sent on each, raw or as
 * one message of frames, or a beginning from a few that lead deep. The call must end by its
 * deadline, whatever was said, and nothing may be left of the proxy's connections.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/engine.h"
#include "fuzz_talker.h"
#include "fuzz_tmp.h"
#include "wire/frame.h"
#include <pyrite/gen.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS = 32, CONNECTIONS = 4, TIMEOUT_MS = 40, LATE_MS = 20000, DESCRIPTORS = 64 };
enum { RAW, MESSAGE, BEGINNING, READ, NEXT, KINDS };

static struct {
	int listener;
	char path[80];
	unsigned n_fds, n_inputs;
} world = { .listener = -1 };

struct script {
	const uint8_t *data;
	size_t size;
	atomic_bool is_over; /* the proxy is done */
};

static void stop(void)
{
	unlink(world.path);
}

static void start(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	snprintf(world.path, sizeof(world.path), "%s/pyrite-fuzz-servers-%d", fuzz_tmp(),
		 (int)getpid());
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", world.path);
	unlink(world.path);
	unsetenv("PYRITE_KEYS");
	world.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (world.listener < 0 || bind(world.listener, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(world.listener, 64) < 0 || atexit(stop) != 0)
		abort();
}

/* ---- the server ---- */

/* Returns the next connection, -1 when the proxy makes no more. */
static int take(struct script *script)
{
	struct pollfd ready = { .fd = world.listener, .events = POLLIN };
	int fd = -1;

	while (fd < 0 && !atomic_load(&script->is_over))
		if (poll(&ready, 1, 2) > 0)
			fd = accept4(world.listener, NULL, NULL, SOCK_CLOEXEC);
	return fd;
}

static void put(int fd, const void *data, size_t n)
{
	(void)!send(fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void put_message(int fd, const uint8_t *data, size_t n)
{
	uint8_t head[4] = { (uint8_t)n, (uint8_t)(n >> 8) };

	put(fd, head, sizeof(head));
	put(fd, data, n);
}

/* What a good server would say first. */
static void put_beginning(int fd, unsigned which)
{
	struct frame hello = { .type = FRAME_HELLO,
			       .min_version = FRAME_VERSION_MIN,
			       .max_version = FRAME_VERSION_MAX };
	struct frame bound = { .type = FRAME_BOUND,
			       .session = 1,
			       .fingerprint = talk_Server_interface.fingerprint };
	static const char http2[] = "\0\0\0\4\0\0\0\0\0\0\0\0\4\1\0\0\0\0";
	static const char pyro[] = "PYRO\1\xf6\2\1\0\0\0\0\0\0\0\x2e\0\0\0\0"
				   "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x4d\xc5"
				   "{'handshake': 'hello', 'meta': {'methods':()}}";
	struct buf out = { 0 };

	if (which % 3 == 1) {
		put(fd, http2, sizeof(http2) - 1);
	} else if (which % 3 == 2) {
		put(fd, pyro, sizeof(pyro) - 1);
	} else {
		put(fd, FRAME_PREFACE, strlen(FRAME_PREFACE));
		if (!frame_append(&out, &hello) || !frame_append(&out, &bound))
			abort();
		put_message(fd, out.data, out.n);
		buf_free(&out);
	}
}

/* Reads what is there now, or comes within a moment. */
static void drain(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	char bytes[4096];

	while (poll(&ready, 1, 1) > 0 && recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

static void *serve(void *data)
{
	struct script *script = data;
	int n_connections = 1, i, fd = take(script);
	unsigned kind;
	size_t n;

	for (i = 0; i < STEPS && script->size >= 2 && fd >= 0; i++) {
		kind = script->data[0] % KINDS;
		n = script->data[1] < script->size - 2 ? script->data[1] : script->size - 2;
		if (kind == RAW)
			put(fd, script->data + 2, n);
		else if (kind == MESSAGE)
			put_message(fd, script->data + 2, n);
		else if (kind == BEGINNING)
			put_beginning(fd, script->data[0] / KINDS);
		else if (kind == READ)
			drain(fd);
		script->data += 2 + n;
		script->size -= 2 + n;
		if (kind != NEXT)
			continue;
		close(fd);
		fd = n_connections++ < CONNECTIONS ? take(script) : -1;
	}
	while (fd >= 0) { /* so that all that was said is read, and each new connection ends */
		(void)shutdown(fd, SHUT_WR);
		drain(fd);
		close(fd);
		fd = take(script);
	}
	return NULL;
}

/* ---- the proxy ---- */

static void read_all(pyr_stream *stream)
{
	char *item;

	while (talk_Server_down_next(stream, &item) > 0)
		pyr_free(item);
	pyr_stream_free(stream);
}

static void call(struct talk_Server *server, unsigned what)
{
	struct talk_Server *other = NULL;
	pyr_stream *stream = NULL;
	int64_t ret;
	char *text;

	switch (what % 6) {
	case 0:
		(void)!talk_Server_ask(server, 1, &ret);
		break;
	case 1:
		if (talk_Server_echo(server, 1, "text", &text) == 0)
			pyr_free(text);
		break;
	case 2:
		(void)!talk_Server_refuse(server, 1);
		break;
	case 3:
		if (talk_Server_down(server, 1, 3, 10, &stream) == 0)
			read_all(stream);
		break;
	case 4:
		if (talk_Server_up(server, 1, &stream) == 0) {
			(void)!talk_Server_up_write(stream, "item");
			(void)!talk_Server_up_finish(stream, &ret);
		}
		break;
	default:
		if (talk_Server_another(server, 1, &other) == 0)
			(void)!talk_Server_ask(other, 2, &ret);
		talk_Server_free(other);
	}
}

static struct talk_Server *make(unsigned how)
{
	struct pyr_proxy_options options = { .timeout_ms = TIMEOUT_MS,
					     .connect_timeout_ms = TIMEOUT_MS };
	char uri[128];

	if (how % 4 == 1)
		options.lane = PYR_LANE_SOCKET;
	options.plain = how % 4 == 2 ? PYR_PLAIN_ONLY : PYR_PLAIN_AUTO;
	if (how % 4 == 3)
		options.plain = PYR_PLAIN_NEVER;
	snprintf(uri, sizeof(uri), "PYRO:o@./u:%s", world.path);
	return talk_Server_proxy_with(uri, &options);
}

static void look_after(void)
{
	unsigned n = 0;
	DIR *dir;

	if (++world.n_inputs % 64 != 0 || !(dir = opendir("/proc/self/fd")))
		return;
	while (readdir(dir))
		n++;
	closedir(dir);
	if (world.n_fds == 0)
		world.n_fds = n;
	if (n > world.n_fds + DESCRIPTORS) {
		fprintf(stderr, "%u descriptors, %u were open before\n", n, world.n_fds);
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script script = { .data = data + 1, .size = size - 1 };
	int64_t begun = engine_now();
	struct talk_Server *server;
	pthread_t thread;

	if (size == 0)
		return 0;
	if (world.listener < 0)
		start();
	server = make(data[0]);
	if (!server || pthread_create(&thread, NULL, serve, &script) != 0)
		abort();
	call(server, data[0] / 4);
	talk_Server_free(server);
	atomic_store(&script.is_over, true);
	pthread_join(thread, NULL);
	if (engine_now() - begun > LATE_MS * (int64_t)ENGINE_MS) {
		fprintf(stderr, "a call took longer than its deadline\n");
		abort();
	}
	look_after();
	return 0;
}
