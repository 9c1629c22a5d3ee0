/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_PATIENT_H
#define PYRITE_TEST_PATIENT_H
/* Patient proxies of a px.Counter, places where there is no server yet, and links that are cut. */
#include "counter.h"
#include "port.h"
#include "proxy/proxy.h"

#include "test.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>

static struct counter counter;

static inline void check_fails(int err, int code, const char *part)
{
	CHECK_INT(err, -code);
	CHECK_INT(pyr_last_error()->code, code);
	CHECK_HAS(pyr_errmsg(), part);
}

/* A socket that is bound on this host; it accepts nothing until somebody listens. */
static inline int bound_socket(uint16_t *port)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	socklen_t size = sizeof(any);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0);
	REQUIRE(getsockname(fd, (struct sockaddr *)&any, &size) == 0);
	*port = ntohs(any.sin_port);
	return fd;
}

static inline struct px_Counter *patient(const char *uri, uint32_t wait_ms, uint32_t max_retries)
{
	struct pyr_proxy_options options = { .wait_ms = wait_ms, .max_retries = max_retries };

	return px_Counter_proxy_with(uri, &options);
}

/* The connection is gone, as if the other end had died, and both ends know. */
static inline void cut(struct px_Counter *proxy)
{
	pyr_proxy *self = px_Counter_as_proxy(proxy);
	struct session *session;
	bool is_closed = false;

	pthread_mutex_lock(&self->lock);
	session = self->session;
	session_ref(session);
	pthread_mutex_unlock(&self->lock);
	peer_close(session->peer, PYR_UNAVAILABLE, "cut by the test");
	while (!is_closed) {
		sched_yield();
		pthread_mutex_lock(&session->peer->lock);
		is_closed = session->peer->is_closed;
		pthread_mutex_unlock(&session->peer->lock);
	}
	session_unref(session);
}

/* Until a call of the proxy waits for its next attempt. */
static inline void see_it_pause(struct px_Counter *proxy)
{
	pyr_proxy *self = px_Counter_as_proxy(proxy);
	bool is_pausing = false;

	while (!is_pausing) {
		pthread_mutex_lock(&self->lock);
		is_pausing = self->pausing != NULL;
		pthread_mutex_unlock(&self->lock);
		sched_yield();
	}
}
#endif
