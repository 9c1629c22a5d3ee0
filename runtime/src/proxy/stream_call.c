/* SPDX-License-Identifier: MIT */
/* The caller's end of a stream: a call that was started, and what travels in it. */
#include <stdlib.h>

#include "base/error.h"
#include "engine/engine.h"
#include "outcall/outcall_stream.h"
#include "proxy/group.h"
#include "proxy/patience.h"
#include "proxy/proxy_session.h"
#include "proxy/request.h"
#include "proxy/unreadable.h"
#include "reference/references.h"
#include "reference/taker.h"

/* The member of a group that it began with is its proxy. */
static void stay_with(pyr_stream *stream, pyr_proxy *group, const struct session *session)
{
	proxy_unref(stream->caller.proxy);
	stream->caller.proxy = group_proxy_of(group, session);
}

/* Sends the call. Returns false with the last error set if there is no session for it. */
static bool start(const struct request *request, pyr_stream *stream)
{
	struct outcall *call = stream->caller.call;
	struct patience patience;
	struct session *session;

	patience_begin(&patience, request->proxy, request->operation);
	do {
		session = patience_session(&patience, false);
		if (!session)
			return false;
		if (request->proxy->group)
			stay_with(stream, request->proxy, session);
		outcall_init(call, &patience.terms);
		call->session = session;
		call->stream = stream;
		peer_stream_call(stream, session);
		outcall_start(call, session, request->operation, &request->packer, true);
	} while (atomic_load(&call->waiter.ready) && patience_goes_on(&patience, call));
	return true;
}

static void drop(pyr_stream *stream)
{
	struct session *session =
		stream->caller.call->session; /* it is over: this is the last one */
	pyr_proxy *proxy = stream->caller.proxy;

	stream_forget_room(stream);
	pthread_mutex_lock(&stream->lock);
	stream_drop_items(stream);
	pthread_mutex_unlock(&stream->lock);
	outcall_fini(stream->caller.call);
	free(stream->caller.call);
	stream_unref(stream);
	session_unref(session);
	proxy_unref(proxy);
}

static pyr_stream *make(const struct codec_operation *operation)
{
	pyr_stream *stream = stream_new(operation, true);

	if (stream)
		stream->caller.call = calloc(1, sizeof(*stream->caller.call));
	if (stream && stream->caller.call)
		return stream;
	stream_unref(stream);
	error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	return NULL;
}

static int open_stream(const struct request *request, pyr_stream **ret)
{
	pyr_stream *stream = make(request->codec);
	int err = 0;

	if (!stream)
		return -PYR_RESOURCE_EXHAUSTED;
	stream->caller.proxy = request->proxy;
	proxy_ref(request->proxy);
	if (!start(request, stream)) {
		err = -pyr_last_error()->code;
		proxy_unref(stream->caller.proxy);
		free(stream->caller.call);
		stream_unref(stream);
	} else if (atomic_load(&stream->caller.call->waiter.ready) &&
		   stream->caller.call->result.code &&
		   !stream->caller.call->result
			    .is_remote) { /* what the other end says comes with next */
		err = outcall_error(stream->caller.call);
		drop(stream);
	} else {
		*ret = stream;
	}
	return err;
}

int pyr__open(void *self, const struct pyr__interface *interface, unsigned op, pyr__in *in,
	      pyr_stream **ret)
{
	pyr_proxy *proxy = self;
	int operation = request_operation(proxy, interface, op), err;
	struct request request;

	if (operation < 0)
		return -pyr_last_error()->code;
	if (!ret)
		return error_missing("ret");
	if (proxy->batch)
		return error_set(PYR_FAILED_PRECONDITION, "%s: no streams in a batch",
				 interface->operations[op].name);
	if (!request_begin(&request, proxy, (unsigned)operation, in))
		return -pyr_last_error()->code;
	err = open_stream(&request, ret);
	request_end(&request);
	return err;
}

/* If the link was lost and the proxy has another by now, the stream goes on there. */
static void revive(pyr_stream *stream)
{
	struct session *session;

	if (!peer_stream_is_lost(stream))
		return;
	if (engine_now() >= stream->caller.call->deadline) {
		stream->kind->expire(stream);
		return;
	}
	session = proxy_open_session(stream->caller.proxy);
	if (session)
		peer_stream_resume(stream, session);
	else if (proxy_is_freed(stream->caller.proxy))
		outcall_cancel(stream->caller.call, PYR_CANCELLED, "the proxy was released");
	session_unref(session);
}

