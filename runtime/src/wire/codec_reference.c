/* SPDX-License-Identifier: MIT */
#include "wire/codec_reference.h"

#include <string.h>

#include "base/uri.h"
#include "wire/codec_internal.h"
#include "wire/codec_wire.h"

const struct codec_references *codec_references;

void codec_set_references(const struct codec_references *references)
{
	codec_references = references;
}

enum { INTERFACE = 1, FINGERPRINT, URIS, OBJECT, LINK_LOCAL, IDENTITY };
enum { INTERFACE_NAME_MAX = 1024 }; /* bytes of an interface's name */

/* ---- writing ---- */

static void put_byte(struct buf *buf, uint8_t byte)
{
	buf_append(buf, &byte, 1);
}

static void put_span(struct buf *buf, unsigned id, struct span span)
{
	size_t n = span.n;

	if (n == 0)
		return;
	put_byte(buf, (uint8_t)(id << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED));
	for (; n >= 0x80; n >>= 7)
		put_byte(buf, (uint8_t)(n | 0x80));
	put_byte(buf, (uint8_t)n);
	buf_append(buf, span.p, span.n);
}

static void put_fixed(struct buf *buf, unsigned id, uint64_t value)
{
	int i;

	put_byte(buf, (uint8_t)(id << 3 | PROTOBUF_C_WIRE_TYPE_64BIT));
	for (i = 0; i < 8; i++)
		put_byte(buf, (uint8_t)(value >> (8 * i)));
}

void codec_reference_write(const struct codec_reference *reference, struct buf *buf)
{
	put_span(buf, INTERFACE, reference->interface);
	put_fixed(buf, FINGERPRINT, reference->fingerprint);
	put_span(buf, URIS, reference->uri);
	put_span(buf, OBJECT, reference->object);
	put_span(buf, LINK_LOCAL, reference->link_local);
	put_span(buf, IDENTITY, reference->identity);
}

/* ---- reading ---- */

static struct span *place_of(struct codec_reference *reference, uint32_t id)
{
	switch (id) {
	case INTERFACE:
		return &reference->interface;
	case URIS:
		return &reference->uri;
	case OBJECT:
		return &reference->object;
	case LINK_LOCAL:
		return &reference->link_local;
	case IDENTITY:
		return &reference->identity;
	default:
		return NULL;
	}
}

/* The first of several uris counts. */
static void take(struct codec_reference *reference, const struct codec_value *value)
{
	struct span *place = place_of(reference, value->id);

	if (value->id == FINGERPRINT && value->wire == PROTOBUF_C_WIRE_TYPE_64BIT)
		reference->fingerprint = codec_fixed(value->payload, 8);
	else if (place && value->wire == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED &&
		 !(value->id == URIS && place->n > 0))
		*place = (struct span){ value->payload, (size_t)(value->end - value->payload) };
}

static bool is_text(struct span span, size_t max)
{
	return span.n <= max && codec_is_text(span.p, span.n);
}

static bool is_id(struct span span)
{
	return span.n == 0 || span.n == REFERENCE_ID;
}

const char *codec_reference_read(struct span encoded, struct codec_reference *ret)
{
	const uint8_t *p = encoded.p, *end = span_end(encoded);
	struct codec_value value;

	*ret = (struct codec_reference){ 0 };
	for (; p < end; p = value.end) {
		if (!codec_read(p, end, &value))
			return "is malformed (not protobuf)";
		take(ret, &value);
	}
	if (!is_text(ret->interface, INTERFACE_NAME_MAX))
		return "has an interface name that is not text, or too long";
	if (!is_text(ret->uri, URI_MAX) || !is_text(ret->object, URI_OBJECT_MAX))
		return "has an address that is not text, or too long";
	if (!is_id(ret->link_local) || !is_id(ret->identity))
		return "has an id that is not 16 bytes";
	if (ret->uri.n == 0 && ret->link_local.n == 0)
		return "has neither an address nor an id";
	return NULL;
}
