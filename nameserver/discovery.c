/* SPDX-License-Identifier: MIT */
#include "discovery.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUESTION "GET_NSURI"
#define OBJECT   "Pyro.NameServer"

enum {
	QUESTION_MAX = 64,
	ANSWER_MAX = 100 /* what Pyro's clients read */
};

struct discovery {
	int fd, end;
	pthread_t thread;
	struct in_addr own; /* where the name server listens */
	uint16_t own_port;
};

/* The address by which this host is reached from there. */
static struct in_addr facing(const struct sockaddr_in *from)
{
	struct sockaddr_in own = { .sin_family = AF_INET };
	socklen_t size = sizeof(own);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)from, sizeof(*from)) == 0)
		(void)getsockname(fd, (struct sockaddr *)&own, &size);
	if (fd >= 0)
		close(fd);
	return own.sin_addr;
}

static void answer(const struct discovery *discovery, const struct sockaddr_in *from)
{
	struct in_addr address = discovery->own;
	char host[INET_ADDRSTRLEN], text[ANSWER_MAX];
	int n;

	if (address.s_addr == INADDR_ANY)
		address = facing(from);
	inet_ntop(AF_INET, &address, host, sizeof(host));
	n = snprintf(text, sizeof(text), "PYRO:%s@%s:%u", OBJECT, host, discovery->own_port);
	(void)sendto(discovery->fd, text, (size_t)n, MSG_DONTWAIT, (const struct sockaddr *)from,
		     sizeof(*from));
}

static void *serve(void *data)
{
	struct discovery *discovery = data;
	struct pollfd fds[] = { { .fd = discovery->fd, .events = POLLIN },
				{ .fd = discovery->end, .events = POLLIN } };
	struct sockaddr_in from;
	char question[QUESTION_MAX];
	socklen_t size;
	ssize_t n;

	while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
		if (fds[1].revents)
			break;
		size = sizeof(from);
		n = recvfrom(discovery->fd, question, sizeof(question), MSG_DONTWAIT,
			     (struct sockaddr *)&from, &size);
		if (n == sizeof(QUESTION) - 1 && memcmp(question, QUESTION, (size_t)n) == 0)
			answer(discovery, &from);
	}
	return NULL;
}

/* Its signals are the program's. Returns an error number. */
static int start_thread(struct discovery *discovery)
{
	sigset_t all, before;
	int code;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	code = pthread_create(&discovery->thread, NULL, serve, discovery);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}

/* Broadcasts come to who listens on all addresses. */
static bool listen_on(struct discovery *discovery, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };

	at.sin_addr.s_addr = htonl(INADDR_ANY);
	if (ntohl(discovery->own.s_addr) >> 24 == IN_LOOPBACKNET)
		at.sin_addr = discovery->own;
	discovery->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	discovery->end = eventfd(0, EFD_CLOEXEC);
	return discovery->fd >= 0 && discovery->end >= 0 &&
	       bind(discovery->fd, (const struct sockaddr *)&at, sizeof(at)) == 0;
}

static void close_all(struct discovery *discovery)
{
	if (discovery->fd >= 0)
		close(discovery->fd);
	if (discovery->end >= 0)
		close(discovery->end);
	free(discovery);
}

/* Of "127.0.0.1:9090". */
static bool read_address(const char *address, struct discovery *ret)
{
	const char *colon = strrchr(address, ':');
	char host[INET_ADDRSTRLEN];

	if (!colon || (size_t)(colon - address) >= sizeof(host))
		return false;
	memcpy(host, address, (size_t)(colon - address));
	host[colon - address] = '\0';
	ret->own_port = (uint16_t)strtoul(colon + 1, NULL, 10);
	return inet_pton(AF_INET, host, &ret->own) == 1;
}

struct discovery *discovery_start(const char *address, uint16_t port, char *text, size_t n)
{
	struct discovery *discovery = calloc(1, sizeof(*discovery));
	int error;

	if (!discovery) {
		snprintf(text, n, "out of memory");
		return NULL;
	}
	discovery->fd = discovery->end = -1;
	if (!read_address(address, discovery)) {
		snprintf(text, n, "%s is not an IPv4 address", address);
		close_all(discovery);
		return NULL;
	}
	error = listen_on(discovery, port) ? start_thread(discovery) : errno;
	if (error) {
		snprintf(text, n, "UDP port %u: %s", port, strerror(error));
		close_all(discovery);
		return NULL;
	}
	return discovery;
}

void discovery_stop(struct discovery *discovery)
{
	ssize_t n;

	if (!discovery)
		return;
	n = write(discovery->end, &(uint64_t){ 1 }, sizeof(uint64_t));
	(void)n; /* an eventfd with nothing in it takes it */
	pthread_join(discovery->thread, NULL);
	close_all(discovery);
}
