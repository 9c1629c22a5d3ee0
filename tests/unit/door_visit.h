/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_DOOR_VISIT_H
#define PYRITE_DOOR_VISIT_H
/* Both sides of a door for its tests: who came in, and who knocks. Waits end by themselves. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>

#include "door/door.h"
#include "test.h"

#define PREFACE       "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define PREFACE_BYTES 24
#define PATIENCE_MS   10000
#define GUESTS_MAX    256

/* Those who were let in. */
struct guests {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int n;
	int fds[GUESTS_MAX];
	struct door_peer peers[GUESTS_MAX];
};

#define GUESTS                                                                                     \
	{                                                                                          \
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, { 0 },                     \
		{                                                                                  \
			{                                                                          \
				0                                                                  \
			}                                                                          \
		}                                                                                  \
	}

static inline void guest_comes(void *data, int fd, enum door_protocol speaks,
			       const struct door_peer *peer, struct tls *tls)
{
	struct guests *guests = data;

	(void)speaks;
	(void)tls;
	pthread_mutex_lock(&guests->lock);
	if (guests->n < GUESTS_MAX) {
		guests->fds[guests->n] = fd;
		guests->peers[guests->n++] = *peer;
	}
	pthread_cond_signal(&guests->changed);
	pthread_mutex_unlock(&guests->lock);
}

static inline int guests_count(struct guests *guests)
{
	int n;

	pthread_mutex_lock(&guests->lock);
	n = guests->n;
	pthread_mutex_unlock(&guests->lock);
	return n;
}

/* Waits until n have been let in. */
static inline bool guests_wait(struct guests *guests, int n)
{
	struct timespec until;
	bool there;
	int code = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_MS / 1000;
	pthread_mutex_lock(&guests->lock);
	while (guests->n < n && code == 0)
		code = pthread_cond_timedwait(&guests->changed, &guests->lock, &until);
	there = guests->n >= n;
	pthread_mutex_unlock(&guests->lock);
	return there;
}

/* As core does it: behind the back of everybody, ThreadSanitizer included, to whom a close() beside
 * the door's look at the descriptor is a race. It is one, and door_links.h lives with it. */
static inline void close_unseen(int fd)
{
	syscall(SYS_close, fd);
}

static inline void guests_leave(struct guests *guests)
{
	while (guests->n)
		close_unseen(guests->fds[--guests->n]);
}

static inline int knock_tcp(uint16_t port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	REQUIRE(fd >= 0);
	REQUIRE(connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0);
	return fd;
}

static inline int knock_tcp6(uint16_t port)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa.sin6_addr = in6addr_loopback;
	REQUIRE(fd >= 0);
	REQUIRE(connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0);
	return fd;
}

static inline int unix_socket(const char *path, bool serve)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	REQUIRE(fd >= 0);
	if (serve) {
		REQUIRE(bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0);
		REQUIRE(listen(fd, 1) == 0);
	} else {
		REQUIRE(connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0);
	}
	return fd;
}

static inline void say(int fd, const char *text)
{
	size_t n = strlen(text);

	REQUIRE(send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n);
}

/* Waits until the other side has closed. */
static inline bool is_closed(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char byte;

	if (poll(&wait, 1, PATIENCE_MS) <= 0)
		return false;
	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
}

static inline int64_t test_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static inline struct door *open_door(struct guests *guests, struct door_options options)
{
	struct door_problem problem = { 0, "" };
	struct door *door;

	options.accepted = guest_comes;
	options.data = guests;
	door = door_open(&options, &problem);
	CHECK_STR(problem.text, "");
	REQUIRE(door != NULL);
	return door;
}

/* Opens a door that must stay shut. */
static inline struct door_problem refused_door(struct door_options options)
{
	struct door_problem problem = { 0, "" };
	struct door *door = door_open(&options, &problem);

	CHECK(door == NULL);
	door_free(door);
	return problem;
}
#endif
