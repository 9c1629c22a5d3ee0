/* SPDX-License-Identifier: MIT */
#include "face/pyro/streams.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"

struct pyro_streams {
	unsigned n;
	struct {
		char id[STREAM_ID + 1];
		pyr_stream *stream;
	} items[PYRO_STREAMS];
};

void stream_uuid(const uint8_t bytes[16], char ret[STREAM_ID + 1])
{
	unsigned i;

	for (i = 0; i < 16; i++)
		ret += snprintf(ret, 4, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
				bytes[i]);
}

bool streams_add(struct pyro_streams **streams, pyr_stream *stream, char ret_id[STREAM_ID + 1])
{
	uint8_t id[16];

	if (!*streams)
		*streams = calloc(1, sizeof(**streams));
	if (!*streams || (*streams)->n == PYRO_STREAMS || !random_bytes(id, sizeof(id))) {
		pyr_stream_free(stream);
		return false;
	}
	stream_uuid(id, ret_id);
	(*streams)->items[(*streams)->n].stream = stream;
	stream_uuid(id, (*streams)->items[(*streams)->n++].id);
	return true;
}

static unsigned place_of(const struct pyro_streams *streams, struct span id)
{
	unsigned i;

	for (i = 0; i < streams->n; i++)
		if (span_is(id, streams->items[i].id))
			break;
	return i;
}

pyr_stream *streams_find(const struct pyro_streams *streams, struct span id)
{
	unsigned place = streams ? place_of(streams, id) : 0;

	return streams && place < streams->n ? streams->items[place].stream : NULL;
}

void streams_remove(struct pyro_streams *streams, struct span id)
{
	unsigned place = streams ? place_of(streams, id) : 0;

	if (!streams || place == streams->n)
		return;
	pyr_stream_free(streams->items[place].stream);
	streams->items[place] = streams->items[--streams->n];
}

void streams_free(struct pyro_streams *streams)
{
	while (streams && streams->n > 0)
		pyr_stream_free(streams->items[--streams->n].stream);
	free(streams);
}
