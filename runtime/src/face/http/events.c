/* SPDX-License-Identifier: MIT */
/*
 * A stream as server-sent events (HTML, 9.2): an event without a name for each item, numbered by
 * its id, then "end", or "error" with what an error's body has. What is read waits for the method,
 * in the connection's thread; the client's leaving ends the visit, and so the call.
 */
#include <pyrite/value.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "face/http/exchange.h"
#include "face/http/items.h"
#include "value/json_write.h"

struct events {
	pyr_proxy *proxy;
	pyr_stream *stream;
	struct buf text; /* what is still to be sent, from at on */
	size_t at;
	uint64_t n;
	bool is_over;
	char correlation_id[129];

	/* What writes, if the call's parameter is a stream: */
	bool is_written;
	pthread_t writer;
	struct span items;
	struct buf wrong; /* the error of an item that does not fit or for which memory is out, */
	atomic_bool is_wrong; /* once this is set */
};

struct events *events_new(pyr_proxy *proxy, pyr_stream *stream, const char *correlation_id)
{
	struct events *events = calloc(1, sizeof(*events));

	if (!events) {
		pyr_stream_free(stream);
		error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
		return NULL;
	}
	events->proxy = proxy;
	events->stream = stream;
	snprintf(events->correlation_id, sizeof(events->correlation_id), "%s", correlation_id);
	/* So that the client sees at once that the stream stands. */
	json_put(&events->text, ": the stream begins\n\n");
	return events;
}

/* Whether the reader hears of it, behind the items that were before it: of what ends the stream,
 * but not of an item that this end refuses. */
static bool is_heard(const pyr_error *error)
{
	return error->remote ||
	       (error->code != PYR_INVALID_ARGUMENT && error->code != PYR_RESOURCE_EXHAUSTED);
}

static void *write_items(void *data)
{
	struct events *events = data;
	int err = items_write(events->stream, events->items);

	if (err == 0)
		err = pyr_stream_end(events->stream);
	if (err == 0 || is_heard(pyr_last_error()))
		return NULL;
	answer_error_json(&events->wrong, events->proxy, "", events->correlation_id);
	buf_append(&events->wrong, "", 1);
	atomic_store(&events->is_wrong, !events->wrong.broken);
	pyr_stream_cancel(events->stream);
	return NULL;
}

bool events_write(struct events *events, struct span items)
{
	events->items = items;
	events->is_written = pthread_create(&events->writer, NULL, write_items, events) == 0;
	if (!events->is_written)
		error_set(PYR_RESOURCE_EXHAUSTED, "out of threads");
	return events->is_written;
}

static void put_event(struct events *events, const char *name, const char *json)
{
	char id[64];

	snprintf(id, sizeof(id), "id: %" PRIu64 "\n", events->n);
	if (name) {
		json_put(&events->text, "event: ");
		json_put(&events->text, name);
		json_put(&events->text, "\n");
	} else {
		json_put(&events->text, id);
		events->n++;
	}
	json_put(&events->text, "data: ");
	json_put(&events->text, json);
	json_put(&events->text, "\n\n");
}

static void put_error(struct events *events)
{
	struct buf json = { 0 };

	if (atomic_load(&events->is_wrong)) {
		put_event(events, "error", (const char *)events->wrong.data);
		return;
	}
	answer_error_json(&json, events->proxy, "", events->correlation_id);
	buf_append(&json, "", 1);
	put_event(events, "error", json.broken ? "{}" : (const char *)json.data);
	buf_free(&json);
}

/* Waits. */
static void fill(struct events *events)
{
	char *json = NULL;
	int n = pyr_stream_next_json(events->stream, &json);

	if (n > 0) {
		put_event(events, NULL, json);
		pyr_free(json);
		return;
	}
	events->is_over = true;
	if (n == 0)
		put_event(events, "end", "{}");
	else
		put_error(events);
}

size_t events_read(struct events *events, char *room, size_t n)
{
	size_t left;

	if (events->at == events->text.n) {
		buf_reset(&events->text);
		events->at = 0;
		if (!events->is_over)
			fill(events);
	}
	if (events->text.broken)
		return 0;
	left = events->text.n - events->at;
	n = left < n ? left : n;
	if (n > 0)
		memcpy(room, events->text.data + events->at, n);
	events->at += n;
	return n;
}

void events_free(struct events *events)
{
	if (!events)
		return;
	if (events->is_written) {
		pyr_stream_cancel(events->stream);
		pthread_join(events->writer, NULL);
	}
	pyr_stream_free(events->stream);
	buf_free(&events->text);
	buf_free(&events->wrong);
	free(events);
}
