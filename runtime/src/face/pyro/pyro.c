/* SPDX-License-Identifier: MIT */
/* The face as its daemon sees it. */
#define _GNU_SOURCE /* EPOLLRDHUP */
#include "face/pyro/pyro.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cond.h"
#include "face/pyro/pyro_own.h"
#include "face/pyro/streams.h"

static bool start(struct face *face)
{
	struct epoll_event event = { .events = EPOLLIN };
	size_t buffered = 8 * (size_t)face->host->max_message;

	face->pool = budget_pool_new(buffered > PYRO_BUFFERED ? buffered : PYRO_BUFFERED);
	face->epoll = epoll_create1(EPOLL_CLOEXEC);
	face->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return face->pool && face->epoll >= 0 && face->wake >= 0 &&
	       epoll_ctl(face->epoll, EPOLL_CTL_ADD, face->wake, &event) == 0 && keeper_start(face);
}

static void face_stop(struct face *face)
{
	pthread_mutex_lock(&face->lock);
	face->is_stopping = true;
	pthread_mutex_unlock(&face->lock);
	keeper_wake(face);
}

static void end_all(struct face *face)
{
	struct pyro_connection *connection;

	pthread_mutex_lock(&face->lock);
	face->is_over = true;
	for (connection = face->all; connection; connection = connection->next) {
		connection->is_gone = true;
		shutdown(connection->fd, SHUT_RDWR);
		callers_end(connection, true);
	}
	pthread_mutex_unlock(&face->lock);
	keeper_wake(face);
}

static void face_free(struct face *face)
{
	if (!face)
		return;
	if (face->has_keeper) {
		end_all(face);
		pthread_join(face->keeper, NULL);
		workers_end(face);
	}
	while (face->all)
		keeper_drop(face, face->all);
	callers_expire(face, INT64_MAX);
	if (face->epoll >= 0)
		close(face->epoll);
	if (face->wake >= 0)
		close(face->wake);
	budget_pool_unref(face->pool);
	pthread_cond_destroy(&face->has_work);
	pthread_cond_destroy(&face->has_ended);
	pthread_cond_destroy(&face->has_left);
	pthread_mutex_destroy(&face->lock);
	free(face);
}

static struct face *face_open(const struct face_host *host)
{
	struct face *face = calloc(1, sizeof(*face));

	if (!face)
		return NULL;
	face->host = host;
	face->epoll = face->wake = -1;
	face->last = &face->first;
	pthread_mutex_init(&face->lock, NULL);
	cond_init(&face->has_work);
	cond_init(&face->has_left);
	pthread_cond_init(&face->has_ended, NULL);
	if (start(face))
		return face;
	face_free(face);
	return NULL;
}

static void face_take(struct face *face, int fd, const struct door_peer *who)
{
	struct pyro_connection *connection = pyro_connection_new(face, fd, who, face->pool);
	struct epoll_event event = { .events = EPOLLRDHUP | EPOLLET, .data.ptr = connection };

	if (!connection)
		return;
	if (epoll_ctl(face->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		pyro_connection_free(connection);
		return;
	}
	pthread_mutex_lock(&face->lock);
	connection->next = face->all;
	connection->link = &face->all;
	if (face->all)
		face->all->link = &connection->next;
	face->all = connection;
	keeper_take(face, connection);
	pthread_mutex_unlock(&face->lock);
}

const struct face_kind face_pyro = {
	.name = FACE_PYRO,
	.protocol = DOOR_PYRO,
	.open = face_open,
	.take = face_take,
	.stop = face_stop,
	.free = face_free,
};
