/* SPDX-License-Identifier: MIT */
/*
 * Lists of numbers, the parameters and results of most calls that must be fast: written and read in
 * one pass, without a shadow and without protobuf-c. What is read must be what we would write; all
 * else, and every error, is left to codec_scan.c and codec_fill.c, which know what to say of it.
 */
#include "wire/codec_wire.h"

#include <string.h>

/* A number as a varint or fixed value carries it. */
static uint64_t raw_of(uint8_t kind, const union pyr__slot *slot)
{
	switch (kind) {
	case PYR__BOOL: /* by its byte, as codec_widen() */
	case PYR__CHAR:
	case PYR__UINT8:
		return kind == PYR__BOOL ? slot->u8 != 0 : slot->u8;
	case PYR__INT8:
		return (uint64_t)(int64_t)slot->i8;
	case PYR__INT16:
		return (uint64_t)(int64_t)slot->i16;
	case PYR__UINT16:
		return slot->u16;
	case PYR__INT32:
	case PYR__ENUM:
		return (uint64_t)(int64_t)slot->i32;
	case PYR__FLOAT: /* protobuf-c does not send -0.0 */
		return slot->f == 0 ? 0 : slot->u32;
	case PYR__DOUBLE:
		return slot->d == 0 ? 0 : slot->u64;
	case PYR__UINT32:
		return slot->u32;
	default:
		return slot->u64;
	}
}

static uint8_t *put_fixed(uint8_t *p, uint64_t v, unsigned width)
{
	unsigned i;

	for (i = 0; i < width; i++)
		*p++ = (uint8_t)(v >> (8 * i));
	return p;
}

size_t codec_flat_put(const struct codec_message *message, const union pyr__slot *slots,
		      uint8_t *dst)
{
	const struct codec_field *field = message->fields;
	const struct codec_field *end = field + message->n_fields;
	uint8_t *p = dst;
	uint64_t raw;

	for (; field < end; field++, slots++) {
		raw = raw_of(field->value->kind, slots);
		if (raw == 0)
			continue;
		*p++ = (uint8_t)(field->id << 3 | field->wire);
		if (field->wire == PROTOBUF_C_WIRE_TYPE_VARINT)
			p = varint_put(p, raw);
		else
			p = put_fixed(p, raw, field->wire == PROTOBUF_C_WIRE_TYPE_32BIT ? 4 : 8);
	}
	return (size_t)(p - dst);
}

/* Returns false if it is cut short. */
static bool get_raw(const uint8_t **data, const uint8_t *end, uint8_t wire, uint64_t *ret)
{
	size_t width = wire == PROTOBUF_C_WIRE_TYPE_32BIT ? 4 : 8;

	if (wire == PROTOBUF_C_WIRE_TYPE_VARINT)
		return varint_get(data, end, ret);
	if ((size_t)(end - *data) < width)
		return false;
	*ret = codec_fixed(*data, width);
	*data += width;
	return true;
}

/* Returns false if it does not fit. */
static bool set(uint8_t kind, uint64_t raw, union pyr__slot *ret)
{
	switch (kind) {
	case PYR__BOOL:
		ret->b = raw != 0;
		return true;
	case PYR__CHAR:
	case PYR__UINT8:
		ret->u8 = (uint8_t)raw;
		return (uint32_t)raw <= UINT8_MAX;
	case PYR__INT8:
		ret->i8 = (int8_t)raw;
		return (int32_t)raw == ret->i8;
	case PYR__INT16:
		ret->i16 = (int16_t)raw;
		return (int32_t)raw == ret->i16;
	case PYR__UINT16:
		ret->u16 = (uint16_t)raw;
		return (uint32_t)raw <= UINT16_MAX;
	case PYR__INT64:
	case PYR__UINT64:
	case PYR__DOUBLE:
		ret->u64 = raw;
		return true;
	default:
		ret->u32 = (uint32_t)raw;
		return true;
	}
}

bool codec_flat_get(const struct codec_message *message, const uint8_t *data, size_t n,
		    union pyr__slot *ret)
{
	const struct codec_field *field = message->fields;
	const struct codec_field *last = field + message->n_fields;
	const uint8_t *end = n > 0 ? data + n : data;
	uint64_t raw;

	for (; field < last; field++, ret++) {
		*ret = (union pyr__slot){ .u64 = 0 };
		if (data == end || *data != (field->id << 3 | field->wire))
			continue;
		data++;
		if (!get_raw(&data, end, field->wire, &raw) || !set(field->value->kind, raw, ret))
			return false;
	}
	return data == end;
}
