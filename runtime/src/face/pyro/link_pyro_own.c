/* SPDX-License-Identifier: MIT */
#include "face/pyro/link_pyro_own.h"

#include <pyrite/pyrite.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

void pyro_link_ref(struct pyro_link *l)
{
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
}

void pyro_session_free(struct pyro_session *session)
{
	if (session)
		form_meta_free(&session->meta);
	free(session);
}

void pyro_request_free(struct pyro_request *request)
{
	buf_free(&request->arguments);
	buf_free(&request->item);
	free(request);
}

/* With the lock. */
void pyro_link_look_soon(struct pyro_link *l)
{
	if (l->will_look)
		return;
	l->will_look = true;
	pyro_link_ref(l);
	engine_before_poll(&l->look);
}

/* Begins its end, which the leader tells. With the lock. */
void pyro_link_stop(struct pyro_link *l, int code, const char *text)
{
	if (!l->is_closing || (code && !l->close_code)) {
		l->close_code = code;
		snprintf(l->close_text, sizeof(l->close_text), "%s", text);
	}
	l->is_closing = true;
	pyro_link_look_soon(l);
}

/* ---- what goes out; with the lock ---- */

void pyro_link_send(struct pyro_link *l)
{
	ssize_t n = 0;

	while (l->source.fd >= 0 && l->n_sent < l->out.n && n >= 0) {
		n = send(l->source.fd, l->out.data + l->n_sent, l->out.n - l->n_sent,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		l->n_sent += n > 0 ? (size_t)n : 0;
		if (n < 0 && errno == EINTR)
			n = 0;
	}
	if (l->out.broken)
		pyro_link_stop(l, PYR_RESOURCE_EXHAUSTED, "out of memory");
	else if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
		pyro_link_stop(l, PYR_UNAVAILABLE, strerror(errno));
	if (l->n_sent == l->out.n && !l->out.broken) {
		buf_reset(&l->out);
		l->n_sent = 0;
	}
	if (l->source.fd >= 0)
		engine_source_set(&l->source, EPOLLIN | (l->out.n > 0 ? (unsigned)EPOLLOUT : 0u));
}

void pyro_link_put(struct pyro_link *l, const struct frame *frame)
{
	frame_append(&l->inbox, frame);
	pyro_link_look_soon(l);
}

void pyro_link_wait(struct pyro_link *l, struct pyro_request *request)
{
	request->is_sent = true;
	request->next = NULL;
	*l->last = request;
	l->last = &request->next;
}
