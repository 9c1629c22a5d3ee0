/* SPDX-License-Identifier: MIT */
/*
 * A whole daemon, with every protocol that it speaks at its unix socket, and three connections to
 * it at once; the fourth goes to a daemon that wants TLS, after a handshake. The input is a row of
 * steps: a byte that says what is done and on which connection, a byte with a length, and so many
 * bytes. What is sent raw may be any protocol (frames, HTTP/1.1, HTTP/2, Pyro's); a step can also
 * send it as one message of frames, or take a beginning from a few that lead deep. At the end no
 * connection is written any more, and all must be closed by the daemon, in time: what a peer has
 * begun holds nothing for longer.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "fuzz_talker.h"
#include "fuzz_tls.h"
#include "fuzz_tmp.h"
#include "wire/frame.h"
#include <pyrite/gen.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	PLACES = 4,
	SECURE = 3,
	FDS = 1024,
	STEPS = 64,
	CLOSE_MS = 10000,
	ANSWER_MS = 5,
	DESCRIPTORS = 64,
	LOOK_EACH = 64
};

enum { RAW, MESSAGE, BEGINNING, READ, HALF, CLOSE, RESET, KINDS };

static struct {
	pyr_daemon *daemon, *secure;
	SSL_CTX *context;
	SSL *secured[FDS]; /* by descriptor */
	char path[80];
	pthread_t threads[2];
	unsigned n_threads, n_fds, n_inputs;
} world;

static void *run_daemon(void *data)
{
	if (pyr_daemon_run(data) < 0)
		abort();
	return NULL;
}

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static void run(pyr_daemon *daemon)
{
	if (!daemon || !talk_Server_register(daemon, "o", &talker_methods, NULL) ||
	    pthread_create(&world.threads[world.n_threads++], NULL, run_daemon, daemon) != 0) {
		fprintf(stderr, "%s\n", pyr_last_error()->message);
		abort();
	}
}

static void stop(void)
{
	pyr_daemon_stop(world.daemon);
	pyr_daemon_stop(world.secure);
	while (world.n_threads > 0)
		(void)pthread_join(world.threads[--world.n_threads], NULL);
	pyr_daemon_free(world.daemon);
	pyr_daemon_free(world.secure);
	SSL_CTX_free(world.context);
}

static void start(void)
{
	struct pyr_daemon_options options = { .signals = PYR_NO,
					      .max_message = 1 << 16,
					      .max_calls = 64,
					      .max_references = 16,
					      .stream_linger_ms = 50,
					      .stream_lifetime_ms = 1000,
					      .drain_ms = PYR_NONE,
					      .threads = 4,
					      .faces = "all" };
	struct pyr_tls_options tls = fuzz_tls_options(PYR_NO);

	snprintf(world.path, sizeof(world.path), "%s/pyrite-fuzz-lanes-%d", fuzz_tmp(),
		 (int)getpid());
	options.socket = world.path;
	signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
	unsetenv("PYRITE_KEYS");
	unsetenv("PYRITE_NS_HOST");
	run(world.daemon = pyr_daemon_new(&options));
	options.socket = NULL;
	options.tls = &tls;
	run(world.secure = pyr_daemon_new(&options));
	world.context = SSL_CTX_new(TLS_client_method());
	if (!world.context || atexit(stop) != 0) /* before what OpenSSL does at the end */
		abort();
	free((char *)tls.cert);
	free((char *)tls.key);
}

/* Its certificate is not looked at: what is tried is the daemon. */
static int connect_securely(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	const char *address = pyr_daemon_address(world.secure);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	SSL *ssl = SSL_new(world.context);

	at.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
	if (!ssl || fd < 0 || fd >= FDS || connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
		abort();
	world.secured[fd] = ssl;
	return fd;
}

static int connect_to(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", world.path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		abort();
	return fd;
}

static void put(int fd, const void *data, size_t n)
{
	struct timeval soon = { .tv_usec = 200000 }; /* one that is not read blocks */

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon));
	if (!world.secured[fd])
		(void)!send(fd, data, n, MSG_NOSIGNAL);
	else if (n > 0)
		(void)!SSL_write(world.secured[fd], data, (int)n);
}

