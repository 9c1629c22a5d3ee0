/* SPDX-License-Identifier: MIT */
/*
 * A link over a socket with TLS. An accepted connection comes from the door with its handshake
 * done; a client's is done here. Reading and writing share one state, so both need the lock.
 */
#include <pyrite/pyrite.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "link/link_shake.h"
#include "link/link_socket_own.h"

/* ---- a client's handshake; in the leader ---- */

bool socket_shake_begin(struct socket_link *l, int fd)
{
	struct tls *tls;
	bool ok;

	(void)tls_settings_refresh(l->wanted, NULL);
	tls = tls_connect(l->wanted, fd, l->host, l->link.address, TLS_ALPN_FRAMES);
	pthread_mutex_lock(&l->lock);
	l->tls = tls;
	l->source.fd = fd;
	l->state = SHAKING;
	ok = tls && engine_source_add(&l->source, EPOLLIN | EPOLLOUT);
	if (!ok)
		l->source.fd = -1;
	pthread_mutex_unlock(&l->lock);
	if (!ok)
		close(fd);
	return ok;
}

bool socket_shake(struct socket_link *l)
{
	struct link_failure failure;
	uint32_t events;
	bool is_done;

	pthread_mutex_lock(&l->lock);
	is_done = link_shake(l->tls, TLS_ALPN_FRAMES, "frames", l->link.address, &events, &failure);
	if (events)
		engine_source_set(&l->source, events);
	pthread_mutex_unlock(&l->lock);
	if (is_done)
		l->link.identity = strdup(tls_identity(l->tls));
	else if (!events)
		socket_finish(l, failure.end);
	return is_done;
}

/* ---- bytes ---- */

ssize_t socket_tls_receive(struct socket_link *l, void *to, size_t n)
{
	enum tls_result result;
	size_t got;

	pthread_mutex_lock(&l->lock);
	result = tls_read(l->tls, to, n, &got);
	pthread_mutex_unlock(&l->lock);
	switch (result) {
	case TLS_DONE:
		return (ssize_t)got;
	case TLS_ENDED:
		return 0;
	case TLS_LOST:
		return -1;
	case TLS_WANTS_IN:
	case TLS_WANTS_OUT: /* what is written next sends it, too */
		errno = EAGAIN;
		return -1;
	default:
		return -2;
	}
}

bool socket_tls_has_more(struct socket_link *l)
{
	bool has;

	pthread_mutex_lock(&l->lock);
	has = tls_has_more(l->tls);
	pthread_mutex_unlock(&l->lock);
	return has;
}

enum link_bond socket_tls_bond(struct link *link, uint8_t ret[LINK_BOND])
{
	struct socket_link *l = (struct socket_link *)link;
	bool is_bound;

	if (!l->tls)
		return LINK_CLEAR;
	pthread_mutex_lock(&l->lock);
	is_bound = tls_bond(l->tls, ret, LINK_BOND);
	pthread_mutex_unlock(&l->lock);
	return is_bound ? LINK_BOUND : LINK_UNBOUND;
}

/* Where the bytes from `at` on lie, as many as a record has or are left; gathered in room if they
 * are in pieces. Returns how many. */
static size_t piece_at(const struct socket_link *l, size_t at, uint8_t room[TLS_RECORD],
		       const uint8_t **ret)
{
	const struct link_message *message = l->message;
	struct span part = { l->head, HEAD };
	size_t n = 0, take;
	unsigned i = 0;

	for (;; part = message->parts[i++]) {
		if (at < part.n && n == 0 && part.n - at >= TLS_RECORD) {
			*ret = part.p + at;
			return TLS_RECORD;
		}
		if (at < part.n) {
			take = part.n - at < TLS_RECORD - n ? part.n - at : TLS_RECORD - n;
			memcpy(room + n, part.p + at, take);
			n += take;
			at = 0;
		} else {
			at -= part.n;
		}
		if (n == TLS_RECORD || !message || i == message->n_parts)
			break;
	}
	*ret = room;
	return n;
}

int socket_tls_send(struct socket_link *l)
{
	size_t all = HEAD + (l->message ? l->message->n : 0), n, sent;
	uint8_t room[TLS_RECORD];
	enum tls_result result;
	const uint8_t *piece;

	while (l->n_out > 0) {
		n = piece_at(l, all - l->n_out, room, &piece);
		result = tls_write(l->tls, piece, n, &sent);
		if (result == TLS_WANTS_IN || result == TLS_WANTS_OUT)
			return 0;
		if (result != TLS_DONE)
			return result == TLS_LOST ? errno : EPIPE;
		l->n_out -= sent;
	}
	return 0;
}

bool socket_tls_send_all(struct socket_link *l, const char *p, size_t n)
{
	size_t sent;

	return tls_write(l->tls, p, n, &sent) == TLS_DONE && sent == n;
}
