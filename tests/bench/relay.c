/* SPDX-License-Identifier: MIT */
/*
 * A long way: bench-relay PORT MS passes on what comes for its own port, which it prints, to PORT,
 * and back, each way MS milliseconds later. One thread; at most WINDOW bytes are on their way in
 * each direction, then it reads no more. It ends with SIGTERM.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

enum { PAIRS = 64, CHUNK = 64 * 1024, WINDOW = 16 << 20 };

struct chunk {
	struct chunk *next;
	int64_t due;
	size_t n, at; /* n = 0: the sender's end */
	char data[];
};

/* One direction of a connection. */
struct way {
	int from, to;
	struct chunk *head, **tail;
	size_t held;
	bool is_closed; /* nothing more comes from it */
};

static struct way ways[2 * PAIRS];
static unsigned n_ways; /* an even number: there and back */
static int64_t delay;   /* ns */

static void send_at_once(int fd)
{
	int on = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
		bench_fail("TCP_NODELAY: %s", strerror(errno));
}

static struct sockaddr_in place_of(int port)
{
	struct sockaddr_in ret = { .sin_family = AF_INET };

	ret.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ret.sin_port = htons((uint16_t)port);
	return ret;
}

static int tcp_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		bench_fail("socket: %s", strerror(errno));
	return fd;
}

static int listen_anywhere(void)
{
	struct sockaddr_in place = place_of(0);
	socklen_t n = sizeof(place);
	int fd = tcp_socket();
	char port[16];

	if (bind(fd, (struct sockaddr *)&place, n) < 0 || listen(fd, SOMAXCONN) < 0 ||
	    getsockname(fd, (struct sockaddr *)&place, &n) < 0)
		bench_fail("listen: %s", strerror(errno));
	snprintf(port, sizeof(port), "%d", ntohs(place.sin_port));
	bench_print_address(port);
	return fd;
}

static void add_pair(int client, int port)
{
	struct sockaddr_in place = place_of(port);
	int server = tcp_socket();
	unsigned i;

	if (n_ways == 2 * PAIRS)
		bench_fail("more than %d connections", PAIRS);
	if (connect(server, (struct sockaddr *)&place, sizeof(place)) < 0)
		bench_fail("port %d: %s", port, strerror(errno));
	send_at_once(client);
	send_at_once(server);
	ways[n_ways] = (struct way){ .from = client, .to = server };
	ways[n_ways + 1] = (struct way){ .from = server, .to = client };
	for (i = 0; i < 2; i++, n_ways++)
		ways[n_ways].tail = &ways[n_ways].head;
}

static void take(struct way *way)
{
	struct chunk *chunk = malloc(sizeof(*chunk) + CHUNK);
	ssize_t n;

	if (!chunk)
		bench_fail("out of memory");
	n = recv(way->from, chunk->data, CHUNK, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN) {
		free(chunk);
		return;
	}
	*chunk = (struct chunk){ .due = bench_now() + delay, .n = n > 0 ? (size_t)n : 0 };
	way->is_closed = chunk->n == 0;
	way->held += chunk->n;
	*way->tail = chunk;
	way->tail = &chunk->next;
}

/* Sends what is due. */
static void give(struct way *way, int64_t now)
{
	struct chunk *chunk;
	ssize_t n;

	while ((chunk = way->head) && chunk->due <= now) {
		n = chunk->n == 0 ? 0
				  : send(way->to, chunk->data + chunk->at, chunk->n - chunk->at,
					 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return;
		if (chunk->n == 0 || n < 0)
			shutdown(way->to, SHUT_WR);
		chunk->at = n < 0 ? chunk->n : chunk->at + (size_t)n;
		if (chunk->at < chunk->n)
			return;
		way->held -= chunk->n;
		way->head = chunk->next;
		if (!way->head)
			way->tail = &way->head;
		free(chunk);
	}
}

/* Once both directions have ended, the last pair takes the place of that one. */
static void forget_pairs(void)
{
	unsigned i;

	for (i = 0; i < n_ways;) {
		if (!ways[i].is_closed || ways[i].head || !ways[i + 1].is_closed ||
		    ways[i + 1].head) {
			i += 2;
			continue;
		}
		close(ways[i].from);
		close(ways[i].to);
		n_ways -= 2;
		ways[i] = ways[n_ways];
		ways[i + 1] = ways[n_ways + 1];
		if (!ways[i].head)
			ways[i].tail = &ways[i].head;
		if (!ways[i + 1].head)
			ways[i + 1].tail = &ways[i + 1].head;
	}
}

/* Waits until something comes, is due, or can be sent. */
static void await(struct pollfd *fds, int door)
{
	int64_t now = bench_now(), next = INT64_MAX;
	struct timespec wait;
	unsigned i;

	fds[0] = (struct pollfd){ .fd = door, .events = POLLIN };
	for (i = 0; i < n_ways; i++) {
		bool reads = !ways[i].is_closed && ways[i].held < WINDOW;
		bool writes = ways[i].head && ways[i].head->due <= now;

		fds[1 + 2 * i] =
			(struct pollfd){ .fd = reads ? ways[i].from : -1, .events = POLLIN };
		fds[2 + 2 * i] =
			(struct pollfd){ .fd = writes ? ways[i].to : -1, .events = POLLOUT };
		if (ways[i].head && !writes && ways[i].head->due < next)
			next = ways[i].head->due;
	}
	next = next == INT64_MAX ? 0 : next - now;
	wait = (struct timespec){ next / 1000000000, next % 1000000000 };
	if (ppoll(fds, 1 + 2 * n_ways, next ? &wait : NULL, NULL) < 0 && errno != EINTR)
		bench_fail("ppoll: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	static struct pollfd fds[1 + 4 * PAIRS];
	int door, port, client;
	unsigned i, n;

	if (argc != 3)
		bench_fail("usage: bench-relay PORT MS");
	port = atoi(argv[1]);
	delay = atoll(argv[2]) * 1000000;
	door = listen_anywhere();
	for (;;) {
		await(fds, door);
		for (i = 0, n = n_ways; i < n; i++) {
			if (fds[1 + 2 * i].fd >= 0 && fds[1 + 2 * i].revents)
				take(&ways[i]);
			give(&ways[i], bench_now());
		}
		forget_pairs();
		if (fds[0].revents && (client = accept4(door, NULL, NULL, SOCK_CLOEXEC)) >= 0)
			add_pair(client, port);
	}
}
