/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEC_WIRE_H
#define PYRITE_CODEC_WIRE_H
/*
 * Reading the protobuf wire format, one field at a time. Inline: the scan and the fill run through
 * every message with it.
 */
#include "wire/codec_internal.h"
#include "wire/varint.h"

#include <limits.h>

struct codec_value { /* of one field, as found */
	const uint8_t *payload, *end;
	uint32_t id;
	uint8_t wire; /* ProtobufCWireType */
};

/* width: 4 or 8. */
static inline uint64_t codec_fixed(const uint8_t *p, size_t width)
{
	uint64_t low, high = 0;

	low = p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
	if (width == 8)
		high = p[4] | (uint64_t)p[5] << 8 | (uint64_t)p[6] << 16 | (uint64_t)p[7] << 24;
	return low | high << 32;
}

/* The field at p < end. False: malformed; groups, which nothing sends any more, are too. */
static inline bool codec_read(const uint8_t *p, const uint8_t *end, struct codec_value *ret)
{
	size_t n = varint_length(p, end, 5), width = 0;
	uint64_t number = varint_value(p, n);

	if (n == 0 || number > UINT32_MAX || number < 8)
		return false;
	p += n;
	ret->id = (uint32_t)number >> 3;
	ret->wire = number & 7;
	switch (ret->wire) {
	case PROTOBUF_C_WIRE_TYPE_VARINT:
		n = varint_length(p, end, 10);
		if (n == 0)
			return false;
		break;
	case PROTOBUF_C_WIRE_TYPE_64BIT:
		n = 8;
		break;
	case PROTOBUF_C_WIRE_TYPE_32BIT:
		n = 4;
		break;
	case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
		width = varint_length(p, end, 5);
		number = varint_value(p, width);
		if (width == 0 || number > INT_MAX)
			return false;
		n = (size_t)number;
		break;
	default:
		return false;
	}
	ret->payload = p + width;
	if (n > (size_t)(end - ret->payload))
		return false;
	ret->end = ret->payload + n;
	return true;
}

/*
 * The field of the table that this value is for; NULL: unknown, or of another wire type, which is
 * the same. *next: where in by_id the last one stood, plus one; most messages are in order.
 */
static inline const struct codec_field *codec_find(const struct codec_message *message,
						   const struct codec_value *value, unsigned *next)
{
	unsigned low = 0, high = message->pb.n_fields, middle = *next;
	const struct codec_field *field;

	if (middle >= high || message->by_id[middle]->id != value->id) {
		for (middle = 0; low < high;) {
			middle = low + (high - low) / 2;
			if (message->by_id[middle]->id == value->id)
				break;
			if (message->by_id[middle]->id < value->id)
				low = middle + 1;
			else
				high = middle;
		}
		if (low >= high)
			return NULL;
	}
	field = message->by_id[middle];
	*next = field->many ? middle : middle + 1;
	if (value->wire == field->wire ||
	    (field->packable && value->wire == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED))
		return field;
	return NULL;
}
#endif
