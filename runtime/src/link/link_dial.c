/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* SOCK_NONBLOCK */
#include "link/link_dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/engine.h"

enum { ADDRESSES = 8 };

struct address {
	struct sockaddr_storage at;
	socklen_t n;
};

struct dial {
	struct engine_source source; /* while it connects; fd -1: it does not */
	struct engine_hook go;       /* the addresses are known */
	bool is_known;               /* leader: that has come */
	bool is_cancelled;           /* leader */
	dial_done *done;
	void *owner;
	struct address addresses[ADDRESSES];
	unsigned n, next; /* how many; the one to be tried */
	uint16_t port;
	char host[URI_HOST_MAX + 1]; /* a name to be looked up; "" for none */
	char why[256];
};

static void end(struct dial *d, int fd)
{
	if (!d->is_cancelled)
		d->done(d->owner, fd, d->why);
	free(d);
}

static void try_next(struct dial *d);

static int error_of(int fd)
{
	int number = 0;
	socklen_t n = sizeof(number);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &n) < 0 ? errno : number;
}

static void failed(struct dial *d, int fd, int number)
{
	snprintf(d->why, sizeof(d->why), "%s", strerror(number));
	if (fd >= 0)
		close(fd);
	try_next(d);
}

static void on_ready(struct engine_source *source, uint32_t events)
{
	struct dial *d = (struct dial *)((char *)source - offsetof(struct dial, source));
	int fd = source->fd, number = error_of(fd);

	if (number == 0 && !(events & EPOLLOUT))
		return;
	engine_source_remove(source);
	source->fd = -1;
	if (number)
		failed(d, fd, number);
	else
		end(d, fd);
}

/* Returns 0 with a socket that is connected or about to be, or an errno. */
static int connect_to(const struct address *to, int *ret)
{
	int fd = socket(to->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	*ret = fd;
	if (fd < 0)
		return errno;
	if (to->at.ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (const struct sockaddr *)&to->at, to->n) == 0 || errno == EINPROGRESS ||
	    errno == EINTR)
		return 0;
	return errno;
}

static void try_next(struct dial *d)
{
	int number, fd;

	if (d->next == d->n) {
		end(d, -1);
		return;
	}
	number = connect_to(&d->addresses[d->next++], &fd);
	if (number == 0) {
		d->source = (struct engine_source){ .fd = fd, .ready = on_ready };
		if (engine_source_add(&d->source, EPOLLOUT))
			return;
		d->source.fd = -1;
		number = ENOMEM;
	}
	failed(d, fd, number);
}

static void on_known(struct engine_hook *hook)
{
	struct dial *d = (struct dial *)((char *)hook - offsetof(struct dial, go));

	d->is_known = true;
	if (d->is_cancelled)
		free(d);
	else
		try_next(d);
}

void dial_cancel(struct dial *d)
{
	int fd;

	if (!d)
		return;
	d->is_cancelled = true;
	if (!d->is_known)
		return;    /* who brings the addresses frees it */
	fd = d->source.fd; /* between two attempts there is nobody who could cancel */
	engine_source_remove(&d->source);
	close(fd);
	free(d);
}

/* ---- where ---- */

static void add(struct dial *d, const void *at, size_t n)
{
	struct address *address = &d->addresses[d->n];

	if (d->n == ADDRESSES || n > sizeof(address->at))
		return;
	memcpy(&address->at, at, n);
	address->n = (socklen_t)n;
	d->n++;
}

static void add_socket(struct dial *d, const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	add(d, &at, offsetof(struct sockaddr_un, sun_path) + strlen(at.sun_path) + 1);
}

/* What getaddrinfo() finds; a number costs it nothing. Returns its status. */
static int look_up(struct dial *d, const char *host, int flags)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *all, *one;
	char port[8];
	int status;

	hints.ai_flags = AI_NUMERICSERV | flags;
	snprintf(port, sizeof(port), "%u", d->port);
	status = getaddrinfo(host, port, &hints, &all);
	if (status != 0)
		return status;
	for (one = all; one; one = one->ai_next)
		add(d, one->ai_addr, one->ai_addrlen);
	freeaddrinfo(all);
	return 0;
}

static void *resolve(void *data)
{
	struct dial *d = data;
	int status = look_up(d, d->host, 0);

	if (status == EAI_SYSTEM)
		snprintf(d->why, sizeof(d->why), "%s", strerror(errno));
	else if (status != 0)
		snprintf(d->why, sizeof(d->why), "%s", gai_strerror(status));
	engine_before_poll(&d->go);
	return NULL;
}

static bool begin_resolving(struct dial *d, const char *host)
{
	pthread_t thread;

	snprintf(d->host, sizeof(d->host), "%s", host);
	if (engine_thread(&thread, resolve, d) < 0)
		return false;
	pthread_detach(thread);
	return true;
}

bool dial_begin(struct dial **ret, const pyr_uri *uri, dial_done *done, void *owner)
{
	struct dial *d = calloc(1, sizeof(*d));

	*ret = d;
	if (!d)
		return false;
	d->source.fd = -1;
	d->go.run = on_known;
	d->done = done;
	d->owner = owner;
	d->port = uri->port;
	if (uri->socket[0])
		add_socket(d, uri->socket);
	else
		(void)look_up(d, uri->host, AI_NUMERICHOST);
	if (d->n > 0) {
		engine_before_poll(&d->go);
		return true;
	}
	if (begin_resolving(d, uri->host))
		return true;
	free(d);
	*ret = NULL;
	return false;
}
