/* SPDX-License-Identifier: MIT */
#include "face/http/connections.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cond.h"
#include "face/http/limits.h"
#include "face/visitor.h"

enum { TICK_MS = 1000, EVENTS = 32, LEAVE_MS = 250 /* that answers have at the end */ };

int64_t connections_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct http_connection *find(struct connections *all, int fd)
{
	struct http_connection *connection = all->first;

	while (connection && connection->fd != fd)
		connection = connection->next;
	return connection;
}

static void unlink_one(struct http_connection *connection)
{
	struct http_connection **link = &connection->all->first;

	while (*link != connection)
		link = &(*link)->next;
	*link = connection->next;
	connection->all->n--;
}

/* ---- the watcher ---- */

static void client_left(struct connections *all, int fd)
{
	struct http_connection *connection;

	pthread_mutex_lock(&all->lock);
	connection = find(all, fd);
	if (connection && connection->is_running && connection->visitor)
		visitor_end(connection->visitor);
	pthread_mutex_unlock(&all->lock);
}

/* Until libmicrohttpd says that it has a connection, its descriptor may be another's: one that
 * there is no memory for is closed without a word. With the lock. */
static void shut(const struct http_connection *connection, int how)
{
	if (connection->is_started)
		shutdown(connection->fd, how);
}

static void close_late(struct connections *all)
{
	struct http_connection *connection;
	int64_t now = connections_now();

	pthread_mutex_lock(&all->lock);
	for (connection = all->first; connection; connection = connection->next)
		if (connection->until_ms != CONNECTIONS_FOREVER && now >= connection->until_ms)
			shut(connection, SHUT_RDWR);
	pthread_mutex_unlock(&all->lock);
}

static void *watch(void *data)
{
	struct connections *all = data;
	struct epoll_event events[EVENTS];
	bool is_over = false;
	int n, i;

	while (!is_over) {
		n = epoll_wait(all->epoll, events, EVENTS, TICK_MS);
		for (i = 0; i < n; i++) {
			if (events[i].data.fd == all->wake)
				is_over = true;
			else
				client_left(all, events[i].data.fd);
		}
		close_late(all);
	}
	return NULL;
}

bool connections_open(struct connections *all)
{
	struct epoll_event event = { .events = EPOLLIN };

	*all = (struct connections){ .epoll = epoll_create1(EPOLL_CLOEXEC),
				     .wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	event.data.fd = all->wake;
	pthread_mutex_init(&all->lock, NULL);
	cond_init(&all->rested);
	if (all->epoll >= 0 && all->wake >= 0 &&
	    epoll_ctl(all->epoll, EPOLL_CTL_ADD, all->wake, &event) == 0 &&
	    pthread_create(&all->watcher, NULL, watch, all) == 0)
		return true;
	if (all->epoll >= 0)
		close(all->epoll);
	if (all->wake >= 0)
		close(all->wake);
	pthread_cond_destroy(&all->rested);
	pthread_mutex_destroy(&all->lock);
	return false;
}

void connections_stop(struct connections *all)
{
	struct http_connection *connection;

	pthread_mutex_lock(&all->lock);
	all->is_stopping = true;
	for (connection = all->first; connection; connection = connection->next)
		if (!connection->is_running)
			shut(connection, SHUT_RDWR);
	pthread_mutex_unlock(&all->lock);
}

static bool is_running(const struct connections *all)
{
	const struct http_connection *connection;

	for (connection = all->first; connection; connection = connection->next)
		if (connection->is_running)
			return true;
	return false;
}

/* With the lock. The daemon is through with its calls, and their answers may be on their way. */
static void wait_for_answers(struct connections *all)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LEAVE_MS * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (is_running(all) && pthread_cond_timedwait(&all->rested, &all->lock, &until) == 0)
		continue;
}

void connections_end(struct connections *all)
{
	struct http_connection *connection;

	pthread_mutex_lock(&all->lock);
	all->is_stopping = true;
	wait_for_answers(all);
	all->is_over = true;
	for (connection = all->first; connection; connection = connection->next) {
		if (connection->visitor)
			visitor_end(connection->visitor);
		shut(connection, SHUT_RDWR);
	}
	pthread_mutex_unlock(&all->lock);
}