static void put_message(int fd, const uint8_t *data, size_t n)
{
	uint8_t head[4] = { (uint8_t)n, (uint8_t)(n >> 8) };

	put(fd, head, sizeof(head));
	put(fd, data, n);
}

/* Beginnings: the first bytes of each protocol. */
static void put_beginning(int fd, unsigned which)
{
	struct frame hello = { .type = FRAME_HELLO,
			       .min_version = FRAME_VERSION_MIN,
			       .max_version = FRAME_VERSION_MAX };
	struct frame bind = { .type = FRAME_BIND,
			      .session = 1,
			      .object = { (const uint8_t *)"o", 1 },
			      .interface = { (const uint8_t *)"talk.Server", 11 },
			      .fingerprint = talk_Server_interface.fingerprint };
	static const char http[] =
		"POST /v1/objects/o/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
		"application/json\r\nContent-Length: 10\r\n\r\n{\"key\": 1}";
	static const char http2[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
	static const char pyro[] = "PYRO\1\xf6\1\1\0\0\0\1\0\0\0\x2a\0\0\0\0"
				   "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x4d\xc5"
				   "{'handshake': 'hello', 'object': 'o'}     ";
	struct buf out = { 0 };

	switch (which % 4) {
	case 0:
		put(fd, FRAME_PREFACE, strlen(FRAME_PREFACE));
		if (!frame_append(&out, &hello) || !frame_append(&out, &bind))
			abort();
		put_message(fd, out.data, out.n);
		buf_free(&out);
		break;
	case 1:
		put(fd, http, sizeof(http) - 1);
		break;
	case 2:
		put(fd, http2, sizeof(http2) - 1);
		break;
	default:
		put(fd, pyro, sizeof(pyro) - 1);
	}
}

/* Reads what comes within a moment. */
static void drain(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	char bytes[4096];

	if (poll(&ready, 1, ANSWER_MS) > 0)
		while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
			;
}

static void close_it(int fd)
{
	SSL_free(world.secured[fd]);
	world.secured[fd] = NULL;
	close(fd);
}

/* fd: -1: there is none yet. Returns the connection as it is then: -1 if it is closed. */
static int step(int fd, unsigned kind, const uint8_t *data, size_t n)
{
	struct linger at_once = { 1, 0 };

	if (kind == RAW)
		put(fd, data, n);
	else if (kind == MESSAGE)
		put_message(fd, data, n);
	else if (kind == BEGINNING)
		put_beginning(fd, n > 0 ? data[0] : 0);
	else if (kind == READ)
		drain(fd);
	else if (kind == HALF)
		(void)shutdown(fd, SHUT_WR);
	if (kind < CLOSE)
		return fd;
	if (kind == RESET)
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close_it(fd);
	return -1;
}

/* Reads until the daemon closes it. */
static void await_end(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	char bytes[4096];

	(void)shutdown(fd, SHUT_WR);
	do {
		if (poll(&ready, 1, CLOSE_MS) <= 0) {
			fprintf(stderr, "a connection is not closed\n");
			abort();
		}
	} while (recv(fd, bytes, sizeof(bytes), 0) > 0);
	close_it(fd);
}

static void look_after(void)
{
	unsigned n;

	if (++world.n_inputs % LOOK_EACH != 0)
		return;
	n = count_fds();
	if (world.n_fds == 0)
		world.n_fds = n;
	if (n > world.n_fds + DESCRIPTORS) {
		fprintf(stderr, "%u descriptors, %u were open before\n", n, world.n_fds);
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fds[PLACES] = { -1, -1, -1, -1 };
	unsigned i, kind, place;
	size_t n;

	if (!world.daemon)
		start();
	for (i = 0; i < STEPS && size >= 2; i++) {
		kind = data[0] % KINDS;
		place = data[0] / KINDS % PLACES;
		n = data[1] < size - 2 ? data[1] : size - 2;
		if (fds[place] < 0)
			fds[place] = place == SECURE ? connect_securely() : connect_to();
		fds[place] = step(fds[place], kind, data + 2, n);
		data += 2 + n;
		size -= 2 + n;
	}
	for (i = 0; i < PLACES; i++)
		if (fds[i] >= 0)
			await_end(fds[i]);
	look_after();
	return 0;
}
