/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FACE_HTTP_CONNECTIONS_H
#define PYRITE_FACE_HTTP_CONNECTIONS_H
/*
 * The connections of a face, and the thread that watches them: it closes those that take too long,
 * and ends the visit of clients that leave while a call runs for them. libmicrohttpd has no part in
 * that: its own timeout counts the time of calls, too. Any thread.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "door/door.h"

struct visitor;

enum { CONNECTIONS_FOREVER = -1 };

struct connections {
	pthread_mutex_t lock;  /* all that follows; before a visitor's */
	pthread_cond_t rested; /* a request is through; on CLOCK_MONOTONIC */
	struct http_connection *first;
	unsigned n;
	bool is_stopping, is_over;
	int epoll, wake; /* constant */
	pthread_t watcher;
};

struct http_connection {
	struct http_connection *next;
	struct connections *all;
	int fd;
	struct door_peer who;    /* constant */
	int64_t until_ms;        /* when it is closed; CONNECTIONS_FOREVER: not */
	bool is_started;         /* libmicrohttpd has it */
	void *exchange;          /* of the request that is read or answered; its thread's */
	bool is_running;         /* a request of it is under way */
	struct visitor *visitor; /* borrowed of that request */
};

/* Returns false when descriptors or threads are out. */
bool connections_open(struct connections *all);
/* No new ones; those that wait for a request are closed. */
void connections_stop(struct connections *all);
/* Ends all visits, and closes; there are no others from now on. What has been answered has a moment
 * to be sent. */
void connections_end(struct connections *all);
/* Waits for the watcher. None is left. */
void connections_close(struct connections *all);

/* Returns NULL, without having taken fd, if it may not come in. */
struct http_connection *connections_add(struct connections *all, int fd,
					const struct door_peer *who, unsigned most);
/* The one that was added with this descriptor. */
struct http_connection *connections_start(struct connections *all, int fd);
void connections_remove(struct http_connection *connection);

/* Milliseconds, on a clock of its own. */
int64_t connections_now(void);

/* A request has so long to come, or an answer to go; CONNECTIONS_FOREVER: any time. */
void connection_has(struct http_connection *connection, int64_t ms);
/* From now on the client's leaving ends the visit. */
void connection_run(struct http_connection *connection);
void connection_rest(struct http_connection *connection);
/* Returns false if all visits are to end. */
bool connection_visit(struct http_connection *connection, struct visitor *visitor);
bool connection_is_last(struct http_connection *connection);
unsigned connections_count(struct connections *all);
#endif
