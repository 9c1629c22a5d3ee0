/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- sockets ---- */

union place {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_un un;
};

static socklen_t read_address(const char *text, union place *ret)
{
	const char *port = strrchr(text, ':');

	memset(ret, 0, sizeof(*ret));
	if (strncmp(text, "./u:", 4) == 0) {
		ret->un.sun_family = AF_UNIX;
		snprintf(ret->un.sun_path, sizeof(ret->un.sun_path), "%s", text + 4);
		return sizeof(ret->un);
	}
	ret->in.sin_family = AF_INET;
	ret->in.sin_port = htons((uint16_t)(port ? atoi(port + 1) : 0));
	ret->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sizeof(ret->in);
}

/* What is small would wait for the other end's acknowledgement of what was before. */
static void send_at_once(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* not of unix sockets */
}

static int connect_to(const char *address)
{
	union place place;
	socklen_t n = read_address(address, &place);
	int fd = socket(place.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, &place.any, n) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* On a port of its own; or, for a unix socket, beside it. */
static bool listen_as(struct relay *relay, const char *address)
{
	char wish[160];
	union place place;
	socklen_t n;

	snprintf(wish, sizeof(wish), "%.140s%s", address,
		 strncmp(address, "./u:", 4) == 0 ? ".relay" : "");
	n = read_address(wish, &place);
	if (place.any.sa_family == AF_INET)
		place.in.sin_port = 0;
	else
		unlink(place.un.sun_path);
	relay->fd = socket(place.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (relay->fd < 0 || bind(relay->fd, &place.any, n) < 0 || listen(relay->fd, 16) < 0)
		return false;
	if (place.any.sa_family == AF_UNIX) {
		snprintf(relay->address, sizeof(relay->address), "%s", wish);
		return true;
	}
	if (getsockname(relay->fd, &place.any, &n) < 0)
		return false;
	snprintf(relay->address, sizeof(relay->address), "127.0.0.1:%d", ntohs(place.in.sin_port));
	return true;
}

/* At once and without what is under way, as a line that broke. */
static void shut(struct relay_end *end)
{
	struct linger hard = { .l_onoff = 1 };

	if (end->fd < 0)
		return;
	(void)setsockopt(end->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(end->fd);
	end->fd = -1;
	end->n = end->at = 0;
}

/* ---- the thread ---- */

/* The place of one that has ended, or another. */
static struct relay_pair *free_pair(struct relay *relay)
{
	size_t i;

	for (i = 0; i < relay->n_pairs; i++)
		if (relay->pairs[i].near.fd < 0 && relay->pairs[i].far.fd < 0)
			break;
	return &relay->pairs[i];
}

static void take_connection(struct relay *relay)
{
	struct relay_pair *pair = free_pair(relay);
	bool is_new = pair == &relay->pairs[relay->n_pairs];
	int fd = accept4(relay->fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	memset(pair, 0, sizeof(*pair));
	pair->near.fd = fd;
	pair->far.fd = -1;
	if (!atomic_load(&relay->is_refusing) && relay->n_pairs < RELAY_PAIRS - 1)
		pair->far.fd = connect_to(relay->to);
	if (pair->far.fd < 0) {
		shut(&pair->near);
		return;
	}
	send_at_once(pair->near.fd);
	send_at_once(pair->far.fd);
	relay->n_pairs += is_new;
	atomic_fetch_add(&relay->n_taken, 1);
}

static void cut(struct relay *relay, bool near_alone)
{
	size_t i;

	relay->is_paused = false;
	for (i = 0; i < relay->n_pairs; i++) {
		shut(&relay->pairs[i].near);
		if (!near_alone)
			shut(&relay->pairs[i].far);
	}
	if (!near_alone)
		relay->n_pairs = 0;
}

static void count(struct relay *relay, size_t n)
{
	long long left = atomic_load(&relay->budget);

	if (left < 0)
		return;
	left -= (long long)n;
	atomic_store(&relay->budget, left);
	if (left >= 0)
		return;
	atomic_store(&relay->budget, -1);
	cut(relay, false);
	atomic_fetch_add(&relay->n_cuts, 1);
}

/* What came at one end leaves at the other. Returns false when one of them has ended. */
static bool pass(struct relay *relay, struct relay_end *from, struct relay_end *to)
{
	ssize_t n;

	if (from->at == from->n) {
		n = recv(from->fd, from->data, sizeof(from->data), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			return false;
		from->at = 0;
		from->n = n > 0 ? (size_t)n : 0;
	}
	if (from->at == from->n)
		return true;
	n = send(to->fd, from->data + from->at, from->n - from->at, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN)
		return false;
	from->at += n > 0 ? (size_t)n : 0;
	count(relay, n > 0 ? (size_t)n : 0);
	return true;
}

static void serve_pair(struct relay *relay, struct relay_pair *pair)
{
	bool goes_on = pair->near.fd < 0 || pass(relay, &pair->near, &pair->far);

	if (pair->far.fd >= 0 && pair->near.fd >= 0)
		goes_on = goes_on && pass(relay, &pair->far, &pair->near);
	if (goes_on)
		return;
	shut(&pair->near);
	shut(&pair->far);
}

static short wanted(const struct relay_end *own, const struct relay_end *other)
{
	return (short)((own->at == own->n ? POLLIN : 0) | (other->at < other->n ? POLLOUT : 0));
}

static void obey(struct relay *relay, char order)
{
	if (order == 'c' || order == 'n')
		cut(relay, order == 'n');
	else if (order == 'p' || order == 'g')
		relay->is_paused = order == 'p';
	pthread_mutex_lock(&relay->lock);
	relay->n_obeyed++;
	pthread_cond_broadcast(&relay->obeyed);
	pthread_mutex_unlock(&relay->lock);
}

static void *relay_main(void *data)
{
	struct relay *relay = data;
	struct pollfd polls[2 + 2 * RELAY_PAIRS];
	struct relay_pair *pair;
	char order = 0;
	size_t i, n;

	while (order != 'q') {
		n = relay->is_paused ? 0 : relay->n_pairs;
		polls[0] = (struct pollfd){ .fd = relay->orders[0], .events = POLLIN };
		polls[1] = (struct pollfd){ .fd = relay->fd, .events = POLLIN };
		for (i = 0; i < n; i++) {
			pair = &relay->pairs[i];
			polls[2 + 2 * i] =
				(struct pollfd){ .fd = pair->near.fd,
						 .events = wanted(&pair->near, &pair->far) };
			polls[3 + 2 * i] =
				(struct pollfd){ .fd = pair->near.fd < 0 ? -1 : pair->far.fd,
						 .events = wanted(&pair->far, &pair->near) };
		}
		(void)poll(polls, 2 + 2 * n, -1);
		for (i = 0; i < n && i < relay->n_pairs; i++)
			if (polls[2 + 2 * i].revents || polls[3 + 2 * i].revents)
				serve_pair(relay, &relay->pairs[i]);
		if (polls[1].revents)
			take_connection(relay);
		if (polls[0].revents && read(relay->orders[0], &order, 1) == 1)
			obey(relay, order);
	}
	return NULL;
}

/* ---- orders ---- */

static void tell(struct relay *relay, char order)
{
	int mine;

	pthread_mutex_lock(&relay->lock);
	mine = ++relay->n_given;
	if (write(relay->orders[1], &order, 1) == 1)
		while (relay->n_obeyed < mine)
			pthread_cond_wait(&relay->obeyed, &relay->lock);
	pthread_mutex_unlock(&relay->lock);
}

bool relay_open(struct relay *relay, const char *address)
{
	memset(relay, 0, sizeof(*relay));
	snprintf(relay->to, sizeof(relay->to), "%s", address);
	pthread_mutex_init(&relay->lock, NULL);
	pthread_cond_init(&relay->obeyed, NULL);
	atomic_store(&relay->budget, -1);
	return listen_as(relay, address) && pipe(relay->orders) == 0 &&
	       pthread_create(&relay->thread, NULL, relay_main, relay) == 0;
}

void relay_close(struct relay *relay)
{
	tell(relay, 'q');
	pthread_join(relay->thread, NULL);
	cut(relay, false);
	close(relay->fd);
	close(relay->orders[0]);
	close(relay->orders[1]);
	if (strncmp(relay->address, "./u:", 4) == 0)
		unlink(relay->address + 4);
	pthread_cond_destroy(&relay->obeyed);
	pthread_mutex_destroy(&relay->lock);
}

void relay_cut(struct relay *relay)
{
	tell(relay, 'c');
}

void relay_cut_near(struct relay *relay)
{
	tell(relay, 'n');
}

void relay_pause(struct relay *relay)
{
	tell(relay, 'p');
}

void relay_go_on(struct relay *relay)
{
	tell(relay, 'g');
}

void relay_cut_after(struct relay *relay, long long n)
{
	atomic_store(&relay->budget, n);
}

void relay_redirect(struct relay *relay, const char *address)
{
	snprintf(relay->to, sizeof(relay->to), "%s", address);
	tell(relay, 'c');
}
