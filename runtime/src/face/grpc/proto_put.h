/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PROTO_PUT_H
#define PYRITE_PROTO_PUT_H
/* Writes fields of protobuf messages, one after another. When memory is out the buf is broken. */
#include "base/buf.h"
#include "wire/varint.h"

enum { PROTO_VARINT = 0, PROTO_BYTES = 2 }; /* wire types */

static inline void proto_put_raw(struct buf *buf, uint64_t value)
{
	uint8_t *to = buf_grow(buf, varint_size(value));

	if (to)
		varint_put(to, value);
}

static inline void proto_put_number(struct buf *buf, uint32_t id, uint64_t value)
{
	proto_put_raw(buf, (uint64_t)id << 3 | PROTO_VARINT);
	proto_put_raw(buf, value);
}

static inline void proto_put_bytes(struct buf *buf, uint32_t id, struct span bytes)
{
	proto_put_raw(buf, (uint64_t)id << 3 | PROTO_BYTES);
	proto_put_raw(buf, bytes.n);
	buf_append(buf, bytes.p, bytes.n);
}

static inline void proto_put_text(struct buf *buf, uint32_t id, const char *text)
{
	proto_put_bytes(buf, id, span_of(text));
}

/* Takes the message, which is empty then. */
static inline void proto_put_message(struct buf *buf, uint32_t id, struct buf *message)
{
	proto_put_bytes(buf, id, span_of_buf(message));
	if (message->broken)
		buf->broken = true;
	buf_free(message);
}
#endif
