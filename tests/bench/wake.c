/* SPDX-License-Identifier: MIT */
/*
 * What it takes to wake another process on the same core and be woken by it, without a byte of
 * work: by a futex in shared memory, by an eventfd in it, over a unix socket and over TCP. It is
 * the floor of any lane that would carry a serial call (docs/performance.md): bench-wake [--cpu N].
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

enum { TRIPS = 20000, ROUNDS = 5, BYTES = 32 /* about as long as a call's frame */ };

/* One way from end to end: end 0 begins. An end waits for what the other has sent. */
struct way {
	const char *name;
	void (*open)(void);
	void (*send)(int end, unsigned trip);
	void (*wait)(int end, unsigned trip);
};

static atomic_uint *words; /* shared: a cache line for each end's last trip */
static int fds[2], polls[2];

static atomic_uint *word(int end)
{
	return &words[end * 16];
}

static void must(int status, const char *what)
{
	if (status < 0)
		bench_fail("%s: %s", what, strerror(errno));
}

static void open_words(void)
{
	*word(0) = *word(1) = 0;
}

static void send_futex(int end, unsigned trip)
{
	*word(end) = trip;
	syscall(SYS_futex, word(end), FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void wait_futex(int end, unsigned trip)
{
	unsigned seen;

	while ((seen = *word(!end)) != trip)
		syscall(SYS_futex, word(!end), FUTEX_WAIT, seen, NULL, NULL, 0);
}

/* An end waits for fds[end] in an epoll of its own, as who waits for other things too has to. */
static void watch(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int end;

	for (end = 0; end < 2; end++) {
		polls[end] = epoll_create1(EPOLL_CLOEXEC);
		must(polls[end], "epoll_create1");
		must(epoll_ctl(polls[end], EPOLL_CTL_ADD, fds[end], &event), "epoll_ctl");
	}
}

static void await(int end)
{
	struct epoll_event event;

	must(epoll_wait(polls[end], &event, 1, -1), "epoll_wait");
}

static void open_eventfds(void)
{
	int end;

	for (end = 0; end < 2; end++) {
		fds[end] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		must(fds[end], "eventfd");
	}
	watch();
}

static void send_eventfd(int end, unsigned trip)
{
	(void)trip;
	must(eventfd_write(fds[!end], 1), "eventfd_write");
}

static void wait_eventfd(int end, unsigned trip)
{
	eventfd_t n;

	(void)trip;
	await(end);
	must(eventfd_read(fds[end], &n), "eventfd_read");
}

static void open_unix(void)
{
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), "socketpair");
	watch();
}

static void open_tcp(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), end, one = 1;

	must(listener, "socket");
	must(bind(listener, (struct sockaddr *)&at, n), "bind");
	must(listen(listener, 1), "listen");
	must(getsockname(listener, (struct sockaddr *)&at, &n), "getsockname");
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(fds[0], "socket");
	must(connect(fds[0], (struct sockaddr *)&at, n), "connect");
	fds[1] = accept(listener, NULL, NULL);
	must(fds[1], "accept");
	close(listener);
	for (end = 0; end < 2; end++)
		must(setsockopt(fds[end], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)),
		     "TCP_NODELAY");
	watch();
}

static void send_socket(int end, unsigned trip)
{
	char bytes[BYTES];

	memset(bytes, (int)trip, sizeof(bytes));
	if (send(fds[end], bytes, sizeof(bytes), MSG_NOSIGNAL) != BYTES)
		bench_fail("send: %s", strerror(errno));
}

static void wait_socket(int end, unsigned trip)
{
	char bytes[BYTES * 2];

	await(end);
	if (recv(fds[end], bytes, sizeof(bytes), 0) != BYTES || bytes[0] != (char)trip)
		bench_fail("recv: not what was sent");
}

static const struct way ways[] = {
	{ "a futex in shared memory", open_words, send_futex, wait_futex },
	{ "eventfds, each in an epoll", open_eventfds, send_eventfd, wait_eventfd },
	{ "a unix socket, each end in an epoll", open_unix, send_socket, wait_socket },
	{ "TCP, each end in an epoll", open_tcp, send_socket, wait_socket },
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static void answer(const struct way *way)
{
	unsigned trip;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		_exit(1);
	for (trip = 1; trip <= TRIPS; trip++) {
		way->wait(1, trip);
		way->send(1, trip);
	}
	_exit(0);
}

/* Returns nanoseconds a round trip. */
static int64_t measure(const struct way *way)
{
	int64_t since;
	unsigned trip;
	int status;
	pid_t child;

	way->open();
	child = fork();
	must(child, "fork");
	if (child == 0)
		answer(way);
	since = bench_now();
	for (trip = 1; trip <= TRIPS; trip++) {
		way->send(0, trip);
		way->wait(0, trip);
	}
	since = bench_now() - since;
	must(waitpid(child, &status, 0), "waitpid");
	if (status != 0)
		bench_fail("%s: the other end failed", way->name);
	if (way->open != open_words) {
		close(polls[0]), close(polls[1]);
		close(fds[0]), close(fds[1]);
	}
	return since / TRIPS;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	struct bench_options options;
	int64_t took[WAYS][ROUNDS];
	unsigned round, i;

	bench_start(&options, argc, argv, BENCH_SERVER);
	words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (words == MAP_FAILED)
		bench_fail("mmap: %s", strerror(errno));
	for (round = 0; round < ROUNDS; round++)
		for (i = 0; i < WAYS; i++)
			took[i][round] = measure(&ways[i]);
	printf("us a round trip of two processes on one core, median of %d (least, most):\n",
	       ROUNDS);
	for (i = 0; i < WAYS; i++) {
		qsort(took[i], ROUNDS, sizeof(took[i][0]), compare);
		printf("%-36s %6.2f (%.2f, %.2f)\n", ways[i].name,
		       (double)took[i][ROUNDS / 2] / 1e3, (double)took[i][0] / 1e3,
		       (double)took[i][ROUNDS - 1] / 1e3);
	}
	return 0;
}
