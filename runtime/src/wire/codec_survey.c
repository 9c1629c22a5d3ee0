/* SPDX-License-Identifier: MIT */
/*
 * What a scanned message holds of each field. The elements of a list are read from the first to the
 * last of them, past all that stands between. So a message with many lists whose elements are mixed
 * would be read once for each: its fields are put together before.
 */
#include <stdlib.h>
#include <string.h>

#include "wire/codec_wire.h"

enum { OFTEN = 16 /* times that a message may be read */ };

static size_t count(const struct codec_field *field, const struct codec_value *value)
{
	size_t n = 0;
	const uint8_t *p;

	if (!field->packable || value->wire != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
		return 1;
	if (field->wire != PROTOBUF_C_WIRE_TYPE_VARINT)
		return (size_t)(value->end - value->payload) /
		       (field->wire == PROTOBUF_C_WIRE_TYPE_32BIT ? 4 : 8);
	for (p = value->payload; p < value->end; p++)
		n += *p < 0x80;
	return n;
}

void codec_look(const struct codec_message *message, const uint8_t *data, const uint8_t *end,
		struct codec_seen *ret)
{
	const struct codec_field *field;
	struct codec_value value;
	struct codec_seen *seen;
	unsigned next = 0;

	for (; data < end && codec_read(data, end, &value); data = value.end) {
		field = codec_find(message, &value, &next);
		if (!field)
			continue;
		seen = &ret[field - message->fields];
		if (!seen->first)
			seen->first = data;
		seen->payload = value.payload;
		seen->end = value.end;
		seen->n += count(field, &value);
	}
}

/* Whether its lists take more than that. In a union one member counts. */
static bool is_mixed(const struct codec_message *message, const struct codec_seen *seen, size_t n)
{
	size_t all = 0;
	unsigned i;

	if (message->n_fields <= OFTEN || message->union_type)
		return false;
	for (i = 0; i < message->n_fields; i++)
		if (message->fields[i].many && seen[i].n > 1)
			all += (size_t)(seen[i].end - seen[i].first);
	return all / OFTEN > n;
}

/* Puts the values where each field's are to begin, in their order. Returns their end. */
static uint8_t *put_together(const struct codec_message *message, const uint8_t *data,
			     const uint8_t *end, size_t *places, uint8_t *to)
{
	const struct codec_field *field;
	struct codec_value value;
	unsigned next = 0, i;
	size_t n, at = 0;
	const uint8_t *p;

	for (p = data; p < end && codec_read(p, end, &value); p = value.end)
		if ((field = codec_find(message, &value, &next)))
			places[field - message->fields] += (size_t)(value.end - p);
	for (i = 0; i < message->n_fields; i++) {
		n = places[i];
		places[i] = at;
		at += n;
	}
	for (p = data; p < end && codec_read(p, end, &value); p = value.end) {
		if (!(field = codec_find(message, &value, &next)))
			continue;
		n = (size_t)(value.end - p);
		memcpy(to + places[field - message->fields], p, n);
		places[field - message->fields] += n;
	}
	return to + at;
}

void *codec_sort(const struct codec_message *message, const uint8_t *data, const uint8_t *end,
		 struct codec_seen *seen, struct arena *arena)
{
	size_t n_places = message->n_fields * sizeof(size_t), n = n_places + (size_t)(end - data);
	size_t *places;
	uint8_t *to;

	if (!is_mixed(message, seen, (size_t)(end - data)))
		return NULL;
	places = arena ? arena_alloc_raw(arena, n) : malloc(n);
	if (!places)
		return NULL; /* then it takes its time */
	to = (uint8_t *)places + n_places;
	memset(places, 0, n_places);
	end = put_together(message, data, end, places, to);
	memset(seen, 0, message->n_fields * sizeof(*seen));
	codec_look(message, to, end, seen);
	return places;
}

struct codec_seen *codec_survey(const struct codec_message *message, const uint8_t *data, size_t n,
				struct arena *arena)
{
	struct codec_seen *seen = arena_alloc(arena, message->n_fields * sizeof(*seen));

	if (seen && n > 0) {
		codec_look(message, data, data + n, seen);
		(void)codec_sort(message, data, data + n, seen, arena);
	}
	return seen;
}