void connections_close(struct connections *all)
{
	uint64_t one = 1;

	while (write(all->wake, &one, sizeof(one)) < 0)
		;
	pthread_join(all->watcher, NULL);
	while (all->first) /* that libmicrohttpd had no memory for */
		connections_remove(all->first);
	close(all->epoll);
	close(all->wake);
	pthread_cond_destroy(&all->rested);
	pthread_mutex_destroy(&all->lock);
}

/* ---- one ---- */

struct http_connection *connections_add(struct connections *all, int fd,
					const struct door_peer *who, unsigned most)
{
	struct http_connection *connection = calloc(1, sizeof(*connection)), *stale;

	if (!connection)
		return NULL;
	*connection = (struct http_connection){
		.all = all, .fd = fd, .who = *who, .until_ms = connections_now() + HTTP_READ_MS
	};
	pthread_mutex_lock(&all->lock);
	/* libmicrohttpd closed it without a word. */
	if ((stale = find(all, fd)) && !stale->is_started)
		unlink_one(stale);
	else
		stale = NULL;
	free(stale);
	if (all->is_stopping || all->n >= most) {
		pthread_mutex_unlock(&all->lock);
		free(connection);
		return NULL;
	}
	connection->next = all->first;
	all->first = connection;
	all->n++;
	pthread_mutex_unlock(&all->lock);
	return connection;
}

struct http_connection *connections_start(struct connections *all, int fd)
{
	struct http_connection *connection;

	pthread_mutex_lock(&all->lock);
	connection = find(all, fd);
	if (connection)
		connection->is_started = true;
	if (connection && all->is_over)
		shut(connection, SHUT_RDWR);
	pthread_mutex_unlock(&all->lock);
	return connection;
}

void connections_remove(struct http_connection *connection)
{
	struct connections *all = connection->all;

	pthread_mutex_lock(&all->lock);
	unlink_one(connection);
	pthread_mutex_unlock(&all->lock);
	free(connection);
}

void connection_has(struct http_connection *connection, int64_t ms)
{
	pthread_mutex_lock(&connection->all->lock);
	connection->until_ms = ms == CONNECTIONS_FOREVER ? ms : connections_now() + ms;
	pthread_mutex_unlock(&connection->all->lock);
}

void connection_run(struct http_connection *connection)
{
	struct epoll_event event = { .events = EPOLLRDHUP | EPOLLONESHOT };

	event.data.fd = connection->fd;
	pthread_mutex_lock(&connection->all->lock);
	connection->is_running = true;
	connection->until_ms = CONNECTIONS_FOREVER;
	pthread_mutex_unlock(&connection->all->lock);
	/* Without memory for it, a leaving client is seen when he is answered. */
	(void)epoll_ctl(connection->all->epoll, EPOLL_CTL_ADD, connection->fd, &event);
}

void connection_rest(struct http_connection *connection)
{
	(void)epoll_ctl(connection->all->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
	pthread_mutex_lock(&connection->all->lock);
	connection->is_running = false;
	connection->visitor = NULL;
	connection->until_ms = connections_now() + HTTP_READ_MS;
	pthread_cond_signal(&connection->all->rested);
	if (connection->all->is_stopping)
		shutdown(connection->fd, SHUT_RD);
	pthread_mutex_unlock(&connection->all->lock);
}

/* The client may have left before there was a visitor to end. */
static bool is_gone(const struct http_connection *connection)
{
	char byte;

	return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

bool connection_visit(struct http_connection *connection, struct visitor *visitor)
{
	bool is_open;

	pthread_mutex_lock(&connection->all->lock);
	is_open = !connection->all->is_over;
	if (is_open)
		connection->visitor = visitor;
	if (is_open && is_gone(connection))
		visitor_end(visitor);
	pthread_mutex_unlock(&connection->all->lock);
	return is_open;
}

bool connection_is_last(struct http_connection *connection)
{
	bool is_last;

	pthread_mutex_lock(&connection->all->lock);
	is_last = connection->all->is_stopping;
	pthread_mutex_unlock(&connection->all->lock);
	return is_last;
}

unsigned connections_count(struct connections *all)
{
	unsigned n;

	pthread_mutex_lock(&all->lock);
	n = all->n;
	pthread_mutex_unlock(&all->lock);
	return n;
}
