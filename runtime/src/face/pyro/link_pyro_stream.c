/* SPDX-License-Identifier: MIT */
/*
 * Streams of items that a Pyro daemon keeps: each item is asked for once the one before has gone to
 * the owner, whose credit is so kept to. All with the lock.
 */
#include <pyrite/pyrite.h>

#include <string.h>

#include "face/pyro/link_pyro_own.h"

static struct form_answer answer_of(const struct pyro_link *l, const struct pyro_request *request)
{
	return (struct form_answer){ request->number, request->operation, request->object,
				     l->link.address, l->max_message };
}

/* Returns false when memory is out. */
static bool ask(struct pyro_link *l, struct pyro_request *request)
{
	struct form_request head = { .version = l->version, .seq = ++l->seq };

	request->seq = head.seq;
	if (!form_ask_item(&head, request->stream, false, &l->out))
		return false;
	pyro_link_wait(l, request);
	pyro_link_send(l);
	return true;
}

void pyro_stream_close(struct pyro_link *l, const struct pyro_request *request)
{
	struct form_request head = { .version = l->version, .seq = ++l->seq, .is_oneway = true };

	if (!request->stream[0] || !form_ask_item(&head, request->stream, true, &l->out))
		return; /* it ends with the connection */
	pyro_link_send(l);
}

/* Puts what is there of the item, as far as there is room. Returns whether all of it went. */
static bool put_item(struct pyro_link *l, struct pyro_request *request)
{
	struct frame frame = { .type = FRAME_ITEM, .number = request->number, .to_caller = 1 };
	size_t left;

	frame.value = request->n_items + 1;
	do {
		left = request->item.n - request->n_put;
		frame.payload.p = request->item.data ? request->item.data + request->n_put : NULL;
		frame.payload.n = left < FRAME_FRAGMENT ? left : FRAME_FRAGMENT;
		if (request->window < frame.payload.n + FRAME_ITEM_COST)
			return false;
		request->window -= frame.payload.n + FRAME_ITEM_COST;
		frame.flags = (request->n_put > 0 ? (uint32_t)FRAME_CONTINUES : 0) |
			      (frame.payload.n < left ? (uint32_t)FRAME_MORE : 0);
		frame.total = request->n_put > 0 ? 0 : (uint32_t)request->item.n;
		request->n_put += frame.payload.n;
		pyro_link_put(l, &frame);
	} while (request->n_put < request->item.n);
	request->n_items++;
	request->n_put = 0;
	buf_reset(&request->item);
	return true;
}

/* The item that is there, and then the next. Returns whether the request is over. */
static bool go_on(struct pyro_link *l, struct pyro_request *request)
{
	struct form_answer answer = answer_of(l, request);

	if (!put_item(l, request) || ask(l, request))
		return false;
	form_put_wrong(&answer, PYR_RESOURCE_EXHAUSTED, "out of memory", &l->inbox);
	pyro_link_look_soon(l);
	return true;
}

/* Keeps the id of the stream that the result is. */
static bool take_id(struct pyro_request *request, const struct pyro_header *header,
		    struct span annotations)
{
	struct pyro_wrong wrong;
	struct span id;

	if (!(header->flags & PYRO_STREAM) ||
	    !pyro_annotations_check(header->version, annotations, &wrong) ||
	    !pyro_annotation_find(header->version, annotations, "STRM", &id) || id.n == 0 ||
	    id.n >= sizeof(request->stream) || memchr(id.p, 0, id.n))
		return false;
	memcpy(request->stream, id.p, id.n);
	request->stream[id.n] = '\0';
	return true;
}

/* The first answer is a stream, or an exception. */
static bool begin(struct pyro_link *l, struct pyro_request *request, bool has_id,
		  const struct pyro_header *header, struct span data)
{
	struct form_answer answer = answer_of(l, request);

	if (has_id && ask(l, request))
		return false;
	if (has_id)
		form_put_wrong(&answer, PYR_RESOURCE_EXHAUSTED, "out of memory", &l->inbox);
	else if (header->flags & PYRO_STREAM)
		form_put_wrong(&answer, PYR_INTERNAL, "its stream has no id", &l->inbox);
	else if (header->flags & PYRO_EXCEPTION)
		form_put_answer(&answer, header, data, &l->inbox);
	else
		form_put_wrong(&answer, PYR_INTERNAL, "it returns no stream of items", &l->inbox);
	return true;
}

bool pyro_stream_answer(struct pyro_link *l, struct pyro_request *request,
			const struct pyro_header *header, struct span annotations, struct span data)
{
	struct form_answer answer = answer_of(l, request);
	bool is_first = !request->stream[0], has_id = false;
	int got;

	if (is_first)
		has_id = take_id(request, header, annotations);
	if (!request->number) { /* cancelled meanwhile */
		pyro_stream_close(l, request);
		return true;
	}
	pyro_link_look_soon(l);
	if (is_first)
		return begin(l, request, has_id, header, data);
	got = form_take_item(&answer, header, data, &request->item, &l->inbox);
	if (got > 0)
		return go_on(l, request);
	if (got < 0 && !(header->flags & PYRO_EXCEPTION))
		pyro_stream_close(l, request);
	return true;
}

bool pyro_stream_credit(struct pyro_link *l, struct pyro_request *request, uint64_t n)
{
	if (n > UINT32_MAX || request->window > UINT32_MAX)
		return false;
	request->window += n;
	/* One that is asked for, or not made yet, has no item that waits. */
	if (!request->stream[0] || request->is_sent)
		return false;
	return go_on(l, request);
}
