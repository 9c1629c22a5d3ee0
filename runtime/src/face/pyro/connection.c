/* SPDX-License-Identifier: MIT */
#include "face/pyro/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "key/key.h"

enum {
	LEAST = 4096, /* bytes read at a time, at least */
	MOST = 262144,
	AT_ONCE = 1 << 20, /* bytes read of one while others may wait */
	UNREAD = 64        /* times LEAST */
};

int64_t pyro_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + 1;
}

/* Has the system ask for other ends that are silent. A unix socket has no need of that. */
static void keep_alive(int fd)
{
	static const struct {
		int level, option, value;
	} wishes[] = { { SOL_SOCKET, SO_KEEPALIVE, 1 },
		       { IPPROTO_TCP, TCP_KEEPIDLE, 60 },
		       { IPPROTO_TCP, TCP_KEEPINTVL, 20 },
		       { IPPROTO_TCP, TCP_KEEPCNT, 3 } };
	size_t i;

	for (i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++)
		(void)setsockopt(fd, wishes[i].level, wishes[i].option, &wishes[i].value,
				 sizeof(int));
}

struct pyro_connection *pyro_connection_new(struct face *face, int fd, const struct door_peer *who,
					    struct budget_pool *pool)
{
	struct pyro_connection *connection = calloc(1, sizeof(*connection));

	if (connection)
		connection->budget = budget_new(pool, SIZE_MAX);
	if (!connection || !connection->budget) {
		free(connection);
		close(fd);
		return NULL;
	}
	keep_alive(fd);
	connection->face = face;
	connection->fd = fd;
	connection->who = *who;
	connection->key = -1;
	connection->state = PYRO_SERVED;
	connection->since = pyro_now();
	return connection;
}

/* What is unread when a socket is closed has the system forget what was sent. */
static void hang_up(int fd)
{
	uint8_t unread[LEAST];
	int i;

	shutdown(fd, SHUT_WR);
	for (i = 0; i < UNREAD && recv(fd, unread, sizeof(unread), MSG_DONTWAIT) > 0; i++)
		continue;
	close(fd);
}

void pyro_connection_free(struct pyro_connection *connection)
{
	key_ring_unref(connection->ring);
	hang_up(connection->fd);
	buf_free(&connection->answer);
	buf_free(&connection->in);
	buf_free(&connection->out);
	budget_release(connection->budget, connection->charged + connection->owed);
	budget_unref(connection->budget);
	free((void *)(uintptr_t)connection->handshake.p);
	free(connection);
}

/* ---- what comes ---- */

/* Bytes of the message, once its header is there. */
static size_t whole(const struct pyro_connection *connection)
{
	return pyro_header_size(connection->header.version) +
	       (size_t)connection->header.n_annotations + connection->header.n_data;
}

/* Looks whether a message is there. */
static bool has_message(struct pyro_connection *connection, uint32_t max)
{
	int n;

	if (!connection->has_header && connection->in.n > 0) {
		if (connection->version == 0 && max > PYRO_FIRST_MAX)
			max = PYRO_FIRST_MAX;
		n = pyro_header_read(connection->in.data, connection->in.n, max,
				     &connection->header, &connection->wrong);
		connection->is_wrong = n < 0;
		connection->has_header = n > 0;
	}
	return connection->is_wrong ||
	       (connection->has_header && connection->in.n >= whole(connection));
}

static size_t room_for(const struct pyro_connection *connection)
{
	size_t left = connection->has_header ? whole(connection) - connection->in.n : 0;

	return left < LEAST ? LEAST : left > MOST ? MOST : left;
}

/* What waits is charged. Returns false if there is too much of it in all connections. */
static bool charge(struct pyro_connection *connection)
{
	size_t more = connection->in.n - connection->charged;

	if (connection->in.n <= connection->charged)
		return true;
	if (!budget_charge(connection->budget, more))
		return false;
	connection->charged += more;
	return true;
}

enum pyro_read pyro_connection_read(struct pyro_connection *connection, uint32_t max_message)
{
	size_t room, left = AT_ONCE;
	uint8_t *p;
	ssize_t n;

	while (!has_message(connection, max_message)) {
		if (left == 0)
			return PYRO_PART; /* others' turn */
		room = room_for(connection);
		p = buf_grow(&connection->in, room);
		if (!p)
			return PYRO_GONE;
		do
			n = recv(connection->fd, p, room, MSG_DONTWAIT);
		while (n < 0 && errno == EINTR);
		connection->in.n -= room - (n > 0 ? (size_t)n : 0);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return PYRO_PART;
		if (n <= 0 || !charge(connection))
			return PYRO_GONE;
		left -= (size_t)n < left ? (size_t)n : left;
		if (connection->since == 0)
			connection->since = pyro_now();
	}
	return PYRO_WHOLE;
}

struct span pyro_connection_annotations(const struct pyro_connection *connection)
{
	return (struct span){ connection->in.data + pyro_header_size(connection->header.version),
			      connection->header.n_annotations };
}

struct span pyro_connection_data(const struct pyro_connection *connection)
{
	struct span annotations = pyro_connection_annotations(connection);

	return (struct span){ span_end(annotations), connection->header.n_data };
}

void pyro_connection_next(struct pyro_connection *connection)
{
	size_t left = connection->in.n - whole(connection);

	if (left > 0)
		buf_drop(&connection->in, whole(connection));
	else
		buf_reset(&connection->in);
	connection->has_header = false;
	connection->since = left > 0 ? pyro_now() : 0;
	if (connection->charged > left) {
		budget_release(connection->budget, connection->charged - left);
		connection->charged = left;
	}
}

/* ---- what is sent ---- */

bool pyro_connection_has_sent(const struct pyro_connection *connection)
{
	return connection->sent == connection->out.n;
}

/* Nothing is to be sent any more. */
static void forget(struct pyro_connection *connection)
{
	budget_release(connection->budget, connection->owed);
	connection->owed = 0;
	connection->sent = 0;
	buf_reset(&connection->out);
}

/* What has to wait is charged, once: nobody else's memory is used for who does not read. From then
 * on its time runs, also for who takes a byte now and then. */
static bool wait_for_room(struct pyro_connection *connection)
{
	if (connection->owed > 0)
		return true;
	connection->since = pyro_now();
	if (!budget_charge(connection->budget, connection->out.n)) {
		connection->is_ending = true;
		forget(connection);
		return false;
	}
	connection->owed = connection->out.n;
	return true;
}

bool pyro_connection_send(struct pyro_connection *connection)
{
	struct buf *out = &connection->out;
	ssize_t n;

	while (connection->sent < out->n) {
		n = send(connection->fd, out->data + connection->sent, out->n - connection->sent,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return wait_for_room(connection);
		if (n < 0) { /* the peer may be there, and is not to wait for what was lost */
			(void)shutdown(connection->fd, SHUT_RDWR);
			forget(connection);
			return false;
		}
		connection->sent += (size_t)n;
	}
	forget(connection);
	connection->since = connection->in.n > 0 ? pyro_now() : 0;
	return true;
}
