/* SPDX-License-Identifier: MIT */
/*
 * A link over a socket. The leader reads, and ends it; whoever writes sends what the socket takes
 * at once, and leaves the rest to the leader. The message that is being written stays the owner's
 * until written() is told.
 *
 * All links read into one block of the leader's, from which messages are handed on in place; what
 * is there of the next one stays there until another link has something to read (scratch). So an
 * idle link has no buffer.
 *
 * References: the owner's, and one from its beginning until closed() was told, beside those of
 * hooks on their way.
 */
#include "link/link_socket_own.h"

#include <pyrite/pyrite.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static struct socket_link *of(struct link *link)
{
	return (struct socket_link *)link;
}

#define FROM(part, member)                                                                         \
	((struct socket_link *)((char *)(part)-offsetof(struct socket_link, member)))

static void ref(struct socket_link *l)
{
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
}

static void unref(struct socket_link *l)
{
	if (atomic_fetch_sub(&l->refs, 1) != 1)
		return;
	if (l->source.fd >= 0) /* accepted, and not started */
		close(l->source.fd);
	free(l->kept);
	free(l->host);
	free(l->link.identity);
	tls_free(l->tls);
	tls_settings_unref(l->wanted);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* ---- the end; in the leader ---- */

/* Returns the code that this end closed it with, 0 for none, and its text. */
static int close_fd(struct socket_link *l, char *text, size_t n)
{
	int fd, code;

	pthread_mutex_lock(&l->lock);
	fd = l->source.fd;
	if (fd >= 0)
		engine_source_remove(&l->source);
	l->source.fd = -1;
	l->is_closing = true;
	code = l->close_code;
	snprintf(text, n, "%s", l->close_text);
	pthread_mutex_unlock(&l->lock);
	if (fd >= 0)
		close(fd);
	return code;
}

/* end: unless this end has closed it. */
void socket_finish(struct socket_link *l, struct link_end end)
{
	char own_text[sizeof(l->close_text)];
	int own;

	if (l->is_finished)
		return;
	l->is_finished = true;
	dial_cancel(l->dial);
	socket_forget(l);
	own = close_fd(l, own_text, sizeof(own_text));
	if (own)
		end = (struct link_end){ .code = own, .text = own_text };
	end.was_connected = l->is_reached;
	l->link.is_orderly = !l->is_client && l->has_ended && !own;
	l->link.events->closed(l->link.owner, &end);
	unref(l);
}

static void finish(struct socket_link *l, int code, const char *text)
{
	socket_finish(l, (struct link_end){ .code = code, .text = text });
}

void socket_lost(struct socket_link *l, int number)
{
	finish(l, PYR_UNAVAILABLE, number ? strerror(number) : "connection closed");
}

static void look_soon(struct socket_link *l)
{
	if (atomic_exchange(&l->is_looked_at, true))
		return;
	ref(l);
	engine_before_poll(&l->ending);
}

static void on_look(struct engine_hook *hook)
{
	struct socket_link *l = FROM(hook, ending);
	bool ends;

	atomic_store(&l->is_looked_at, false);
	pthread_mutex_lock(&l->lock);
	ends = l->is_closing && (l->close_code || l->state != OPEN);
	pthread_mutex_unlock(&l->lock);
	if (ends)
		socket_lost(l, 0);
	unref(l);
}

/* ---- what goes out; with the lock ---- */

static void set_head(struct socket_link *l, size_t n)
{
	size_t i;

	for (i = 0; i < HEAD; i++)
		l->head[i] = (uint8_t)(n >> (8 * i));
	l->n_out = HEAD + n;
}

/* Adds what of a part is left, of which `sent` bytes and what was before it have been sent. Returns
 * how many of those were of others. */
static size_t add_part(struct msghdr *m, const void *p, size_t n, size_t sent)
{
	if (sent >= n)
		return sent - n;
	m->msg_iov[m->msg_iovlen++] = (struct iovec){ (uint8_t *)p + sent, n - sent };
	return 0;
}

/* Sends what the socket takes. Returns 0, or the errno of why nothing will be sent any more. */
static int send_some(struct socket_link *l)
{
	struct iovec parts[1 + LINK_PARTS];
	struct msghdr m = { .msg_iov = parts };
	size_t sent = HEAD + (l->message ? l->message->n : 0) - l->n_out;
	ssize_t n;
	unsigned i;

	if (l->tls)
		return socket_tls_send(l);
	sent = add_part(&m, l->head, HEAD, sent);
	for (i = 0; l->message && i < l->message->n_parts; i++)
		sent = add_part(&m, l->message->parts[i].p, l->message->parts[i].n, sent);

	do
		n = sendmsg(l->source.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : errno;
	l->n_out -= (size_t)n;
	return 0;
}

void socket_watch(struct socket_link *l)
{
	bool writes = l->state == OPEN && (l->n_out > 0 || l->is_writing);

	engine_source_set(&l->source, (l->is_deaf ? 0u : (unsigned)EPOLLIN) |
					      (writes || l->is_behind ? (unsigned)EPOLLOUT : 0u));
}

static void shut(struct socket_link *l)
{
	if (l->tls)
		tls_end(l->tls);
	shutdown(l->source.fd, SHUT_WR);
}

/* The orderly end of this side's half, with nothing being written. */
static void send_end(struct socket_link *l)
{
	l->message = NULL;
	set_head(l, 0);
	if (send_some(l) == 0 && l->n_out == 0)
		shut(l);
	else if (l->n_out > 0)
		socket_watch(l);
}

static enum link_write write_link(struct link *link, const struct link_message *message)
{
	struct socket_link *l = of(link);
	enum link_write written = LINK_WRITING;
	bool is_sent, looks = false;
	int number = 0;

	pthread_mutex_lock(&l->lock);
	if (l->is_closing) {
		written = LINK_OVER;
	} else {
		l->message = message;
		set_head(l, message->n);
		l->is_writing = true;
		if (l->state == OPEN)
			number = send_some(l);
		is_sent = number == 0 && l->n_out == 0;
		/* After a large one the leader looks at what has come before the next goes. */
		looks = is_sent && message->n >= FRAME_MESSAGE_MAX / 2 && engine_leading();
		l->is_put_off = looks;
		if (is_sent && !looks) {
			l->is_writing = false;
			written = LINK_WRITTEN;
		} else if (l->state == OPEN && !looks) {
			socket_watch(l); /* an error comes up there, too */
		}
	}
	pthread_mutex_unlock(&l->lock);
	if (looks) {
		ref(l);
		engine_before_poll(&l->sent);
	}
	return written;
}

void socket_close(struct link *link, int code, const char *text)
{
	struct socket_link *l = of(link);
	bool looks;

	if (!link->events) /* not started: there is nobody to be told */
		return;
	pthread_mutex_lock(&l->lock);
	if (code != 0 && !l->close_code) { /* also after an orderly one that takes too long */
		l->close_code = code;
		snprintf(l->close_text, sizeof(l->close_text), "%s", text);
	}
	if (!l->is_closing && code == 0 && l->is_writing)
		l->close_after = true;
	else if (!l->is_closing && code == 0 && l->state == OPEN)
		send_end(l);
	l->is_closing = true;
	looks = l->close_code || (l->state != OPEN && !l->close_after);
	pthread_mutex_unlock(&l->lock);
	if (looks)
		look_soon(l);
}

static void free_link(struct link *link)
{
	unref(of(link));
}

/* ---- events ---- */

static void write_rest(struct socket_link *l)
{
	bool is_through, tells, has_ended;
	int number;

	pthread_mutex_lock(&l->lock);
	if ((l->n_out == 0 && !l->is_writing) || l->is_put_off || l->state != OPEN) {
		socket_watch(l);
		pthread_mutex_unlock(&l->lock);
		return;
	}
	number = l->n_out > 0 ? send_some(l) : 0;
	is_through = number == 0 && l->n_out == 0;
	tells = is_through && l->is_writing;
	if (is_through) {
		l->is_writing = false;
		if (l->close_after)
			send_end(l);
		else if (l->is_closing)
			shut(l);
		tells &= !l->close_after;
		l->close_after = false;
		socket_watch(l);
	}
	has_ended = is_through && l->n_out == 0 && l->is_deaf && l->has_ended;
	pthread_mutex_unlock(&l->lock);
	if (number)
		socket_lost(l, number);
	else if (tells)
		l->link.events->written(l->link.owner);
	if (has_ended)
		socket_lost(l, 0);
}

/* The leader has looked. */
static void on_sent(struct engine_hook *hook)
{
	struct socket_link *l = FROM(hook, sent);

	pthread_mutex_lock(&l->lock);
	l->is_put_off = false;
	pthread_mutex_unlock(&l->lock);
	if (!l->is_finished)
		write_rest(l);
	unref(l);
}

/* A connection just made takes so few bytes at once. Returns false if not. With the lock. */
static bool send_preface(struct socket_link *l, int fd)
{
	if (l->tls)
		return socket_tls_send_all(l, FRAME_PREFACE, PREFACE);
	return send(fd, FRAME_PREFACE, PREFACE, MSG_NOSIGNAL | MSG_DONTWAIT) == PREFACE;
}

/* TLS is agreed on, perhaps: then both ends greet. */
static void on_shaking(struct socket_link *l)
{
	bool ok;

	if (!socket_shake(l))
		return;
	pthread_mutex_lock(&l->lock);
	ok = send_preface(l, l->source.fd);
	l->state = GREETING;
	engine_source_set(&l->source, EPOLLIN);
	pthread_mutex_unlock(&l->lock);
	if (ok)
		socket_read(l); /* what came with the last of the handshake */
	else
		socket_lost(l, 0);
}

static void on_ready(struct engine_source *source, uint32_t events)
{
	struct socket_link *l = FROM(source, source);

	ref(l);
	if (l->state == SHAKING) { /* the leader alone changes that */
		on_shaking(l);
		unref(l);
		return;
	}
	if (!l->is_deaf && (l->tls || events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		socket_read(l); /* first: what the other end said before it went counts */
	else if (events & (EPOLLHUP | EPOLLERR))
		socket_lost(l, 0);
	if (!l->is_finished && (events & EPOLLOUT))
		write_rest(l);
	unref(l);
}

/* ---- beginnings ---- */

static const struct link_kind socket_kind;

static struct socket_link *new_link(const char *address, bool is_local, bool is_client)
{
	struct socket_link *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->link.kind = &socket_kind;
	l->link.is_local = is_local;
	l->link.lane = "socket";
	l->link.wants_pings = true;
	snprintf(l->link.address, sizeof(l->link.address), "%s", address);
	l->is_client = is_client;
	l->state = is_client ? DIALING : OPEN;
	l->refs = 1;
	l->source = (struct engine_source){ .fd = -1, .ready = on_ready };
	l->ending.run = on_look;
	l->sent.run = on_sent;
	pthread_mutex_init(&l->lock, NULL);
	return l;
}

/* What TLS has read already the system does not tell of, but that there is room to write. */
static bool begin(struct socket_link *l, int fd)
{
	bool ok;

	pthread_mutex_lock(&l->lock);
	ok = send_preface(l, fd);
	l->source.fd = fd;
	ok = ok && engine_source_add(&l->source, l->tls ? EPOLLIN | EPOLLOUT : EPOLLIN);
	if (!ok)
		l->source.fd = -1;
	pthread_mutex_unlock(&l->lock);
	if (!ok)
		close(fd);
	return ok;
}

/* The client's connection stands, or cannot be had. In the leader. */
static void on_dialed(void *owner, int fd, const char *why)
{
	struct socket_link *l = owner;

	l->dial = NULL;
	if (fd < 0) {
		finish(l, PYR_UNAVAILABLE, why);
	} else if (l->wanted) {
		if (!socket_shake_begin(l, fd))
			finish(l, PYR_RESOURCE_EXHAUSTED, "out of memory");
	} else if (begin(l, fd)) {
		pthread_mutex_lock(&l->lock);
		l->state = GREETING;
		pthread_mutex_unlock(&l->lock);
	} else {
		finish(l, PYR_UNAVAILABLE, "connection closed");
	}
}

/* Over a socket that stands already: what it brings may come before this returns. Its owner holds a
 * lock, and is told of a failure later. */
static void begin_given(struct socket_link *l, int fd)
{
	if (l->wanted) {
		if (!socket_shake_begin(l, fd))
			socket_close(&l->link, PYR_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	l->state = GREETING;
	if (!begin(l, fd))
		socket_close(&l->link, PYR_UNAVAILABLE, "connection closed");
}

/* Returns false when memory is out. */
static bool want_tls(struct socket_link *l, const struct link_target *target)
{
	l->wanted = tls_settings_ref(target->tls);
	if (l->wanted)
		l->host = strdup(target->uri ? target->uri->host : "");
	return !l->wanted || l->host;
}

struct link *link_socket_connect(const struct link_target *target, const struct link_events *events,
				 void *owner)
{
	struct socket_link *l = new_link(target->address, target->is_local, true);

	if (!l && !target->uri)
		close(target->fd);
	if (!l)
		return NULL;
	l->link.events = events;
	l->link.owner = owner;
	ref(l);
	if (!want_tls(l, target)) {
		if (!target->uri)
			close(target->fd);
		unref(l);
		unref(l);
		return NULL;
	}
	if (!target->uri) {
		begin_given(l, target->fd);
		return &l->link;
	}
	if (dial_begin(&l->dial, target->uri, on_dialed, l))
		return &l->link;
	unref(l);
	unref(l);
	return NULL;
}

struct link *link_socket_accept(int fd, struct tls *tls, const char *address, bool is_local)
{
	struct socket_link *l = new_link(address, is_local, false);

	if (!l) {
		tls_free(tls);
		close(fd);
		return NULL;
	}
	l->tls = tls;
	l->is_reached = true;
	l->source.fd = fd;
	if (tls && !(l->link.identity = strdup(tls_identity(tls)))) {
		unref(l); /* rather than to take it for nobody */
		return NULL;
	}
	return &l->link;
}

static void start_link(struct link *link)
{
	struct socket_link *l = of(link);
	int fd = l->source.fd;

	ref(l);
	l->source.fd = -1;
	if (!begin(l, fd))
		socket_close(link, PYR_UNAVAILABLE, "connection closed");
}

/* What follows the end is never read. */
static bool has_input(struct link *link)
{
	struct socket_link *l = of(link);
	int n = 0;
	bool has;

	pthread_mutex_lock(&l->lock);
	has = l->source.fd >= 0 && !l->is_deaf && ioctl(l->source.fd, FIONREAD, &n) == 0 && n > 0;
	pthread_mutex_unlock(&l->lock);
	return has;
}

static const struct link_kind socket_kind = { .write = write_link,
					      .close = socket_close,
					      .free = free_link,
					      .has_input = has_input,
					      .start = start_link,
					      .bond = socket_tls_bond };
