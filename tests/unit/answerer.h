/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_ANSWERER_H
#define PYRITE_TEST_ANSWERER_H
/* Somebody on 127.0.0.1 who answers datagrams, in a thread of its own. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "test.h"

struct answerer {
	int fd;
	struct sockaddr_in at;
	pthread_t thread;
	void (*answer)(struct answerer *a, const uint8_t *question, size_t n,
		       const struct sockaddr_in *from);
	_Atomic(const void *) data; /* answer()'s; another may be set meanwhile */
	pthread_mutex_t lock;       /* while it answers: for what data leads to, if that changes */
	atomic_int n_asked;
};

static void answerer_send(int fd, const void *data, size_t n, const struct sockaddr_in *to)
{
	CHECK_INT(sendto(fd, data, n, 0, (const struct sockaddr *)to, sizeof(*to)), (ssize_t)n);
}

/* A datagram of one byte ends it. */
static void *answerer_main(void *data)
{
	struct answerer *a = data;
	struct sockaddr_in from;
	uint8_t question[512];
	socklen_t size;
	ssize_t n;

	for (;;) {
		size = sizeof(from);
		n = recvfrom(a->fd, question, sizeof(question), 0, (struct sockaddr *)&from, &size);
		if (n <= 1)
			return NULL;
		atomic_fetch_add(&a->n_asked, 1);
		pthread_mutex_lock(&a->lock);
		if (a->answer)
			a->answer(a, question, (size_t)n, &from);
		pthread_mutex_unlock(&a->lock);
	}
}

static int answerer_socket(struct sockaddr_in *ret)
{
	socklen_t size = sizeof(*ret);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	*ret = (struct sockaddr_in){ .sin_family = AF_INET };
	ret->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)ret, size) == 0);
	REQUIRE(getsockname(fd, (struct sockaddr *)ret, &size) == 0);
	return fd;
}

static void answerer_start(struct answerer *a)
{
	pthread_mutex_init(&a->lock, NULL);
	a->fd = answerer_socket(&a->at);
	REQUIRE(pthread_create(&a->thread, NULL, answerer_main, a) == 0);
}

/* "127.0.0.1:40123" */
static const char *answerer_address(const struct answerer *a, char ret[32])
{
	snprintf(ret, 32, "127.0.0.1:%u", ntohs(a->at.sin_port));
	return ret;
}

static void answerer_stop(struct answerer *a)
{
	answerer_send(a->fd, "q", 1, &a->at);
	pthread_join(a->thread, NULL);
	pthread_mutex_destroy(&a->lock);
	close(a->fd);
}
#endif