/* Returns 0, or minus a status with the last error set. */
static int begin_write(pyr_stream *stream, const struct pyr__operation *operation, const char *what)
{
	if (!stream_is_of(stream, operation, stream ? stream->writes : NULL, true, what))
		return -pyr_last_error()->code;
	if (proxy_is_forked())
		return -PYR_FAILED_PRECONDITION;
	revive(stream);
	return 0;
}

int pyr__write(pyr_stream *stream, const struct pyr__operation *operation, pyr__in *item)
{
	int err = begin_write(stream, operation, "write");

	return err < 0 ? err : stream_put_slot(stream, operation, item, "write");
}

int pyr__try_write(pyr_stream *stream, const struct pyr__operation *operation, pyr__in *item)
{
	int err = begin_write(stream, operation, "try_write");

	return err < 0 ? err : stream_try_slot(stream, operation, item, "try_write");
}

/* Returns 1, or minus a status with the last error set. */
static int take_item(pyr_stream *stream, const struct stream_item *item, void *ret)
{
	struct codec_problem problem;
	struct taker taker;

	taker_init(&taker, item->held);
	if (codec_take_results(stream->reads, &taker.base, (struct span){ item->data, item->n },
			       stream->max_item, (void *[]){ ret }, &problem) < 0) {
		taker_drop(&taker);
		return unreadable(&problem, "an item of %s", stream->operation->table->name);
	}
	taker_give(&taker);
	return 1;
}

int pyr__next(pyr_stream *stream, const struct pyr__operation *operation, void *ret)
{
	struct stream_item *item;
	int n;

	if (!stream_is_of(stream, operation, stream ? stream->reads : NULL, true, "next"))
		return -pyr_last_error()->code;
	if (proxy_is_forked())
		return -PYR_FAILED_PRECONDITION;
	revive(stream);
	if ((n = stream_get(stream, &item)) <= 0)
		return n;
	n = take_item(stream, item, ret);
	stream_item_free(item);
	return n;
}

int pyr_stream_end(pyr_stream *stream)
{
	if (!stream)
		return error_null("stream");
	if (!stream->is_callers || !stream->writes)
		return error_set(PYR_INVALID_ARGUMENT,
				 "%s: only a caller's end that writes is ended",
				 stream->operation->table->name);
	if (proxy_is_forked())
		return -PYR_FAILED_PRECONDITION;
	revive(stream);
	return stream_end(stream);
}

/* The proxy connects anew, as for a call. Returns false with the last error set if it cannot. */
static bool reconnect(pyr_stream *stream)
{
	struct session *session = peer_stream_session(stream);

	proxy_forget(stream->caller.proxy, session);
	session_unref(session);
	session = proxy_session_until(stream->caller.proxy, stream->caller.call->deadline, true);
	if (!session)
		return false;
	peer_stream_resume(stream, session);
	session_unref(session);
	return true;
}

/* Ends the caller's items and waits for the answer. It is the last use of the stream: so it does
 * not leave it to others to connect anew when the link is lost. Returns minus a status if there is
 * no answer because of that. */
static int end_and_wait(pyr_stream *stream)
{
	int tries = 3, err;

	for (;;) {
		err = stream_end(stream);
		if (err == 0 && stream_wait_over(stream) != STREAM_LOST)
			return 0;
		if (err == -PYR_RESOURCE_EXHAUSTED || --tries == 0 || !reconnect(stream))
			break;
	}
	if (err != -PYR_RESOURCE_EXHAUSTED) /* the end could not be told */
		err = stream->kind->error(stream);
	pyr_stream_cancel(stream);
	return err;
}

int pyr__finish(pyr_stream *stream, const struct pyr__operation *operation, void *const *out)
{
	struct outcall *call;
	int err;

	if (!stream_is_of(stream, operation, stream ? stream->writes : NULL, true, "finish"))
		return -pyr_last_error()->code;
	if (proxy_is_forked())
		return -PYR_FAILED_PRECONDITION;
	call = stream->caller.call;
	revive(stream);
	err = end_and_wait(stream);
	outcall_wait(call, ENGINE_FOREVER);
	if (err == 0)
		err = call->result.code ? outcall_error(call)
					: request_results(stream->operation, call, out);
	drop(stream);
	return err;
}

void pyr_stream_cancel(pyr_stream *stream)
{
	if (stream && stream->is_callers && !engine_is_forked())
		outcall_cancel(stream->caller.call, PYR_CANCELLED, "the stream was cancelled");
}

void pyr_stream_free(pyr_stream *stream)
{
	if (!stream || !stream->is_callers || engine_is_forked())
		return;
	outcall_cancel(stream->caller.call, PYR_CANCELLED, "the stream was freed");
	outcall_wait(stream->caller.call, ENGINE_FOREVER);
	drop(stream);
}
